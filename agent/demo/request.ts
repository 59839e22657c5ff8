import type { Lap } from './phases.js';

/** Where the client sends requests: one address of one Service. */
export interface Target {
  readonly service: string;
  readonly address: string;
  readonly port: number;
  readonly path: string;
}

/** What the client is to do. It takes the targets in turn, one new connection a request. */
export interface ClientPlan {
  readonly targets: readonly Target[];
  /** Requests/s over all targets. */
  readonly rate: number;
  /** Connections at the same time. */
  readonly limit: number;
  /** Until a request without an answer has failed, in ms. */
  readonly timeout: number;
}

/** How one request went. */
export interface Request {
  readonly service: string;
  readonly lap: Lap;
  /** The backend that answered; empty when it failed. */
  readonly backend: string;
  /** From connecting to the end of the answer, in ms. */
  readonly latency: number;
  /** Empty when it was answered; else an errno's name or what was wrong with the answer. */
  readonly failure: string;
}

/** What the client writes to its standard output, one JSON value a line. */
export type ClientMessage =
  | { readonly requests: readonly Request[] }
  /** All requests that began before this lap have ended and have been reported. */
  | { readonly lap: Lap };

/** What the client reads from its standard input, one JSON value a line. It ends with its input. */
export interface ClientOrder {
  readonly lap: Lap;
}

export type Answer = { readonly backend: string } | { readonly failure: string };

/** Judges a whole HTTP/1.1 response; the servers name themselves in X-Served-By. */
export function readAnswer(response: string): Answer {
  const end = response.indexOf('\r\n\r\n');
  if (end < 0) return { failure: response === '' ? 'no answer' : 'cut short' };
  const head = response.slice(0, end);
  const status = /^HTTP\/1\.[01] (\d{3}) /.exec(head)?.[1];
  if (status !== '200') return { failure: `status ${status ?? 'unknown'}` };
  const length = /\r\ncontent-length: *(\d+)/i.exec(head)?.[1];
  if (length === undefined || Number(length) !== response.length - end - 4) return { failure: 'cut short' };
  const backend = /\r\nx-served-by: *([^\r]+)/i.exec(head)?.[1];
  return backend === undefined ? { failure: 'unnamed server' } : { backend };
}
