import { spawnSync } from 'node:child_process';
import { resolve } from 'node:path';
import type { ExecutionContext } from 'ava';
import { makeMetrics } from '../../agent/api/metrics.js';
import { alerts } from '../../deploy/grafana/rules.js';
import { parseExposition } from '../api/exposition.js';
import { FakeView } from '../api/fake-view.js';
import { kernelTest } from '../kernel-test.js';
import { type Choice, choicesOf, substituted } from './choices.js';
import { type DashboardModel, dashboards, panelsOf, type TargetModel } from './model.js';
import { PlayedDemo } from './played-demo.js';
import { type Answer, Prometheus, type Span } from './prometheus.js';
import { hasPrometheus, prometheusTest } from './prometheus-test.js';
import { groupingsOf, labelsMadeBy, labelsOfLegend, selectorsOf } from './promql.js';

const rules = 'deploy/helm/weft/files/alerts.yaml';

/** Metrics of which the demo need not have a series, because what they count is nothing to be foretold: their labels are those of an agent that has. */
const rare: ReadonlySet<string> = new Set([
  // Problems of manifests: the demo has none but for moments.
  'weft_problems',
]);

/** Labels of every metric that Prometheus has, or that is listed above. */
class Known {
  readonly #prometheus: Prometheus;
  readonly #span: Span;
  readonly #labels = new Map<string, ReadonlySet<string>>();

  constructor(prometheus: Prometheus, span: Span) {
    this.#prometheus = prometheus;
    this.#span = span;
  }

  async labelsOf(metric: string): Promise<ReadonlySet<string>> {
    const known = this.#labels.get(metric);
    if (known !== undefined) return known;
    const series = await this.#prometheus.series(metric, this.#span);
    const found = rare.has(metric) ? await labelsElsewhere(metric) : series.flatMap((each) => Object.keys(each));
    const labels = new Set(found);
    this.#labels.set(metric, labels);
    return labels;
  }

  /** What is wrong with names in a query: metrics that nobody has, labels that none of their series has. */
  async faultsOf(query: string): Promise<readonly string[]> {
    const faults: string[] = [];
    const all = new Set(labelsMadeBy(query));
    for (const { labels, metrics } of selectorsOf(query)) {
      for (const metric of metrics) {
        const known = await this.labelsOf(metric);
        if (known.size === 0) faults.push(`there is no ${metric}`);
        for (const label of labels) if (!known.has(label)) faults.push(`${metric} has no label ${label}`);
        for (const label of known) all.add(label);
      }
    }
    for (const label of groupingsOf(query)) if (!all.has(label)) faults.push(`nothing in ${query} has ${label}`);
    return faults;
  }
}

/** Of a metric in the exposition of an agent with problems. */
async function labelsElsewhere(metric: string): Promise<readonly string[]> {
  const view = new FakeView();
  view.measured = { ...view.measured, problems: [{ severity: 'error', code: 'WEFT0101', count: 1 }] };
  const metrics = makeMetrics(view);
  const families = parseExposition([...(await metrics.render())].join(''));
  metrics.close();
  const samples = families.get(metric)!.samples;
  return ['job', 'instance', ...samples.flatMap(({ labels }) => Object.keys(labels))];
}

/** The answers of the first choice for which a query gives a finite value at some time; undefined when none does. */
async function answersOf(
  { expr }: TargetModel,
  choices: readonly Choice[],
  prometheus: Prometheus,
  span: Span,
): Promise<readonly Answer[] | undefined> {
  for (const choice of choices) {
    const answers = await prometheus.range(substituted(expr, choice), span);
    if (answers.some(({ values }) => values.some(Number.isFinite))) return answers;
  }
  return undefined;
}

async function faultsOfDashboard(dashboard: DashboardModel, prometheus: Prometheus, span: Span): Promise<string[]> {
  const known = new Known(prometheus, span);
  const choices = await choicesOf(dashboard.templating.list, prometheus, span);
  const faults: string[] = choices.length === 0 ? ['a variable has no value'] : [];
  for (const { targets = [], title } of panelsOf(dashboard)) {
    for (const target of targets) {
      faults.push(...(await known.faultsOf(substituted(target.expr, {}))));
      const answers = await answersOf(target, choices, prometheus, span);
      if (answers === undefined) faults.push(`${title}: no finite value of ${target.expr}`);
      const missing = labelsOfLegend(target.legendFormat).filter((label) => {
        return (answers ?? []).some(({ metric }) => Object.keys(metric).length > 0 && metric[label] === undefined);
      });
      if (missing.length > 0) faults.push(`${title}: series without ${missing.join(', ')}`);
    }
  }
  return faults;
}

/** Every rule was evaluated, and what each asks of exists. */
async function faultsOfRules(prometheus: Prometheus, span: Span): Promise<readonly string[]> {
  const evaluated = await prometheus.rules();
  const known = new Known(prometheus, span);
  const faults = await Promise.all(alerts.map(({ expr }) => known.faultsOf(expr)));
  const unwell = evaluated
    .filter(({ health }) => health !== 'ok')
    .map(({ lastError, name }) => `${name}: ${lastError}`);
  return [...faults.flat(), ...unwell, ...(evaluated.length === alerts.length + 2 ? [] : ['not all rules are there'])];
}

/** Istio's name, and what is measured in the same unit because it is read beside it. */
const inMilliseconds = ['istio_request_duration_milliseconds', 'weft_gateway_backend_latency_milliseconds'];

/** What `promtool check metrics` finds, one fault a line, without the unit that Istio chose. */
function lintOf(exposition: string): readonly string[] {
  const { stderr } = spawnSync('promtool', ['check', 'metrics'], { input: exposition, encoding: 'utf8' });
  const expected = inMilliseconds.map((name) => `${name} use base unit "seconds" instead of "milliseconds"`);
  return stderr.split('\n').filter((line) => line !== '' && !expected.includes(line));
}

async function play(t: ExecutionContext): Promise<void> {
  t.timeout(300_000);
  const demo = await PlayedDemo.start(t);
  const prometheus = await Prometheus.start(t, await demo.relay(t), resolve(rules));
  const from = Date.now() / 1000;
  // 1: the demo did not like its own traffic, which is another test's matter.
  t.true([0, 1].includes((await demo.ended) as number), demo.words);
  const span = { from, to: demo.scraped };

  t.deepEqual(lintOf(demo.text), []);
  for (const dashboard of dashboards) {
    t.deepEqual(await faultsOfDashboard(dashboard, prometheus, span), [], dashboard.uid);
  }
  t.deepEqual(await faultsOfRules(prometheus, span), []);
}

const title = 'in Prometheus, which scrapes the demo, everything that dashboards and rules ask for is there';
if (hasPrometheus) kernelTest(title, play);
else prometheusTest(title, play);
