import type { Finding } from './problem.js';
import { type ProblemCode, problemCodes } from './problem-codes.js';

/** Errors about fields that are not there or not enforced: the rest of the object can be checked all the same. */
const besideShape: ReadonlySet<ProblemCode> = new Set(['WEFT0302', 'WEFT0303', 'WEFT0304', 'WEFT0305']);

/** Collects what is wrong with one object, at most `limit` findings: a hostile object must not fill the memory. */
export class Findings {
  readonly list: Finding[] = [];
  /** Whether one of them is an error of the whole object: then the object must not take effect. */
  failed = false;
  /** Whether a value has not the shape that its field demands: then what depends on it cannot be looked at. */
  malformed = false;
  readonly #limit: number;

  constructor(limit = 100) {
    this.#limit = limit;
  }

  error(code: ProblemCode, path: string, message: string, fix: string = problemCodes[code].fix): void {
    this.failed = true;
    if (!besideShape.has(code)) this.malformed = true;
    if (this.list.length < this.#limit) this.list.push({ code, severity: 'error', path, message, fix });
  }

  /** An error that costs nothing but what it is about: the rest of the object takes effect. */
  slip(code: ProblemCode, path: string, message: string, fix: string = problemCodes[code].fix): void {
    if (this.list.length < this.#limit) this.list.push({ code, severity: 'error', path, message, fix });
  }

  warning(code: ProblemCode, path: string, message: string, fix: string = problemCodes[code].fix): void {
    if (this.list.length < this.#limit) this.list.push({ code, severity: 'warning', path, message, fix });
  }

  add(severity: Finding['severity'], code: ProblemCode, path: string, message: string, fix?: string): void {
    if (severity === 'error') this.error(code, path, message, fix);
    else this.warning(code, path, message, fix);
  }
}

/** A value as messages show it: JSON, cut after 60 characters; collections by their kind only. */
export function quote(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(value.length > 60 ? `${value.slice(0, 60)}…` : value);
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'object' && value !== null) return 'a mapping';
  if (typeof value === 'symbol' || typeof value === 'function') return `a ${typeof value}`;
  return String(value);
}

/** `PATH.KEY`; a key that is not a plain word is written `PATH["KEY"]`, cut after 60 characters. */
export function child(path: string, key: string): string {
  if (key.length <= 60 && /^[A-Za-z_][A-Za-z0-9_-]*$/.test(key)) return path === '' ? key : `${path}.${key}`;
  return `${path}[${quote(key)}]`;
}

/** The entry of `candidates` that `word` was probably meant to be, as `did you mean "…"?`; empty without one. */
export function suggestion(word: string, candidates: Iterable<string>): string {
  if (word.length > 60) return '';
  let best = '';
  let bestDistance = Math.max(1, Math.floor(word.length / 3)) + 1;
  for (const candidate of candidates) {
    const distance = editDistance(word.toLowerCase(), candidate.toLowerCase(), bestDistance);
    if (distance < bestDistance) {
      best = candidate;
      bestDistance = distance;
    }
  }
  return best === '' ? '' : `did you mean ${quote(best)}?`;
}

/** Optimal string alignment (a swap of neighbours is one edit); anything from `limit` on is told as `limit`. */
function editDistance(a: string, b: string, limit: number): number {
  if (Math.abs(a.length - b.length) >= limit) return limit;
  let previous2: number[] = [];
  let previous = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const cost = a[i - 1] === b[j - 1] ? 0 : 1;
      let distance = Math.min(previous[j]! + 1, row[j - 1]! + 1, previous[j - 1]! + cost);
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) {
        distance = Math.min(distance, previous2[j - 2]! + 1);
      }
      row.push(distance);
    }
    previous2 = previous;
    previous = row;
  }
  return Math.min(previous[b.length]!, limit);
}

/** `1 object`, `2 objects`. */
export function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}
