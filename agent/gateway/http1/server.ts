import { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { Clock } from '../../clock.js';
import type { Downstream, ServerExchange, Tunnel } from '../exchange.js';
import { BodyReader, type BodySink } from './body.js';
import { buffered, HeldBytes } from './buffered.js';
import { lf } from './bytes.js';
import { dateLine } from './date-line.js';
import { type Deadlines, deadlinesOf, type Timed } from './deadlines.js';
import { statusLine } from './head-text.js';
import type { Http1Limits } from './limits.js';
import { Outbox } from './outbox.js';
import { type ParsedRequest, parseRequestHead } from './request-head.js';
import { type ExchangeHost, Http1Exchange } from './server-exchange.js';
import { SocketTunnel, type TunnelCarrier } from './tunnel.js';
import { Wire } from './wire.js';
import { WriteStall } from './write-stall.js';

export interface Http1ServerOptions {
  readonly downstream: Downstream;
  /** Bytes that were read from the socket before. */
  readonly first: Buffer;
  readonly scheme: 'http' | 'https';
  readonly limits: Http1Limits;
  readonly clock: Clock;
  onRequest(exchange: ServerExchange): void;
  /** The connection has ended, however; once. */
  onClosed(): void;
  /** A request that never became an exchange was answered by the codec with this status, and the connection closed. */
  onRefused?(status: number): void;
}

/** A connection whose requests are served. */
export interface ServedConnection {
  /** Closes after the next response, which says so to the client; at the latest when it was idle for a while. */
  drain(): void;
  readonly inFlight: number;
  destroy(): void;
}

/**
 * Serves HTTP/1.1 on a connection: one request at a time, the next head is read only when the response before it has ended (RFC 9112 9.3.2).
 * The socket is switched to half-open, so that a client may end its side behind a request. Begins in the next tick.
 */
export function serveHttp1(socket: Duplex, options: Http1ServerOptions): ServedConnection {
  return new ServerConnection(socket, options);
}

/** What the connection waits for, each with a deadline of its own. */
type Phase = 'idle' | 'head' | 'body' | 'response' | 'discard' | 'linger';

class ServerConnection implements ServedConnection, ExchangeHost, TunnelCarrier, BodySink, Timed {
  readonly outbox: Outbox;
  readonly #socket: Duplex;
  readonly #wire: Wire;
  readonly #options: Http1ServerOptions;
  readonly #deadlines: Deadlines;
  readonly #body: BodyReader;
  readonly #held = new HeldBytes();
  readonly #stall: WriteStall;
  #exchange: Http1Exchange | undefined;
  #tunnel: SocketTunnel | undefined;
  #phase: Phase = 'idle';
  #deadline: number;
  #discarded = 0;
  #isConsuming = false;
  /** The bytes being consumed are the socket's, not ours to keep. */
  #isBorrowed = false;
  #isReading = true;
  #isDraining = false;
  #isClosing = false;
  /** The client has ended its side. */
  #hasEnded = false;

  constructor(socket: Duplex, options: Http1ServerOptions) {
    this.#socket = socket;
    this.#options = options;
    this.#body = new BodyReader(options.limits);
    this.#deadlines = deadlinesOf(options.clock);
    this.#stall = new WriteStall(socket, this.#deadlines, options.limits.writeMs);
    this.#wire = new Wire(socket);
    this.outbox = new Outbox(this.#wire, options.limits.coalesceBytes);
    this.#deadlines.add(this);
    this.#deadline = this.#deadlines.in(options.limits.idleMs);
    buffered.servers++;
    socket.allowHalfOpen = true;
    socket.on('error', ignore);
    socket.on('close', () => this.#closed());
    if (options.first.length === 0) this.#listen();
    else {
      socket.pause();
      process.nextTick(() => {
        this.#received(options.first, false);
        this.#listen();
      });
    }
  }

  get downstream(): Downstream {
    return this.#options.downstream;
  }

  get inFlight(): number {
    return this.#exchange === undefined || this.#exchange.isOver ? 0 : 1;
  }

  get isLast(): boolean {
    return this.#isDraining || this.#hasEnded;
  }

  get canOutlastBody(): boolean {
    return this.#body.ended || (this.#body.remaining ?? 0) <= this.#options.limits.discardBytes;
  }

  drain(): void {
    this.#isDraining = true;
    if (this.#isIdle) this.#deadline = this.#deadlineOf('idle');
  }

  destroy(reset = false): void {
    this.outbox.flush();
    this.#isClosing = true;
    if (reset && this.#options.scheme === 'http' && this.#socket instanceof Socket) this.#socket.resetAndDestroy();
    else this.#socket.destroy();
  }

  dateLine(): string {
    return dateLine(this.#options.clock.now());
  }

  bodyWanted(): void {
    if (!this.#isConsuming) this.#proceed();
  }

  finished(keepAlive: boolean): void {
    if (!keepAlive) this.#close();
    else if (this.#body.ended) {
      this.#exchange = undefined;
      this.#wire.quicken();
    }
    if (!this.#isConsuming) this.#proceed();
  }

  tunnel(): Tunnel {
    this.#tunnel = new SocketTunnel(this);
    this.#exchange = undefined;
    this.#deadline = Number.POSITIVE_INFINITY;
    const held = this.#held.take();
    if (held !== undefined) this.#tunnel.received(held);
    else this.setReading(true);
    if (this.#hasEnded) this.#tunnel.ended();
    return this.#tunnel;
  }

  endWriting(): void {
    this.#socket.end();
  }

  setReading(wanted: boolean): void {
    if (wanted === this.#isReading) return;
    this.#isReading = wanted;
    this.#wire.setReading(wanted);
  }

  /** Of a request's body. */
  data(chunk: Buffer): void {
    const exchange = this.#exchange;
    if (exchange !== undefined && !exchange.isOver) exchange.bodyData(this.#isBorrowed ? Buffer.from(chunk) : chunk);
    else this.#discarded += chunk.length;
  }

  /** Of a request's body. */
  end(trailers: string[]): void {
    const exchange = this.#exchange;
    if (exchange === undefined) return;
    if (!exchange.isOver) exchange.bodyEnd(trailers);
    if (exchange.isOver && this.#exchange === exchange) this.#exchange = undefined;
  }

  tick(now: number): void {
    if (this.#stall.isOver(now)) this.destroy();
    else if (now >= this.#deadline) this.#expire();
  }

  get #isIdle(): boolean {
    return this.#phase === 'idle' && !this.#isClosing && this.#tunnel === undefined;
  }

  #listen(): void {
    const socket = this.#socket;
    this.#wire.read((bytes, isBorrowed) => this.#received(bytes, isBorrowed));
    socket.on('end', () => this.#clientEnded());
    socket.on('drain', () => {
      if (this.#tunnel !== undefined) this.#tunnel.drained();
      else this.#exchange?.drained();
    });
    if (!this.#isReading) socket.pause();
  }

  #received(chunk: Buffer, isBorrowed: boolean): void {
    if (this.#tunnel !== undefined) this.#tunnel.received(isBorrowed ? Buffer.from(chunk) : chunk);
    else if (this.#isClosing) this.#discard(chunk.length);
    else {
      const bytes = this.#held.joined(chunk);
      this.#isBorrowed = isBorrowed && bytes === chunk;
      if (this.#phase === 'head' && this.#isOneLine(bytes, chunk)) this.#held.keep(bytes, 0, this.#isBorrowed);
      else this.#consume(bytes);
      this.#isBorrowed = false;
    }
  }

  /** A head that comes in small pieces is parsed again only when a line has been completed: so that its cost stays in proportion to its size. */
  #isOneLine(bytes: Buffer, chunk: Buffer): boolean {
    return !chunk.includes(lf) && bytes.length <= this.#options.limits.headBytes;
  }

  /** Two turns of the event loop later whatever had arrived by now was read. */
  #closeUnlessAsked(): void {
    setImmediate(() => setImmediate(() => this.#isIdle && this.#close()));
  }

  /** Goes on with bytes that were held back, and sees to it that more come where they are wanted. */
  #proceed(): void {
    const held = this.#held.take();
    if (held !== undefined && !this.#isClosing && this.#tunnel === undefined) this.#consume(held);
    else this.#settle();
  }

  #consume(bytes: Buffer): void {
    this.#isConsuming = true;
    let at = 0;
    while (at < bytes.length && !this.#isClosing && this.#tunnel === undefined) {
      const next = this.#step(bytes, at);
      if (next < 0) {
        at = bytes.length;
        this.#refuse(-next);
      } else if (next <= at) break;
      else at = next;
    }
    this.#isConsuming = false;
    if (this.#tunnel !== undefined) {
      if (at < bytes.length) this.#tunnel.received(Buffer.from(bytes.subarray(at)));
    } else if (!this.#isClosing) {
      this.#held.keep(bytes, at, this.#isBorrowed);
      this.#settle();
    }
  }

  /** Takes one head or a part of a body: the offset behind it, 0 or `at` when nothing can be taken now, or the status that refuses it. */
  #step(bytes: Buffer, at: number): number {
    const exchange = this.#exchange;
    if (exchange === undefined) {
      const parsed = parseRequestHead(bytes, at, this.#options.scheme, this.#options.limits);
      if (typeof parsed === 'number') return parsed;
      this.#begin(parsed);
      return parsed.end;
    }
    if (this.#body.ended || (!exchange.isOver && !exchange.hasReceiver)) return at;
    const next = this.#body.read(bytes, at, this);
    if (this.#discarded > this.#options.limits.discardBytes) this.#close();
    return next;
  }

  #begin(parsed: ParsedRequest): void {
    const { length } = parsed.head;
    this.#body.start(parsed.isChunked ? 'chunked' : length === 0 ? 'none' : 'length', length ?? 0);
    this.#discarded = 0;
    const exchange = new Http1Exchange(this, parsed);
    this.#exchange = exchange;
    this.#options.onRequest(exchange);
  }

  /** Brings reading and the deadline in line with what is awaited now. */
  #settle(): void {
    if (this.#isClosing || this.#tunnel !== undefined) return;
    const exchange = this.#exchange;
    if (exchange !== undefined && !exchange.isOver) {
      if (this.#body.ended) this.setReading(this.#held.isEmpty);
      else this.setReading(exchange.hasReceiver ? !exchange.isPaused : this.#held.isEmpty);
    } else this.setReading(true);
    const phase = this.#currentPhase();
    if (phase === this.#phase && phase !== 'body' && phase !== 'idle') return;
    this.#phase = phase;
    this.#deadline = this.#deadlineOf(phase);
    if (this.#hasEnded) this.#clientEnded();
  }

  #currentPhase(): Phase {
    const exchange = this.#exchange;
    if (exchange === undefined) return this.#held.isEmpty ? 'idle' : 'head';
    if (this.#body.ended) return 'response';
    if (exchange.isOver) return 'discard';
    return exchange.hasReceiver && !exchange.isPaused ? 'body' : 'response';
  }

  #deadlineOf(phase: Phase): number {
    const { idleMs, drainIdleMs, headMs, bodyMs, lingerMs } = this.#options.limits;
    switch (phase) {
      case 'idle':
        return this.#deadlines.in(this.#isDraining ? drainIdleMs : idleMs);
      case 'head':
        return this.#deadlines.in(headMs);
      case 'body':
        return this.#deadlines.in(bodyMs);
      case 'discard':
      case 'linger':
        return this.#deadlines.in(lingerMs);
      case 'response':
        return Number.POSITIVE_INFINITY;
    }
  }

  #expire(): void {
    if (this.#phase === 'head' || this.#phase === 'body') this.#refuse(408);
    else if (this.#isIdle && this.#isDraining) this.#closeUnlessAsked();
    else this.destroy();
  }

  #clientEnded(): void {
    this.#hasEnded = true;
    if (this.#tunnel !== undefined) this.#tunnel.ended();
    else if (this.#isClosing || this.#isConsuming) return;
    else if (this.#phase === 'idle' || this.#phase === 'discard') this.#close();
    else if (this.#phase === 'head' || this.#phase === 'body') this.#refuse(400);
  }

  /** Answers what cannot be served, unless a response has begun, and closes. */
  #refuse(status: number): void {
    const exchange = this.#exchange;
    if (exchange === undefined || !exchange.hasResponded) {
      const text = `${statusLine(status)}${this.dateLine()}Content-Length: 0\r\nConnection: close\r\n\r\n`;
      this.outbox.text(text);
    }
    if (exchange === undefined) this.#options.onRefused?.(status);
    const isCut = exchange?.hasResponded === true && !exchange.isOver;
    this.#close();
    exchange?.fail(status === 408 ? 'idle-timeout' : 'protocol-error');
    if (isCut) this.destroy();
  }

  /** Ends the connection so that the client can read what was written: its bytes are read and dropped for a while (RFC 9112 9.6). */
  #close(): void {
    if (this.#isClosing) return;
    this.#isClosing = true;
    this.#phase = 'response';
    this.#held.take();
    this.#discarded = 0;
    this.#deadline = Number.POSITIVE_INFINITY;
    this.outbox.flush();
    this.#socket.end(() => {
      this.setReading(true);
      this.#phase = 'linger';
      this.#deadline = this.#deadlineOf('linger');
    });
    this.setReading(true);
  }

  #discard(size: number): void {
    this.#discarded += size;
    if (this.#discarded <= this.#options.limits.discardBytes) return;
    if (this.#phase === 'linger') this.#socket.destroy();
    else this.setReading(false);
  }

  #closed(): void {
    this.#isClosing = true;
    this.#wire.closed();
    this.#held.take();
    this.#deadlines.delete(this);
    buffered.servers--;
    this.#tunnel?.failed('cancelled');
    this.#exchange?.fail('cancelled');
    this.#options.onClosed();
  }
}

function ignore(): void {}
