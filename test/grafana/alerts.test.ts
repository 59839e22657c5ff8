import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import test from 'ava';
import { parse } from 'yaml';
import { makeProgram } from '../../agent/cli/program.js';
import { type Alert, alerts, renderRules } from '../../deploy/grafana/rules.js';
import { type AlertCase, alertCases } from './alert-cases.js';
import { dashboards } from './model.js';
import { prometheusTest } from './prometheus-test.js';

const program = await makeProgram(undefined);
const commands = program.commands.map((command) => command.name());

const rules = resolve('deploy/helm/weft/files/alerts.yaml');

/** Of the alerts of a rule file, by their names. */
function annotationsIn(text: string): ReadonlyMap<string, Readonly<Record<string, string>>> {
  const { groups } = parse(text) as {
    groups: readonly { rules: readonly { alert?: string; annotations: Readonly<Record<string, string>> }[] }[];
  };
  return new Map(
    groups.flatMap(({ rules }) => rules.flatMap((each) => (each.alert ? [[each.alert, each.annotations]] : []))),
  );
}

/** promtool's verdict on a file with this text; empty when it finds no fault. */
function promtool(task: 'check' | 'test', text: string): string {
  const directory = mkdtempSync(join(tmpdir(), 'weft-alerts-'));
  try {
    const file = join(directory, 'file.yaml');
    writeFileSync(file, text);
    const { status, stderr, stdout } = spawnSync('promtool', [task, 'rules', file], { encoding: 'utf8' });
    return status === 0 ? '' : `${stdout}${stderr}`;
  } finally {
    rmSync(directory, { recursive: true });
  }
}

/** The verdict on unit tests of the rules, JSON being YAML; empty when all went as expected. */
function unexpected(tests: readonly object[]): string {
  return promtool('test', JSON.stringify({ rule_files: [rules], evaluation_interval: '1m', tests }));
}

function seriesOf(lines: readonly string[]): readonly object[] {
  return lines.map((line) => {
    const space = line.indexOf('} ') + 1;
    return { series: line.slice(0, space), values: line.slice(space + 1) };
  });
}

/** An alert's text with what its templates put in. */
function filled(text: string, { labels, value }: AlertCase): string {
  return text
    .replace(/\{\{ \$labels\.(\w+) \}\}/g, (_, label: string) => labels[label] ?? `no label ${label}`)
    .replace(/\{\{ \$value[^}]*\}\}/g, () => value ?? 'no value');
}

function expectation(alert: Alert, each: AlertCase): object {
  return {
    exp_labels: { severity: alert.severity, ...each.labels },
    exp_annotations: {
      summary: filled(alert.summary, each),
      description: filled(alert.description, each),
      runbook: `deploy/runbook.md, section ${alert.alert}`,
    },
  };
}

function testsOf(each: AlertCase): readonly object[] {
  const alert = alerts.find(({ alert }) => alert === each.alert)!;
  const at = (time: string, expected: readonly object[]): object => {
    return { eval_time: time, alertname: each.alert, exp_alerts: expected };
  };
  const fires = [at(each.notYet, []), at(each.at, [expectation(alert, each)])];
  return [
    { interval: '1m', input_series: seriesOf(each.fires), alert_rule_test: fires },
    { interval: '1m', input_series: seriesOf(each.calm), alert_rule_test: [at(each.at, [])] },
  ];
}

prometheusTest('promtool finds no fault with the rules', (t) => {
  const { status, stderr, stdout } = spawnSync('promtool', ['check', 'rules', rules], { encoding: 'utf8' });
  t.is(status, 0, `${stdout}${stderr}`);
  t.regex(stdout, new RegExp(`SUCCESS: ${alerts.length + 2} rules found`));
});

for (const each of alertCases) {
  prometheusTest(`${each.alert} fires when it should, and not before or otherwise`, (t) => {
    t.is(unexpected(testsOf(each)), '');
  });
}

test('a link to the runbook leads to the alert’s own entry, and is absolute or not there', (t) => {
  const linked = annotationsIn(renderRules('https://git.example/weft/runbook.md'));
  const plain = annotationsIn(readFileSync(rules, 'utf8'));
  t.is(linked.size, alerts.length);
  for (const { alert, description, summary } of alerts) {
    const runbook_url = `https://git.example/weft/runbook.md#${alert.toLowerCase()}`;
    t.deepEqual(linked.get(alert), { summary, description, runbook_url });
    t.deepEqual(plain.get(alert), { summary, description, runbook: `deploy/runbook.md, section ${alert}` });
  }
  t.throws(() => renderRules('deploy/runbook.md'), { instanceOf: TypeError });
});

prometheusTest('promtool finds no fault with linked rules, which a command prints for hosts without the chart', (t) => {
  const url = 'https://git.example/weft/runbook.md';
  const printed = spawnSync(process.execPath, ['dist/deploy/grafana/rules.js', url], { encoding: 'utf8' });
  t.is(printed.stdout, renderRules(url), printed.stderr);
  t.is(promtool('check', printed.stdout), '');
});

test('every alert has a case', (t) => {
  const names = alerts.map(({ alert }) => alert);
  t.deepEqual(alertCases.map(({ alert }) => alert).sort(), [...names].sort());
  t.is(new Set(names).size, names.length);
});

/** Headings of the runbook of the second rank, with the text below each. */
function entriesOf(markdown: string): ReadonlyMap<string, string> {
  const [, ...entries] = markdown.split(/^## /m);
  return new Map(
    entries.map((entry) => {
      const end = entry.indexOf('\n');
      return [entry.slice(0, end), entry.slice(end)];
    }),
  );
}

test('every alert has an entry in the runbook: what it means, what it does, how to look and what to do', (t) => {
  const entries = entriesOf(readFileSync('deploy/runbook.md', 'utf8'));
  t.deepEqual([...entries.keys()].sort(), alerts.map(({ alert }) => alert).sort());
  for (const [alert, entry] of entries) {
    const parts = [...entry.matchAll(/^\*\*(\w+)\.\*\* \S/gm)].map(([, part]) => part);
    t.deepEqual(parts, ['Meaning', 'Impact', 'Diagnosis', 'Mitigation'], alert);
  }
});

test('the runbook refers to entries, commands and panels that there are', (t) => {
  const runbook = readFileSync('deploy/runbook.md', 'utf8');
  const anchors = alerts.map(({ alert }) => alert.toLowerCase());
  for (const [, anchor] of runbook.matchAll(/\]\(#([\w-]+)\)/g)) t.true(anchors.includes(anchor!), anchor);
  for (const [, command] of runbook.matchAll(/`weft ([a-z]+)/g)) t.true(commands.includes(command!), command);
  const titles = dashboards.flatMap((dashboard) => dashboard.panels.map(({ title }) => title.replaceAll('’', "'")));
  for (const [, title] of runbook.matchAll(/“([^”]+)”/g)) {
    t.true(
      titles.some((each) => each === title || each.startsWith(`${title}, `)),
      title,
    );
  }
});
