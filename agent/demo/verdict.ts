/** Something that was promised, and whether it was kept. */
export interface Verdict {
  readonly met: boolean;
  readonly text: string;
}

export function list(entries: readonly (readonly [string, number])[]): string {
  return entries.length === 0 ? 'none' : entries.map(([name, count]) => `${name} ${count}`).join(', ');
}

/** With a space before; empty for null. */
export function seconds(ms: number | null): string {
  if (ms === null) return '';
  return ms < 1000 ? ` ${Math.round(ms)} ms` : ` ${(ms / 1000).toFixed(1)} s`;
}

/** `share` 0…1. */
export function percent(share: number, digits: number): string {
  return `${(share * 100).toFixed(digits)}%`;
}
