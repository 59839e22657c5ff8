import type { Duplex } from 'node:stream';
import type { Clock } from '../../clock.js';
import type {
  ClientConnection,
  ClientExchange,
  ConnectionOwner,
  Failure,
  FieldLines,
  RequestHead,
  ResponseReceiver,
} from '../exchange.js';
import { BodyReader, type BodySink } from './body.js';
import { buffered, HeldBytes } from './buffered.js';
import { type ClientHost, Http1ClientExchange } from './client-exchange.js';
import { type Deadlines, deadlinesOf, type Timed } from './deadlines.js';
import { requestText } from './head-text.js';
import type { Http1Limits } from './limits.js';
import { Outbox } from './outbox.js';
import { type ParsedResponse, parseResponseHead } from './response-head.js';
import { SocketTunnel, type TunnelCarrier } from './tunnel.js';
import { Wire } from './wire.js';
import { WriteStall } from './write-stall.js';

export interface Http1ClientOptions {
  readonly limits: Http1Limits;
  readonly clock: Clock;
  /** Closes after so many requests; default: no bound. */
  readonly maxRequests?: number;
}

/** A connection to a backend that takes one request after the other. */
export class Http1Client implements ClientConnection, ClientHost, TunnelCarrier, BodySink, Timed {
  readonly outbox: Outbox;
  readonly #socket: Duplex;
  readonly #wire: Wire;
  readonly #owner: ConnectionOwner;
  readonly #options: Http1ClientOptions;
  readonly #deadlines: Deadlines;
  readonly #body: BodyReader;
  readonly #held = new HeldBytes();
  readonly #stall: WriteStall;
  #current: Http1ClientExchange | undefined;
  #tunnel: SocketTunnel | undefined;
  #requests = 0;
  #isOpen = true;
  #isReading = true;
  #isBodyNext = false;
  /** The bytes being consumed are the socket's, not ours to keep. */
  #isBorrowed = false;
  #keepAlive = true;
  #trailers: FieldLines = [];

  /** `socket`: connected; it becomes this object's. */
  constructor(socket: Duplex, owner: ConnectionOwner, options: Http1ClientOptions) {
    this.#socket = socket;
    this.#owner = owner;
    this.#options = options;
    this.#body = new BodyReader(options.limits);
    this.#deadlines = deadlinesOf(options.clock);
    this.#stall = new WriteStall(socket, this.#deadlines, options.limits.writeMs);
    this.#wire = new Wire(socket);
    this.outbox = new Outbox(this.#wire, options.limits.coalesceBytes);
    this.#deadlines.add(this);
    buffered.clients++;
    socket.allowHalfOpen = true;
    socket.on('error', ignore);
    socket.on('close', () => this.#closed());
    this.#wire.read((bytes, isBorrowed) => this.#received(bytes, isBorrowed));
    socket.on('end', () => this.#ended());
    socket.on('drain', () => {
      if (this.#tunnel !== undefined) this.#tunnel.drained();
      else this.#current?.receiver.drained();
    });
  }

  get capacity(): number {
    return this.#isOpen && this.#current === undefined && this.#tunnel === undefined ? 1 : 0;
  }

  get inFlight(): number {
    return this.#current === undefined && this.#tunnel === undefined ? 0 : 1;
  }

  get isOpen(): boolean {
    return this.#isOpen;
  }

  request(head: RequestHead, ended: boolean, receiver: ResponseReceiver): ClientExchange {
    const request = new Http1ClientExchange(this, head, ended, receiver, this.#requests > 0);
    const text = requestText(head, ended);
    if (text === undefined || this.capacity === 0 || this.#socket.destroyed) {
      request.hasEnded = true;
      process.nextTick(() => request.fail(text === undefined ? 'protocol-error' : 'reset-unsent'));
      return request;
    }
    this.#requests++;
    this.#current = request;
    this.#isBodyNext = false;
    if (this.#requests === this.#options.maxRequests) this.#isOpen = false;
    this.outbox.text(text);
    return request;
  }

  close(): void {
    this.#setClosed();
    if (this.inFlight === 0) this.destroy();
  }

  destroy(): void {
    this.#isOpen = false;
    this.#socket.destroy();
  }

  endWriting(): void {
    this.#socket.end();
  }

  setReading(wanted: boolean): void {
    if (wanted === this.#isReading) return;
    this.#isReading = wanted;
    this.#wire.setReading(wanted);
  }

  tick(now: number): void {
    if (!this.#stall.isOver(now)) return;
    this.#current?.fail('idle-timeout');
    this.destroy();
  }

  /** Of a response's body. */
  data(chunk: Buffer): void {
    this.#current?.receiver.data(this.#isBorrowed ? Buffer.from(chunk) : chunk);
  }

  /** Of a response's body. */
  end(trailers: FieldLines): void {
    this.#trailers = trailers;
  }

  /** The exchange was given up. */
  abandoned(request: Http1ClientExchange): void {
    if (request !== this.#current) return;
    this.#current = undefined;
    this.destroy();
  }

  /** The request's side has ended; the response's may have before. */
  sent(): void {
    this.outbox.flush();
  }

  #received(chunk: Buffer, isBorrowed: boolean): void {
    if (this.#tunnel !== undefined) this.#tunnel.received(isBorrowed ? Buffer.from(chunk) : chunk);
    else if (this.#current === undefined) this.destroy();
    else {
      const bytes = this.#held.joined(chunk);
      this.#isBorrowed = isBorrowed && bytes === chunk;
      this.#consume(bytes);
      this.#isBorrowed = false;
    }
  }

  #consume(bytes: Buffer): void {
    let at = 0;
    while (at < bytes.length) {
      const request = this.#current;
      if (request === undefined) {
        if (this.#tunnel !== undefined) this.#tunnel.received(Buffer.from(bytes.subarray(at)));
        else this.destroy();
        return;
      }
      const isBody = this.#isBodyNext;
      const next = isBody ? this.#body.read(bytes, at, this) : this.#readHead(bytes, at, request);
      if (next < 0) {
        this.#fail('protocol-error');
        return;
      }
      if (next <= at) break;
      at = next;
      if (isBody && this.#body.ended && this.#current === request) this.#complete(request, at === bytes.length);
    }
    this.#held.keep(bytes, at, this.#isBorrowed);
  }

  #readHead(bytes: Buffer, at: number, request: Http1ClientExchange): number {
    request.hasBegun = true;
    const parsed = parseResponseHead(bytes, at, request.head.method, this.#options.limits);
    if (typeof parsed === 'number') return parsed;
    const { status, fields } = parsed.head;
    if (status === 101) return this.#switch(parsed, request);
    if (status >= 200) this.#begin(parsed, request, parsed.end === bytes.length);
    else {
      request.informations++;
      if (request.informations > mostInformations) return -1;
      request.receiver.informational(status, fields);
    }
    return parsed.end;
  }

  #begin(parsed: ParsedResponse, request: Http1ClientExchange, isWhole: boolean): void {
    this.#keepAlive = parsed.keepAlive;
    this.#isBodyNext = true;
    this.#body.start(parsed.framing, parsed.head.length ?? 0);
    if (!this.#body.ended) {
      request.receiver.head(parsed.head, false);
      return;
    }
    this.#release(request, isWhole);
    request.receiver.head(parsed.head, true);
    this.#settle();
  }

  #switch(parsed: ParsedResponse, request: Http1ClientExchange): number {
    if (request.head.upgrade === '' || parsed.upgrade !== request.head.upgrade || !request.hasEnded) return -1;
    this.#current = undefined;
    this.#setClosed();
    request.isOver = true;
    this.#tunnel = new SocketTunnel(this);
    request.receiver.upgraded(parsed.head, this.#tunnel);
    return parsed.end;
  }

  /** The response is whole. `isClean`: nothing came behind it. */
  #complete(request: Http1ClientExchange, isClean: boolean): void {
    this.#release(request, isClean);
    request.receiver.end(this.#trailers);
    this.#settle();
  }

  #release(request: Http1ClientExchange, isClean: boolean): void {
    this.#current = undefined;
    request.isOver = true;
    if (!isClean || !this.#keepAlive || !request.hasEnded) this.#isOpen = false;
  }

  #settle(): void {
    if (!this.#isOpen) {
      if (this.#current === undefined) this.#socket.destroy();
      return;
    }
    this.setReading(true);
    if (this.#current !== undefined) return;
    this.#wire.quicken();
    this.#owner.changed(this);
  }

  #ended(): void {
    if (this.#tunnel !== undefined) this.#tunnel.ended();
    else if (this.#current !== undefined && this.#isBodyNext && this.#body.finish()) {
      this.#trailers = [];
      this.#complete(this.#current, true);
    } else this.destroy();
  }

  #fail(why: Failure): void {
    const request = this.#current;
    this.#current = undefined;
    this.destroy();
    request?.fail(why);
  }

  #closed(): void {
    this.#isOpen = false;
    this.#wire.closed();
    this.#held.take();
    this.#deadlines.delete(this);
    buffered.clients--;
    this.#tunnel?.failed('reset');
    const request = this.#current;
    this.#current = undefined;
    request?.fail(request.isUnsent ? 'reset-unsent' : 'reset');
    this.#owner.closed(this);
  }

  #setClosed(): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    this.#owner.changed(this);
  }
}

/** 1xx responses that one request may get. */
const mostInformations = 16;

function ignore(): void {}
