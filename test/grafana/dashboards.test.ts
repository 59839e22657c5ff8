import { existsSync, readdirSync, readFileSync } from 'node:fs';
import test from 'ava';
import { generated } from '../../deploy/grafana/generated.js';
import { type DashboardModel, dashboards, type PanelModel, panelsOf } from './model.js';
import { labelsOfLegend } from './promql.js';

test('the chart has what the generator gives, and no dashboard besides', (t) => {
  for (const [path, text] of generated()) {
    t.true(existsSync(path), `${path}: node dist/deploy/grafana/generate.js`);
    t.is(readFileSync(path, 'utf8'), text, `${path}: node dist/deploy/grafana/generate.js`);
  }
  const files = readdirSync('deploy/helm/weft/files/dashboards').map(
    (name) => `deploy/helm/weft/files/dashboards/${name}`,
  );
  t.deepEqual(files.sort(), [...generated().keys()].filter((path) => path.endsWith('.json')).sort());
});

test('uids are fixed, and links lead to them alone', (t) => {
  t.deepEqual(
    dashboards.map(({ uid }) => uid),
    ['weft-mesh', 'weft-service', 'weft-workload', 'weft-node'],
  );
  for (const dashboard of dashboards) {
    const uids = [...JSON.stringify(dashboard).matchAll(/\/d\/([\w-]+)/g)].map(([, uid]) => uid);
    for (const uid of uids)
      t.true(
        dashboards.some((other) => other.uid === uid),
        `${dashboard.uid} links to ${uid}`,
      );
    t.deepEqual(
      dashboard.links.map(({ tags, type }) => [type, ...tags]),
      [['dashboards', 'weft']],
    );
    t.deepEqual(dashboard.tags, ['weft']);
  }
});

/** Variables that a link sets are the target's. */
test('links set variables that there are', (t) => {
  for (const dashboard of dashboards) {
    for (const [, uid, query] of JSON.stringify(dashboard).matchAll(/\/d\/([\w-]+)\?([^"]*)/g)) {
      const names = dashboards.find((other) => other.uid === uid)!.templating.list.map(({ name }) => name);
      const set = [...query!.matchAll(/var-(\w+)=|\$\{(\w+):queryparam\}/g)].map((match) => match[1] ?? match[2]!);
      t.true(set.length > 2);
      for (const name of set) t.true(names.includes(name), `${dashboard.uid} sets ${name} of ${uid}`);
    }
  }
});

function overlaps(a: PanelModel, b: PanelModel): boolean {
  const [p, q] = [a.gridPos, b.gridPos];
  return p.x < q.x + q.w && q.x < p.x + p.w && p.y < q.y + q.h && q.y < p.y + p.h;
}

for (const dashboard of dashboards) {
  test(`${dashboard.uid}: panels have places of their own in 24 columns, without holes`, (t) => {
    const { panels } = dashboard;
    t.is(new Set(panels.map(({ id }) => id)).size, panels.length);
    panels.forEach((panel, index) => {
      const { h, w, x, y } = panel.gridPos;
      t.true(x >= 0 && y >= 0 && w > 0 && h > 0 && x + w <= 24, panel.title);
      for (const other of panels.slice(index + 1)) t.false(overlaps(panel, other), `${panel.title}, ${other.title}`);
    });
    const area = panels.reduce((sum, { gridPos: { h, w } }) => sum + h * w, 0);
    const height = Math.max(...panels.map(({ gridPos: { h, y } }) => y + h));
    t.is(area, 24 * height, 'every place is taken');
  });

  test(`${dashboard.uid}: every panel says what it shows, in which unit, from the chosen data source`, (t) => {
    t.true(dashboard.description.length > 20);
    const titles = panelsOf(dashboard).map(({ title, type }) => `${title} ${type}`);
    t.true(titles.length > 10);
    for (const panel of panelsOf(dashboard)) {
      t.true(panel.title.length > 2);
      t.true((panel.description ?? '').length > 15, panel.title);
      t.truthy(panel.fieldConfig?.defaults.unit, panel.title);
      t.is(panel.datasource?.uid, `\${datasource}`, panel.title);
      t.true(panel.targets!.length > 0, panel.title);
      t.deepEqual(
        panel.targets!.map(({ refId }) => refId),
        [...'ABCDEFGHIJ'].slice(0, panel.targets!.length),
      );
      for (const target of panel.targets!) t.is(target.datasource.uid, `\${datasource}`, panel.title);
    }
  });

  test(`${dashboard.uid}: variables are explained, and used`, (t) => {
    const { list } = dashboard.templating;
    const used = JSON.stringify({ panels: dashboard.panels, queries: list.map(({ query }) => query) });
    t.is(list[0]?.type, 'datasource');
    for (const { description, includeAll, allValue, label, name } of list) {
      t.true(label !== '' && description.length > 10, name);
      t.regex(used, new RegExp(`\\$\\{?${name}\\b`), name);
      t.is(includeAll, allValue !== undefined, name);
    }
    const known = new Set([
      ...list.map(({ name }) => name),
      '__rate_interval',
      '__value',
      '__data',
      '__url_time_range',
    ]);
    for (const [, name] of used.matchAll(/\$\{?([a-zA-Z_]\w*)/g)) t.true(known.has(name!), `$${name}`);
  });

  test(`${dashboard.uid}: tables sort by, and format, columns that they have`, (t) => {
    for (const panel of panelsOf(dashboard).filter(({ type }) => type === 'table')) {
      const columns = columnsOf(panel);
      t.is(new Set(columns).size, columns.length);
      for (const { matcher } of panel.fieldConfig!.overrides)
        t.true(columns.includes(matcher.options), matcher.options);
      t.true(columns.includes(sortedBy(panel)), panel.title);
    }
  });

  test(`${dashboard.uid}: series of several queries can be told apart`, (t) => {
    for (const { targets = [], title, type } of panelsOf(dashboard)) {
      if (type === 'table') continue;
      const legends = targets.map(({ legendFormat }) => legendFormat);
      t.is(new Set(legends).size, legends.length, title);
      for (const { expr, legendFormat } of targets) {
        t.not(legendFormat, '', title);
        for (const label of labelsOfLegend(legendFormat)) t.true(expr.includes(label), `${title}: ${label}`);
      }
    }
  });
}

function columnsOf({ transformations = [] }: PanelModel): readonly string[] {
  const organize = transformations.find(({ id }) => id === 'organize');
  return Object.values(organize!.options.renameByName as Record<string, string>);
}

function sortedBy(panel: PanelModel): string {
  const { options } = panel as PanelModel & { options: { sortBy: readonly { displayName: string }[] } };
  return options.sortBy[0]!.displayName;
}

test('what is the same in several dashboards has the same name', (t) => {
  const variables = new Map<string, string>();
  for (const { templating } of dashboards as readonly DashboardModel[]) {
    for (const { name, query } of templating.list) {
      if (name !== 'job' && name !== 'datasource') continue;
      t.is(variables.get(name) ?? query, query);
      variables.set(name, query);
    }
  }
  t.is(variables.size, 2);
});
