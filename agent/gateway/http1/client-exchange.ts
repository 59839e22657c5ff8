import type { ClientExchange, Failure, FieldLines, RequestHead, ResponseReceiver } from '../exchange.js';
import { isIdempotent } from '../idempotent.js';
import { fieldText } from './head-text.js';
import type { Outbox } from './outbox.js';

/** The connection under an exchange. */
export interface ClientHost {
  readonly outbox: Outbox;
  setReading(wanted: boolean): void;
  /** The exchange was given up. */
  abandoned(exchange: Http1ClientExchange): void;
  /** The request is all written; the response may have ended before. */
  sent(): void;
}

/** One request on a connection to a backend, framed anew, and who waits for the response. */
export class Http1ClientExchange implements ClientExchange {
  readonly head: RequestHead;
  readonly receiver: ResponseReceiver;
  readonly #host: ClientHost;
  /** The connection was idle before; then its end can be older than the request. */
  readonly #isReuse: boolean;
  #remaining: number;
  #hasBodyLeft = false;
  /** The request is all written. */
  hasEnded: boolean;
  /** Bytes of a response came. */
  hasBegun = false;
  informations = 0;
  /** The response is complete or nobody waits for it. */
  isOver = false;

  constructor(host: ClientHost, head: RequestHead, ended: boolean, receiver: ResponseReceiver, isReuse: boolean) {
    this.#host = host;
    this.head = head;
    this.receiver = receiver;
    this.hasEnded = ended;
    this.#isReuse = isReuse;
    this.#remaining = head.length ?? -1;
  }

  /**
   * The connection's end came instead of an answer, on a connection that had been idle, and no byte of a body was taken from its sender. The backend may still have read
   * the request and then ended: for methods where that matters it is not said (RFC 9110 9.2.2).
   */
  get isUnsent(): boolean {
    return this.#isReuse && !this.hasBegun && !this.#hasBodyLeft && isIdempotent(this.head.method);
  }

  write(chunk: Buffer): boolean {
    if (this.hasEnded || this.isOver || chunk.length === 0) return true;
    const { outbox } = this.#host;
    this.#hasBodyLeft = true;
    if (this.head.length === undefined) outbox.framed(`${chunk.length.toString(16)}\r\n`, chunk, '\r\n');
    else {
      if (chunk.length > this.#remaining) {
        this.#host.abandoned(this);
        this.fail('protocol-error');
        return true;
      }
      this.#remaining -= chunk.length;
      outbox.framed('', chunk, '');
    }
    return !outbox.isFull;
  }

  end(trailers: FieldLines): void {
    if (this.hasEnded || this.isOver) return;
    if (this.#remaining > 0) {
      this.#host.abandoned(this);
      this.fail('protocol-error');
      return;
    }
    this.hasEnded = true;
    if (this.head.length === undefined) this.#host.outbox.text(`0\r\n${fieldText(trailers)}\r\n`);
    this.#host.sent();
  }

  pause(): void {
    if (!this.isOver) this.#host.setReading(false);
  }

  resume(): void {
    if (!this.isOver) this.#host.setReading(true);
  }

  abort(): void {
    if (this.isOver) return;
    this.isOver = true;
    this.#host.abandoned(this);
  }

  fail(why: Failure): void {
    if (this.isOver) return;
    this.isOver = true;
    this.receiver.fail(why);
  }
}
