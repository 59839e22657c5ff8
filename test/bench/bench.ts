import type { Scope } from './scope.js';

/** What the command line asks of every bench. */
export interface BenchOptions {
  /** The short form: the small sizes only, few rounds. */
  readonly quick: boolean;
  /** Rounds to measure; a bench chooses when it is undefined. */
  readonly rounds: number | undefined;
  /** The CPU that everything measured on one CPU is pinned to. */
  readonly cpu: number;
  /** The variants to measure besides the baseline; undefined: all. */
  readonly only: readonly string[] | undefined;
  readonly scope: Scope;
  /** Says what is going on, on stderr. */
  say(line: string): void;
}

/** One line of the table and of `rows` in the JSON. `median`, `p10` (tenth percentile), `min` and `max` are over the rounds, in `unit`. */
export interface Row {
  readonly name: string;
  readonly params: Readonly<Record<string, string | number>>;
  readonly unit: string;
  readonly median: number;
  readonly p10: number;
  readonly min: number;
  readonly max: number;
  /** The row this one is compared with, as `name` and params; null for a baseline. */
  readonly ratio_to: string | null;
  /** Median over the rounds of this row's value by the baseline's of the same round. */
  readonly ratio: number | null;
  /** Median over the rounds of the difference to the baseline, in `unit`. */
  readonly added: number | null;
  /** Difference of the tenth percentiles to the baseline's, in `unit`: what is added in the fastest rounds. */
  readonly added_p10: number | null;
}

/** A bound the project set itself, with what this run measured. */
export interface Aim {
  readonly text: string;
  readonly value: number;
  readonly unit: string;
  readonly met: boolean;
}

export interface Outcome {
  readonly rounds: number;
  readonly rows: readonly Row[];
  readonly aims: readonly Aim[];
  /** How it was measured, and what a reader needs to judge the figures. */
  readonly notes: readonly string[];
}

export type Bench = (options: BenchOptions) => Promise<Outcome>;
