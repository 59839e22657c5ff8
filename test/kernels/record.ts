/**
 * What a guest tells its host: one line a record on the second serial port, `weft ` and then JSON.
 * The first serial port is the kernel's console, so that its messages never tear a record.
 */
export type GuestRecord =
  | { readonly kind: 'init'; readonly release: string }
  | { readonly kind: 'begin'; readonly check: string }
  | {
      readonly kind: 'end';
      readonly check: string;
      readonly outcome: Outcome;
      /** Why it failed or was skipped; empty when it passed. */
      readonly reason: string;
      readonly milliseconds: number;
    }
  | { readonly kind: 'measure'; readonly name: string; readonly value: number; readonly unit: string }
  | { readonly kind: 'fact'; readonly name: string; readonly value: string }
  | { readonly kind: 'done' };

export const outcomes = ['passed', 'failed', 'skipped'] as const;
export type Outcome = (typeof outcomes)[number];

const prefix = 'weft ';
const kinds: ReadonlySet<string> = new Set(['init', 'begin', 'end', 'measure', 'fact', 'done']);

export function formatRecord(record: GuestRecord): string {
  return `${prefix}${JSON.stringify(record)}\n`;
}

/** The record on a line, or null when the line is none, or only a part of one. */
export function parseRecord(line: string): GuestRecord | null {
  if (!line.startsWith(prefix)) return null;
  try {
    const record = JSON.parse(line.slice(prefix.length)) as GuestRecord;
    return kinds.has(record.kind) ? record : null;
  } catch {
    return null;
  }
}
