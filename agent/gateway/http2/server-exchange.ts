import type { Clock } from '../../clock.js';
import type {
  BodyReceiver,
  Downstream,
  Failure,
  FieldLines,
  RequestHead,
  ResponseHead,
  ServerExchange,
  Tunnel,
} from '../exchange.js';
import { hasField } from '../http1/head-text.js';
import type { Http2Stream } from './stream.js';

/** What an exchange needs of its connection. */
export interface ServerStreams {
  respond(stream: Http2Stream, head: ResponseHead, date: string, ended: boolean): void;
  abortStream(stream: Http2Stream, why: Failure): void;
}

/** The text of a second of the wall clock, as all answers of that second have it (RFC 9110 5.6.7). */
const date = { second: 0, text: '' };

function dateText(clock: Clock): string {
  const second = Math.floor(clock.now() / 1_000);
  if (second !== date.second || date.text === '') {
    date.second = second;
    date.text = new Date(second * 1_000).toUTCString();
  }
  return date.text;
}

/** One stream that a client opened. */
export class Http2ServerExchange implements ServerExchange {
  readonly downstream: Downstream;
  readonly head: RequestHead;
  readonly #stream: Http2Stream;
  readonly #streams: ServerStreams;
  readonly #clock: Clock;
  #hasResponded = false;

  constructor(downstream: Downstream, head: RequestHead, stream: Http2Stream, streams: ServerStreams, clock: Clock) {
    this.downstream = downstream;
    this.head = head;
    this.#stream = stream;
    this.#streams = streams;
    this.#clock = clock;
  }

  receive(receiver: BodyReceiver): void {
    if (this.head.expectContinue && !this.#stream.remoteEnded) this.informational(100, []);
    this.#stream.receive(receiver);
  }

  pause(): void {
    this.#stream.pause();
  }

  resume(): void {
    this.#stream.resume();
  }

  informational(status: number, fields: FieldLines): void {
    if (this.#hasResponded || this.#stream.isClosed || status === 101) return;
    this.#streams.respond(this.#stream, { status, fields, length: undefined }, '', false);
  }

  respond(head: ResponseHead, ended: boolean): void {
    if (this.#hasResponded || this.#stream.isClosed) return;
    this.#hasResponded = true;
    const dateToAdd = hasField(head.fields, 'date') ? '' : dateText(this.#clock);
    this.#streams.respond(this.#stream, head, dateToAdd, ended);
  }

  write(chunk: Buffer): boolean {
    return this.#stream.write(chunk);
  }

  end(trailers: FieldLines): void {
    this.#stream.end(trailers);
  }

  abort(why: Failure): void {
    this.#streams.abortStream(this.#stream, why);
  }

  /** Never asked for: HTTP/2 requests have no Upgrade, and extended CONNECT is not offered. */
  upgrade(): Tunnel {
    throw new Error('An HTTP/2 stream cannot be upgraded');
  }
}
