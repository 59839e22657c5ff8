import type { Socket } from 'node:net';
import type { Clock } from '../../clock.js';
import type {
  ClientConnection,
  ClientExchange,
  ConnectionOwner,
  Failure,
  RequestHead,
  ResponseReceiver,
} from '../exchange.js';
import { type ClientStreams, Http2ClientExchange } from './client-exchange.js';
import { Http2Connection } from './connection.js';
import { errorCode } from './error-code.js';
import { areTrailers, encodeFields } from './field-lines.js';
import { clientPreface, settingId } from './frame.js';
import type { FieldSection } from './hpack-decoder.js';
import { clientLimits, type Http2Limits } from './limits.js';
import { responseHeadOf } from './response-head.js';
import { Http2Stream } from './stream.js';

export interface Http2ClientOptions {
  readonly clock: Clock;
  /** connectionPool.http.maxConcurrentStreams; the peer may allow less. */
  readonly maxConcurrentStreams?: number;
  readonly limits?: Http2Limits;
}

const lastStreamId = 0x7fff_fffd;

/** An HTTP/2 connection to a backend, over a socket that is connected (and whose TLS handshake, if any, is done). */
export class Http2Client extends Http2Connection implements ClientConnection, ClientStreams {
  readonly #owner: ConnectionOwner;
  readonly #maxStreams: number;
  readonly #exchanges = new Map<Http2Stream, Http2ClientExchange>();
  #next = 1;
  #isClosing = false;

  constructor(socket: Socket, owner: ConnectionOwner, options: Http2ClientOptions) {
    super(socket, options.limits ?? clientLimits, options.clock, false);
    this.#owner = owner;
    this.#maxStreams = options.maxConcurrentStreams ?? this.limits.maxConcurrentStreams;
    const { streamWindow, headBytes } = this.limits;
    const settings = [
      [settingId.enablePush, 0],
      [settingId.initialWindowSize, streamWindow],
      [settingId.maxHeaderListSize, headBytes],
    ] as const;
    this.start(clientPreface, settings, Buffer.alloc(0));
  }

  get capacity(): number {
    return this.isOpen ? Math.max(0, Math.min(this.#maxStreams, this.peerMaxStreams) - this.streams.size) : 0;
  }

  get isOpen(): boolean {
    return !this.isOver && !this.#isClosing && this.#next <= lastStreamId;
  }

  request(head: RequestHead, ended: boolean, receiver: ResponseReceiver): ClientExchange {
    const stream = new Http2Stream(this.#next, this, this.peerInitialWindow);
    const exchange = new Http2ClientExchange(stream, this, receiver, head.method === 'HEAD', this.output.flushes);
    if (!this.isOpen) {
      stream.fail('reset-unsent');
      return exchange;
    }
    this.#next += 2;
    this.streams.set(stream.id, stream);
    this.#exchanges.set(stream, exchange);
    const { encoder } = this;
    encoder.begin();
    encoder.field(':method', head.method);
    encoder.field(':scheme', head.scheme);
    encoder.field(':authority', head.authority);
    encoder.field(':path', head.target);
    encodeFields(encoder, head.fields);
    if (head.expectContinue) encoder.field('expect', '100-continue');
    if (!ended && head.length !== undefined) encoder.field('content-length', String(head.length));
    this.output.headers(stream.id, encoder.finish(), ended);
    if (ended) stream.endWithHead();
    return exchange;
  }

  /** Nothing more is wanted of it; what we have not sent yet is not needed. */
  abandon(stream: Http2Stream): void {
    if (stream.localEnded && stream.remoteEnded) this.ended(stream);
    else this.drop(stream, errorCode.cancel);
  }

  close(): void {
    this.#isClosing = true;
    if (this.streams.size === 0) this.#leave();
  }

  #leave(): void {
    if (this.isOver) return;
    this.output.goAway(0, errorCode.noError);
    this.finish();
  }

  protected override section(id: number, section: FieldSection, endStream: boolean): void {
    const stream = this.streams.get(id);
    if (!stream) {
      if (this.isIdle(id)) this.fail(errorCode.protocolError);
      else this.odd();
      return;
    }
    const exchange = this.#exchanges.get(stream)!;
    if (stream.remoteEnded) this.blame(stream, errorCode.streamClosed);
    else if (section.malformed || section.tooLarge) this.blame(stream, errorCode.protocolError);
    else if (exchange.hasHead) {
      if (endStream && areTrailers(section.fields)) stream.endOfBody(section.fields);
      else this.blame(stream, errorCode.protocolError);
    } else this.#head(exchange, stream, section, endStream);
  }

  #head(exchange: Http2ClientExchange, stream: Http2Stream, section: FieldSection, endStream: boolean): void {
    const head = responseHeadOf(section.fields);
    if (!head || head.status === 101 || (head.status < 200 && endStream)) this.blame(stream, errorCode.protocolError);
    else if (head.status < 200) exchange.informational(head);
    else if (exchange.isWrong(head, endStream)) this.blame(stream, errorCode.protocolError);
    else exchange.respond(head, endStream);
  }

  protected override isIdle(id: number): boolean {
    return id % 2 === 0 || id >= this.#next;
  }

  protected override takesBody(stream: Http2Stream): boolean {
    return this.#exchanges.get(stream)?.hasHead ?? false;
  }

  protected override wasReset(stream: Http2Stream, code: number): void {
    this.streamOver(stream);
    if (code === errorCode.refusedStream) stream.fail('reset-unsent');
    else stream.fail(code === errorCode.cancel ? 'cancelled' : 'reset');
  }

  protected override goneAway(last: number): void {
    this.#isClosing = true;
    for (const stream of [...this.streams.values()]) {
      if (stream.id <= last) continue;
      this.streams.delete(stream.id);
      this.#exchanges.delete(stream);
      stream.fail('reset-unsent');
    }
    if (this.streams.size === 0) this.#leave();
    else this.#owner.changed(this);
  }

  protected override settingsChanged(): void {
    this.#owner.changed(this);
  }

  protected override ponged(): void {
    // Any frame is a sign of life.
  }

  protected override streamOver(stream: Http2Stream): void {
    this.#exchanges.delete(stream);
    if (this.isOver) return;
    if (!this.isOpen && this.streams.size === 0) this.#leave();
    else this.#owner.changed(this);
  }

  /** What never left this process was not processed. */
  protected override lossOf(stream: Http2Stream): Failure {
    return this.#exchanges.get(stream)?.flushes === this.output.flushes ? 'reset-unsent' : 'reset';
  }

  protected override connectionOver(): void {
    this.#owner.closed(this);
  }

  protected override watch(): void {
    // Idle connections are the pool's affair.
  }
}
