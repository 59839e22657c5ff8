/** One sample of Prometheus' text format. */
export interface Sample {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

export interface Family {
  readonly name: string;
  readonly type: string;
  readonly help: string;
  readonly samples: readonly Sample[];
}

interface OpenFamily extends Family {
  type: string;
  readonly samples: Sample[];
}

const metricName = /^[a-zA-Z_:][a-zA-Z0-9_:]*$/;
const labelName = /^[a-zA-Z_][a-zA-Z0-9_]*$/;
const suffixes: Readonly<Record<string, readonly string[]>> = {
  histogram: ['_bucket', '_sum', '_count'],
  summary: ['', '_sum', '_count'],
  counter: [''],
  gauge: [''],
};

function parseValue(text: string): number {
  if (text === '+Inf') return Number.POSITIVE_INFINITY;
  if (text === '-Inf') return Number.NEGATIVE_INFINITY;
  if (text === 'Nan' || text === 'NaN') return Number.NaN;
  if (!/^-?\d+(\.\d+)?([eE][+-]?\d+)?$/.test(text)) throw new Error(`not a number: ${text}`);
  return Number(text);
}

function parseLabels(text: string): Record<string, string> {
  const labels: Record<string, string> = {};
  let rest = text;
  while (rest !== '') {
    const match = /^([^=]+)="((?:[^"\\\n]|\\["\\n])*)"(,|$)/.exec(rest);
    if (match === null) throw new Error(`not labels: ${rest}`);
    const [whole, name, value] = match;
    if (!labelName.test(name!)) throw new Error(`not a label name: ${name}`);
    if (Object.hasOwn(labels, name!)) throw new Error(`label twice: ${name}`);
    labels[name!] = value!.replace(/\\(["\\n])/g, (_, escaped: string) => (escaped === 'n' ? '\n' : escaped));
    rest = rest.slice(whole.length);
  }
  return labels;
}

function parseSample(line: string): Sample {
  const match = /^([^\s{]+)(?:\{(.*)\})? (\S+)$/.exec(line);
  if (match === null) throw new Error(`not a sample: ${line}`);
  const [, name, labels = '', value] = match;
  if (!metricName.test(name!)) throw new Error(`not a metric name: ${name}`);
  return { name: name!, labels: parseLabels(labels), value: parseValue(value!) };
}

/**
 * Parses Prometheus' text format 0.0.4, strictly: HELP then TYPE before the samples of each family, no family or sample twice, no empty
 * label, counters that end in _total and never below 0, nothing else that ends in _total, histograms with cumulative buckets up to +Inf.
 */
export function parseExposition(text: string): ReadonlyMap<string, Family> {
  if (!text.endsWith('\n')) throw new Error('the last line does not end');
  const families = new Map<string, OpenFamily>();
  const seen = new Set<string>();
  let current: OpenFamily | undefined;
  for (const line of text.slice(0, -1).split('\n')) {
    if (line === '') continue;
    const help = /^# HELP (\S+) (.+)$/.exec(line);
    const type = /^# TYPE (\S+) (\S+)$/.exec(line);
    if (help !== null) {
      if (families.has(help[1]!)) throw new Error(`family twice: ${help[1]}`);
      current = { name: help[1]!, type: '', help: help[2]!, samples: [] };
      families.set(current.name, current);
    } else if (type !== null) {
      if (current === undefined || current.name !== type[1] || current.type !== '')
        throw new Error(`TYPE out of place: ${line}`);
      if (!Object.hasOwn(suffixes, type[2]!)) throw new Error(`unknown type: ${line}`);
      current.type = type[2]!;
    } else {
      const sample = parseSample(line);
      if (current === undefined) throw new Error(`sample before its family: ${line}`);
      const family: OpenFamily = current;
      if (!(suffixes[family.type] ?? []).some((suffix) => sample.name === `${family.name}${suffix}`))
        throw new Error(`sample out of place: ${line}`);
      const identity = JSON.stringify([sample.name, Object.entries(sample.labels).sort()]);
      if (seen.has(identity)) throw new Error(`sample twice: ${line}`);
      seen.add(identity);
      if (Object.values(sample.labels).includes('')) throw new Error(`empty label: ${line}`);
      family.samples.push(sample);
    }
  }
  for (const family of families.values()) check(family);
  return families;
}

function check({ name, type, samples }: Family): void {
  if ((type === 'counter') !== name.endsWith('_total')) throw new Error(`${name} is a ${type}`);
  if (type === 'counter' && samples.some(({ value }) => !(value >= 0))) throw new Error(`${name} is below 0`);
  if (type !== 'histogram') return;
  const groups = new Map<string, Sample[]>();
  for (const sample of samples) {
    const { le: _le, ...labels } = sample.labels;
    const key = JSON.stringify(Object.entries(labels).sort());
    groups.set(key, [...(groups.get(key) ?? []), sample]);
  }
  for (const group of groups.values()) {
    const buckets = group.filter((sample) => sample.name === `${name}_bucket`);
    const count = group.find((sample) => sample.name === `${name}_count`);
    if (buckets.at(-1)?.labels.le !== '+Inf') throw new Error(`${name} has no +Inf bucket`);
    if (buckets.at(-1)?.value !== count?.value) throw new Error(`${name}: +Inf differs from _count`);
    buckets.reduce(
      (before, { labels, value }) => {
        const bound = parseValue(labels.le!);
        if (bound <= before.bound || value < before.value) throw new Error(`${name}: buckets are not cumulative`);
        return { bound, value };
      },
      { bound: Number.NEGATIVE_INFINITY, value: 0 },
    );
  }
}
