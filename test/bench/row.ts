import type { Aim, Row } from './bench.js';

/** What one variant gave, one value a round. */
export interface Series {
  readonly name: string;
  readonly params: Readonly<Record<string, string | number>>;
  readonly unit: string;
  readonly values: readonly number[];
  /** Measured in the same rounds. */
  readonly baseline?: Series;
}

/** The value below which a share `q` of `values` lies (nearest rank); NaN without values. */
export function quantile(values: readonly number[], q: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.max(0, Math.ceil(q * sorted.length) - 1))] ?? Number.NaN;
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length / 2;
  return sorted.length % 2 === 1
    ? sorted[Math.floor(middle)]!
    : ((sorted[middle - 1] ?? Number.NaN) + (sorted[middle] ?? Number.NaN)) / 2;
}

/** `name` and the params in their order, for example `weft services=100 aim=one`. */
export function label(of: Pick<Series, 'name' | 'params'>): string {
  return [of.name, ...Object.entries(of.params).map(([key, value]) => `${key}=${value}`)].join(' ');
}

/** The differences to the baseline, round by round. */
export function differences(series: Series): readonly number[] {
  return series.values.map((value, round) => value - (series.baseline?.values[round] ?? Number.NaN));
}

/** The difference of the tenth percentiles: what is added in the fastest rounds. */
export function addedFastest(series: Series): number {
  return quantile(series.values, 0.1) - quantile(series.baseline?.values ?? [], 0.1);
}

export function row(series: Series): Row {
  const { name, params, unit, values, baseline } = series;
  return {
    name,
    params,
    unit,
    median: median(values),
    p10: quantile(values, 0.1),
    min: Math.min(...values),
    max: Math.max(...values),
    ratio_to: baseline ? label(baseline) : null,
    ratio: baseline ? median(values.map((value, round) => value / (baseline.values[round] ?? Number.NaN))) : null,
    added: baseline ? median(differences(series)) : null,
    added_p10: baseline ? addedFastest(series) : null,
  };
}

/** An aim that is met by a value of at most `bound`. */
export function atMost(text: string, value: number, unit: string, bound: number): Aim {
  return { text: `${text} ≤ ${Number(bound.toPrecision(3))} ${unit}`, value, unit, met: value <= bound };
}

/** An aim that is met by a value of at least `bound`. */
export function atLeast(text: string, value: number, unit: string, bound: number): Aim {
  return { text: `${text} ≥ ${Number(bound.toPrecision(3))} ${unit}`, value, unit, met: value >= bound };
}
