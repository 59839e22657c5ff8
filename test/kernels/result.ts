import type { KernelImage } from './images.js';
import type { Boot } from './qemu.js';

/** What one kernel of the matrix gave. */
export interface KernelResult {
  readonly series: string;
  /** What `uname -r` says, or `-` when there was no kernel to boot. */
  readonly release: string;
  /** Boots that were needed until init ran. */
  readonly attempts: number;
  readonly bootSeconds: number | null;
  /** Names of checks. */
  readonly passed: readonly string[];
  readonly failed: readonly Reason[];
  readonly skipped: readonly Reason[];
  readonly measures: readonly string[];
}

export interface Reason {
  readonly check: string;
  readonly reason: string;
}

export function resultWithoutBoot(series: string, reason: string): KernelResult {
  const failed = [{ check: 'boot', reason }];
  return { series, release: '-', attempts: 0, bootSeconds: null, passed: [], failed, skipped: [], measures: [] };
}

/**
 * Counts a boot's records. A guest that did not say `done`, or said it without having run any check, is itself a failure, named after the check it was in; `console`
 * (the end of the kernel's console) then says why.
 */
export function resultOfBoot(kernel: KernelImage, boot: Boot, attempts: number, console: string): KernelResult {
  const ends = boot.records.filter((record) => record.kind === 'end');
  const named = (outcome: string): Reason[] => ends.filter((end) => end.outcome === outcome);
  const failed = named('failed');
  const begun = boot.records.findLast((record) => record.kind === 'begin')?.check;
  const unfinished = ends.some((end) => end.check === begun) ? undefined : begun;
  if (boot.end !== 'done') {
    failed.push({ check: unfinished ?? 'boot', reason: `the guest ended as ${boot.end}; its console:\n${console}` });
  } else if (ends.length === 0) {
    failed.push({ check: 'boot', reason: 'the guest ran no checks' });
  }
  return {
    series: kernel.series,
    release: kernel.release,
    attempts,
    bootSeconds: boot.bootSeconds,
    passed: named('passed').map(({ check }) => check),
    failed,
    skipped: named('skipped'),
    measures: boot.records
      .filter((record) => record.kind === 'measure')
      .map(({ name, value, unit }) => `${name}: ${value} ${unit}`),
  };
}

/** A table with a row a kernel, the reasons of what failed or was skipped, measurements, and the line `N passed, N failed, N skipped`. */
export function renderResults(results: readonly KernelResult[]): string {
  const rows = results.map((result) => [
    result.series,
    result.release,
    `${result.bootSeconds?.toFixed(1) ?? '-'}${result.attempts > 1 ? ` (${result.attempts} boots)` : ''}`,
    ...[result.passed, result.failed, result.skipped].map((list) => String(list.length)),
  ]);
  const lines = table([['KERNEL', 'RELEASE', 'BOOT S', 'PASSED', 'FAILED', 'SKIPPED'], ...rows]);
  for (const { series, measures } of results) {
    for (const measure of measures) lines.push(`${series} measured ${measure}`);
  }
  for (const { series, skipped } of results) {
    for (const { check, reason } of skipped) lines.push(`${series} skipped ${check}: ${reason}`);
  }
  for (const { series, failed } of results) {
    for (const { check, reason } of failed) lines.push(`${series} FAILED ${check}: ${reason}`);
  }
  const total = (list: 'passed' | 'failed' | 'skipped'): number =>
    results.reduce((sum, result) => sum + result[list].length, 0);
  lines.push(`${total('passed')} passed, ${total('failed')} failed, ${total('skipped')} skipped`);
  return `${lines.join('\n')}\n`;
}

function table(rows: readonly (readonly string[])[]): string[] {
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)));
  return rows.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column]!))
      .join('  ')
      .trimEnd(),
  );
}
