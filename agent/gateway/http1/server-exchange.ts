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
import type { BodyFraming } from './body.js';
import { fieldText, hasField, statusLine } from './head-text.js';
import type { Outbox } from './outbox.js';
import type { ParsedRequest } from './request-head.js';

/** The connection under an exchange. */
export interface ExchangeHost {
  readonly downstream: Downstream;
  readonly outbox: Outbox;
  /** No further request will be served. */
  readonly isLast: boolean;
  /** The request's body is all there, or so little is missing that it can be dropped. */
  readonly canOutlastBody: boolean;
  /** `Date` as a field line. */
  dateLine(): string;
  /** A receiver came, or wants more, or less. */
  bodyWanted(): void;
  finished(keepAlive: boolean): void;
  tunnel(): Tunnel;
  /** `reset`: the end of the connection would be taken for the end of the body. */
  destroy(reset: boolean): void;
}

type Stage = 'head' | 'body' | 'done';

const continueText = 'HTTP/1.1 100 Continue\r\n\r\n';

/** One request on a connection and the response to it, framed anew (RFC 9112 6, 7). */
export class Http1Exchange implements ServerExchange {
  readonly downstream: Downstream;
  readonly head: RequestHead;
  readonly #host: ExchangeHost;
  readonly #hasBody: boolean;
  #keepAlive: boolean;
  #receiver: BodyReceiver | undefined;
  #failure: Failure | undefined;
  #isPaused = false;
  #isContinued = false;
  #stage: Stage = 'head';
  #framing: BodyFraming = 'none';
  #remaining = 0;

  constructor(host: ExchangeHost, parsed: ParsedRequest) {
    this.#host = host;
    this.downstream = host.downstream;
    this.head = parsed.head;
    this.#keepAlive = parsed.keepAlive;
    this.#hasBody = parsed.head.length !== 0;
  }

  get hasResponded(): boolean {
    return this.#stage !== 'head';
  }

  /** The response has ended; what may remain is a body nobody wants. */
  get isOver(): boolean {
    return this.#stage === 'done';
  }

  get hasReceiver(): boolean {
    return this.#receiver !== undefined;
  }

  get isPaused(): boolean {
    return this.#isPaused;
  }

  /** A request without a body ends within this call. */
  receive(receiver: BodyReceiver): void {
    this.#receiver = receiver;
    if (this.#failure !== undefined) receiver.fail(this.#failure);
    else if (!this.#hasBody) receiver.end([]);
    else {
      if (this.head.expectContinue && this.#stage === 'head') this.#sayContinue();
      this.#host.bodyWanted();
    }
  }

  pause(): void {
    if (this.#isPaused) return;
    this.#isPaused = true;
    this.#host.bodyWanted();
  }

  resume(): void {
    if (!this.#isPaused) return;
    this.#isPaused = false;
    this.#host.bodyWanted();
  }

  informational(status: number, fields: FieldLines): void {
    if (this.#stage !== 'head' || this.head.version === 'HTTP/1.0') return;
    if (status !== 100) this.#host.outbox.text(`${statusLine(status)}${fieldText(fields)}\r\n`);
    else if (this.head.expectContinue) this.#sayContinue();
  }

  respond(head: ResponseHead, ended: boolean): void {
    if (this.#stage !== 'head') return;
    let text = statusLine(head.status) + fieldText(head.fields);
    if (!hasField(head.fields, 'date')) text += this.#host.dateLine();
    text += this.#frame(head, ended);
    if (this.#host.isLast || !this.#host.canOutlastBody) this.#keepAlive = false;
    if (this.head.expectContinue && !this.#isContinued) this.#keepAlive = false;
    if (!this.#keepAlive) text += 'Connection: close\r\n';
    else if (this.head.version === 'HTTP/1.0') text += 'Connection: keep-alive\r\n';
    this.#host.outbox.text(`${text}\r\n`);
    this.#stage = 'body';
    if (ended) this.#finish();
  }

  write(chunk: Buffer): boolean {
    if (this.#stage !== 'body' || this.#framing === 'none' || chunk.length === 0) return true;
    const { outbox } = this.#host;
    if (this.#framing === 'chunked') outbox.framed(`${chunk.length.toString(16)}\r\n`, chunk, '\r\n');
    else {
      if (this.#framing === 'length') {
        if (chunk.length > this.#remaining) {
          this.abort('protocol-error');
          return true;
        }
        this.#remaining -= chunk.length;
      }
      outbox.framed('', chunk, '');
    }
    return !outbox.isFull;
  }

  end(trailers: FieldLines): void {
    if (this.#stage !== 'body') return;
    if (this.#framing === 'length' && this.#remaining > 0) {
      this.abort('protocol-error');
      return;
    }
    if (this.#framing === 'chunked') this.#host.outbox.text(`0\r\n${fieldText(trailers)}\r\n`);
    this.#finish();
  }

  abort(_why: Failure): void {
    if (this.#stage === 'done') return;
    const reset = this.#stage === 'body' && this.#framing === 'close';
    this.#stage = 'done';
    this.#host.destroy(reset);
  }

  upgrade(head: ResponseHead): Tunnel {
    const isWanted = this.#stage === 'head' && this.head.upgrade !== '';
    this.#stage = 'done';
    if (isWanted) {
      const text = statusLine(101) + fieldText(head.fields);
      this.#host.outbox.text(`${text}Connection: Upgrade\r\nUpgrade: ${this.head.upgrade}\r\n\r\n`);
    } else this.#host.destroy(false);
    return this.#host.tunnel();
  }

  /** From the connection. */
  bodyData(chunk: Buffer): void {
    this.#isContinued = true;
    if (this.#stage !== 'done') this.#receiver?.data(chunk);
  }

  /** From the connection. */
  bodyEnd(trailers: FieldLines): void {
    if (this.#stage !== 'done') this.#receiver?.end(trailers);
  }

  /** From the connection: it cannot go on. Comes also behind the body's end, while the response is not complete. */
  fail(why: Failure): void {
    if (this.#stage === 'done' || this.#failure !== undefined) return;
    this.#stage = 'done';
    this.#failure = why;
    this.#receiver?.fail(why);
  }

  drained(): void {
    if (this.#stage !== 'done') this.#receiver?.drained();
  }

  #sayContinue(): void {
    if (this.#isContinued) return;
    this.#isContinued = true;
    this.#host.outbox.text(continueText);
  }

  /** Decides how the response's body ends; the field line that says so. */
  #frame(head: ResponseHead, ended: boolean): string {
    const { status, length } = head;
    if (status === 204 || status === 304 || this.head.method === 'HEAD') {
      return length === undefined || status === 204 ? '' : `Content-Length: ${length}\r\n`;
    }
    if (ended) return 'Content-Length: 0\r\n';
    if (length !== undefined) {
      this.#framing = 'length';
      this.#remaining = length;
      return `Content-Length: ${length}\r\n`;
    }
    if (this.head.version === 'HTTP/1.0') {
      this.#framing = 'close';
      this.#keepAlive = false;
      return '';
    }
    this.#framing = 'chunked';
    return 'Transfer-Encoding: chunked\r\n';
  }

  #finish(): void {
    this.#stage = 'done';
    this.#host.finished(this.#keepAlive);
  }
}
