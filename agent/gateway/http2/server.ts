import type { Socket } from 'node:net';
import type { Clock } from '../../clock.js';
import type { Downstream, Failure, RequestHead, ResponseHead, ServerExchange } from '../exchange.js';
import { Http2Connection } from './connection.js';
import { errorCode } from './error-code.js';
import { areTrailers, encodeFields } from './field-lines.js';
import { frameType, settingId } from './frame.js';
import type { FieldSection } from './hpack-decoder.js';
import { type Http2Limits, serverLimits } from './limits.js';
import { requestHeadOf } from './request-head.js';
import { Http2ServerExchange, type ServerStreams } from './server-exchange.js';
import { Http2Stream } from './stream.js';

export interface Http2ServerOptions {
  readonly downstream: Downstream;
  /** Read already, from the connection's first byte on. */
  readonly first: Buffer;
  readonly scheme: 'http' | 'https';
  readonly onRequest: (exchange: ServerExchange) => void;
  readonly clock: Clock;
  readonly onClosed: () => void;
  readonly limits?: Http2Limits;
}

/** A connection that is served. */
export interface ServedConnection {
  /** Takes no new requests and ends after those in flight. */
  drain(): void;
  readonly inFlight: number;
  destroy(): void;
}

/** Serves HTTP/2 with prior knowledge on an accepted socket (RFC 9113 3.3), or after ALPN chose it. */
export function serveHttp2(socket: Socket, options: Http2ServerOptions): ServedConnection {
  return new Http2ServerConnection(socket, options);
}

const lastPossible = 0x7fff_ffff;

/** The ping that tells when the first GOAWAY has been read. */
const drainPing = Buffer.from('weftgone', 'latin1');

class Http2ServerConnection extends Http2Connection implements ServedConnection, ServerStreams {
  readonly #options: Http2ServerOptions;
  #last = 0;
  /** Streams above it are not served; undefined: none was refused yet. */
  #final: number | undefined;
  #isDraining = false;
  #drainSinceMs = 0;
  #emptySinceMs: number;

  constructor(socket: Socket, options: Http2ServerOptions) {
    super(socket, options.limits ?? serverLimits, options.clock, true);
    this.#options = options;
    this.#emptySinceMs = this.heardMs;
    const { maxConcurrentStreams, streamWindow, headBytes } = this.limits;
    const settings = [
      [settingId.maxConcurrentStreams, maxConcurrentStreams],
      [settingId.initialWindowSize, streamWindow],
      [settingId.maxHeaderListSize, headBytes],
    ] as const;
    this.start(Buffer.alloc(0), settings, options.first);
  }

  drain(): void {
    if (this.isOver || this.#isDraining) return;
    this.#isDraining = true;
    this.#drainSinceMs = this.clock.monotonic();
    this.output.goAway(lastPossible, errorCode.noError);
    this.output.frame(frameType.ping, 0, 0, drainPing);
  }

  /** The second GOAWAY, when the peer knows of the first (RFC 9113 6.8). */
  #refuseMore(): void {
    if (this.#final !== undefined) return;
    this.#final = this.#last;
    this.output.goAway(this.#last, errorCode.noError);
    this.#endIfIdle();
  }

  #endIfIdle(): void {
    if (this.#final !== undefined && this.streams.size === 0) this.finish();
  }

  protected override section(id: number, section: FieldSection, endStream: boolean): void {
    const known = this.streams.get(id);
    if (known) this.#trailers(known, section, endStream);
    else if (id % 2 === 0) this.fail(errorCode.protocolError);
    else if (id <= this.#last) this.odd();
    else this.#open(id, section, endStream);
  }

  #trailers(stream: Http2Stream, section: FieldSection, endStream: boolean): void {
    if (stream.remoteEnded) this.blame(stream, errorCode.streamClosed);
    else if (!endStream || section.malformed || section.tooLarge || !areTrailers(section.fields))
      this.blame(stream, errorCode.protocolError);
    else stream.endOfBody(section.fields);
  }

  #open(id: number, section: FieldSection, endStream: boolean): void {
    this.#last = id;
    const stream = new Http2Stream(id, this, this.peerInitialWindow);
    if (this.#final !== undefined || this.streams.size >= this.limits.maxConcurrentStreams) {
      this.output.word(frameType.rstStream, id, errorCode.refusedStream);
      stream.close();
      this.odd();
      return;
    }
    this.streams.set(id, stream);
    const head = section.malformed
      ? 'malformed'
      : section.tooLarge
        ? 431
        : requestHeadOf(section.fields, this.#options.scheme, endStream);
    if (head === 'malformed') this.blame(stream, errorCode.protocolError);
    else if (typeof head === 'number') this.#answer(stream, head);
    else this.#serve(stream, head, endStream);
  }

  #serve(stream: Http2Stream, head: RequestHead, endStream: boolean): void {
    if (endStream) stream.endedWithHead();
    else stream.expect(head.length);
    this.#options.onRequest(new Http2ServerExchange(this.#options.downstream, head, stream, this, this.clock));
  }

  /** An answer of the codec's own. */
  #answer(stream: Http2Stream, status: number): void {
    this.respond(stream, { status, fields: [], length: 0 }, '', true);
  }

  // For exchanges

  /** `date`: added unless empty. */
  respond(stream: Http2Stream, head: ResponseHead, date: string, ended: boolean): void {
    const { encoder } = this;
    encoder.begin();
    encoder.field(':status', String(head.status));
    encodeFields(encoder, head.fields);
    if (head.length !== undefined) encoder.field('content-length', String(head.length));
    if (date !== '') encoder.field('date', date);
    this.output.headers(stream.id, encoder.finish(), ended);
    if (ended) stream.endWithHead();
  }

  /** When the response is whole, what is left of the request is not wanted (RFC 9113 8.1). */
  override ended(stream: Http2Stream): void {
    if (stream.localEnded) stream.discard();
    super.ended(stream);
    if (stream.localEnded && !stream.isClosed) this.drop(stream, errorCode.noError);
  }

  abortStream(stream: Http2Stream, why: Failure): void {
    this.drop(stream, codeOf(why));
  }

  // For the connection

  protected override isIdle(id: number): boolean {
    return id % 2 === 0 || id > this.#last;
  }

  protected override takesBody(): boolean {
    return true;
  }

  protected override wasReset(stream: Http2Stream): void {
    this.streamOver();
    stream.fail('cancelled');
  }

  protected override goneAway(): void {
    this.drain();
    this.#refuseMore();
  }

  protected override settingsChanged(): void {
    // Nothing here depends on what a client allows besides the windows.
  }

  protected override ponged(payload: Buffer): void {
    if (this.#isDraining && payload.equals(drainPing)) this.#refuseMore();
  }

  protected override streamOver(): void {
    if (this.streams.size === 0) this.#emptySinceMs = this.heardMs;
    this.#endIfIdle();
  }

  protected override lossOf(): Failure {
    return 'cancelled';
  }

  protected override lastProcessed(): number {
    return this.#last;
  }

  protected override connectionOver(): void {
    this.#options.onClosed();
  }

  protected override watch(nowMs: number): void {
    const { idleMs, drainMs } = this.limits;
    if (this.#isDraining && nowMs - this.#drainSinceMs > drainMs) this.destroy();
    else if (this.#isDraining && nowMs - this.#drainSinceMs > drainGraceMs) this.#refuseMore();
    else if (this.streams.size === 0 && nowMs - this.#emptySinceMs > idleMs) this.drain();
  }
}

/** A client that does not answer the drain's ping is told to go anyway after this (ms). */
const drainGraceMs = 1_000;

function codeOf(why: Failure): number {
  if (why === 'cancelled') return errorCode.cancel;
  return why === 'overload' || why === 'reset-unsent' ? errorCode.refusedStream : errorCode.internalError;
}
