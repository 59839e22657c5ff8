import type { KernelImage } from './images.js';
import type { Boot } from './qemu.js';
import { type Outcome, outcomes } from './record.js';

/** What one kernel of the matrix gave. */
export interface KernelResult {
  readonly series: string;
  /** What `uname -r` says, or `-` when there was no kernel to boot. */
  readonly release: string;
  /** Boots that were needed until init ran. */
  readonly attempts: number;
  readonly bootSeconds: number | null;
  /** In the order in which they ran. */
  readonly checks: readonly CheckResult[];
  /** Measurements and facts, in the order in which they were found. */
  readonly findings: readonly Finding[];
}

export interface CheckResult {
  readonly check: string;
  readonly outcome: Outcome;
  /** Why it failed or was skipped; empty when it passed. */
  readonly reason: string;
  readonly milliseconds: number;
}

export interface Finding {
  readonly name: string;
  readonly value: string;
}

export function resultWithoutBoot(series: string, reason: string): KernelResult {
  return { series, release: '-', attempts: 0, bootSeconds: null, checks: [failure('boot', reason)], findings: [] };
}

export function checksThat(outcome: Outcome, result: KernelResult): readonly CheckResult[] {
  return result.checks.filter((check) => check.outcome === outcome);
}

/**
 * Counts a boot's records. A guest that did not say `done`, or said it without having run any check, is itself a failure, named after the check it was in; `console`
 * (the end of the kernel's console) then says why.
 */
export function resultOfBoot(kernel: KernelImage, boot: Boot, attempts: number, console: string): KernelResult {
  const checks: CheckResult[] = boot.records.filter((record) => record.kind === 'end');
  const begun = boot.records.findLast((record) => record.kind === 'begin')?.check;
  const unfinished = checks.some((end) => end.check === begun) ? undefined : begun;
  if (boot.end !== 'done') {
    checks.push(failure(unfinished ?? 'boot', `the guest ended as ${boot.end}; its console:\n${console}`));
  } else if (checks.length === 0) {
    checks.push(failure('boot', 'the guest ran no checks'));
  }
  const findings = boot.records.flatMap((record) => {
    if (record.kind === 'measure') return [{ name: record.name, value: `${record.value} ${record.unit}` }];
    return record.kind === 'fact' ? [{ name: record.name, value: record.value }] : [];
  });
  const { release, series } = kernel;
  return { series, release, attempts, bootSeconds: boot.bootSeconds, checks, findings };
}

function failure(check: string, reason: string): CheckResult {
  return { check, outcome: 'failed', reason, milliseconds: 0 };
}

const words: Readonly<Record<Outcome, string>> = { passed: 'pass', failed: 'FAIL', skipped: 'skip' };

/**
 * Three tables: the kernels, what each check gave on each, and what was found out on each. Then the reasons of what failed or was
 * skipped, and the line `N passed, N failed, N skipped`.
 */
export function renderResults(results: readonly KernelResult[]): string {
  const series = results.map((result) => result.series);
  const kernels = results.map((result) => [
    result.series,
    result.release,
    `${result.bootSeconds?.toFixed(1) ?? '-'}${result.attempts > 1 ? ` (${result.attempts} boots)` : ''}`,
    seconds(result.checks.reduce((sum, { milliseconds }) => sum + milliseconds, 0)),
    ...outcomes.map((outcome) => String(checksThat(outcome, result).length)),
  ]);
  const lines = table([['KERNEL', 'RELEASE', 'BOOT S', 'CHECKS S', 'PASSED', 'FAILED', 'SKIPPED'], ...kernels]);
  lines.push('', ...table([['CHECK', ...series], ...checkRows(results)]));
  const found = findingRows(results);
  if (found.length > 0) lines.push('', ...table([['FOUND', ...series], ...found]));
  lines.push('');
  for (const [outcome, word] of [
    ['skipped', 'skipped'],
    ['failed', 'FAILED'],
  ] as const) {
    for (const result of results) {
      for (const { check, reason } of checksThat(outcome, result)) {
        lines.push(`${result.series} ${word} ${check}: ${reason}`);
      }
    }
  }
  const total = outcomes.map(
    (outcome) => `${results.reduce((sum, result) => sum + checksThat(outcome, result).length, 0)} ${outcome}`,
  );
  lines.push(total.join(', '));
  return `${lines.join('\n')}\n`;
}

function checkRows(results: readonly KernelResult[]): readonly (readonly string[])[] {
  const names = new Set(results.flatMap((result) => result.checks.map(({ check }) => check)));
  return Array.from(names, (name) => [
    name,
    ...results.map((result) => {
      const ran = result.checks.find(({ check }) => check === name);
      return ran === undefined ? '-' : `${words[ran.outcome]} ${seconds(ran.milliseconds)}`;
    }),
  ]);
}

function findingRows(results: readonly KernelResult[]): readonly (readonly string[])[] {
  const names = new Set(results.flatMap((result) => result.findings.map(({ name }) => name)));
  return Array.from(names, (name) => [
    name,
    ...results.map(({ findings }) => findings.find((finding) => finding.name === name)?.value ?? '-'),
  ]);
}

function seconds(milliseconds: number): string {
  return (milliseconds / 1000).toFixed(1);
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
