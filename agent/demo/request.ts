import type { Lap } from './phases.js';
import type { Asker, QuestionName } from './questions.js';

/** Where a client sends requests: one address that one question is asked at. */
export interface Target {
  readonly question: QuestionName;
  readonly address: string;
  readonly port: number;
  readonly host: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  /** Of a good answer. */
  readonly status: number;
  /** A backend is to answer, not the gateway itself. */
  readonly answered: boolean;
  /** Requests/s. */
  readonly rate: number;
}

/** What a client is to do: each target at its rate, one new connection a request. */
export interface ClientPlan {
  readonly from: Asker;
  readonly targets: readonly Target[];
  /** Connections at the same time. */
  readonly limit: number;
  /** Until a request without an answer has failed, in ms. */
  readonly timeout: number;
}

/** How one request went. */
export interface Request {
  readonly question: QuestionName;
  readonly from: Asker;
  readonly lap: Lap;
  /** The backend that answered, well or not; empty when none did. */
  readonly backend: string;
  /** 0 when no answer came. */
  readonly status: number;
  /** From connecting to the end of the answer, in ms. */
  readonly latency: number;
  /** Empty when it was answered as it should be; else an errno's name or what was wrong with the answer. */
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

export type Answer = Pick<Request, 'backend' | 'status' | 'failure'>;

/** Judges a whole HTTP/1 response; the servers name themselves in X-Served-By. */
export function readAnswer(response: string, expected: Pick<Target, 'status' | 'answered'>): Answer {
  const nothing = { backend: '', status: 0 };
  const end = response.indexOf('\r\n\r\n');
  if (end < 0) return { ...nothing, failure: response === '' ? 'no answer' : 'cut short' };
  const head = response.slice(0, end);
  const status = Number(/^HTTP\/1\.[01] (\d{3}) /.exec(head)?.[1] ?? 0);
  const backend = /\r\nx-served-by: *([^\r]+)/i.exec(head)?.[1] ?? '';
  return { backend, status, failure: failureOf(head, response.length - end - 4, status, backend, expected) };
}

function failureOf(
  head: string,
  bodyLength: number,
  status: number,
  backend: string,
  expected: Pick<Target, 'status' | 'answered'>,
): string {
  if (status !== expected.status) return `status ${status === 0 ? 'unknown' : status}`;
  const length = /\r\ncontent-length: *(\d+)/i.exec(head)?.[1];
  if (length === undefined || Number(length) !== bodyLength) return 'cut short';
  if (expected.answered) return backend === '' ? 'unnamed server' : '';
  return backend === '' ? '' : `answered by ${backend}`;
}
