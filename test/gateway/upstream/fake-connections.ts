import { Socket } from 'node:net';
import type {
  ClientConnection,
  ClientExchange,
  ConnectionOwner,
  FieldLines,
  RequestHead,
  ResponseReceiver,
} from '../../../agent/gateway/exchange.js';
import type { Codecs } from '../../../agent/gateway/upstream/codecs.js';
import type { SocketMaker } from '../../../agent/gateway/upstream/sockets.js';

/** A socket that connects when it is told to. */
export class FakeSocket extends Socket {
  readonly pod: string;
  destination = '';

  constructor(pod: string) {
    super();
    this.pod = pod;
  }

  override connect(...to: unknown[]): this {
    const [port, address] = to as [number, string];
    this.destination = `${address}:${port}`;
    return this;
  }

  accept(): void {
    this.emit('connect');
  }

  refuse(): void {
    this.destroy(new Error('connect ECONNREFUSED'));
  }
}

/** One request on a fake connection, to be answered by the test. */
export class FakeExchange implements ClientExchange {
  readonly head: RequestHead;
  readonly receiver: ResponseReceiver;
  readonly written: string[] = [];
  hasEnded: boolean;
  isAborted = false;
  readonly #connection: FakeConnection;

  constructor(connection: FakeConnection, head: RequestHead, ended: boolean, receiver: ResponseReceiver) {
    this.#connection = connection;
    this.head = head;
    this.receiver = receiver;
    this.hasEnded = ended;
  }

  write(chunk: Buffer): boolean {
    this.written.push(chunk.toString());
    return true;
  }

  end(_trailers: FieldLines): void {
    this.hasEnded = true;
  }

  pause(): void {}
  resume(): void {}

  abort(): void {
    this.isAborted = true;
    this.#connection.done(this);
  }

  respond(status: number): void {
    this.receiver.head({ status, fields: [], length: 0 }, true);
    this.#connection.done(this);
  }

  fail(): void {
    this.receiver.fail('reset');
    this.#connection.done(this);
  }
}

export class FakeConnection implements ClientConnection {
  readonly socket: FakeSocket;
  readonly owner: ConnectionOwner;
  readonly #streams: number;
  exchanges: FakeExchange[] = [];
  isOpen = true;
  isEnded = false;

  constructor(socket: FakeSocket, owner: ConnectionOwner, streams: number) {
    this.socket = socket;
    this.owner = owner;
    this.#streams = streams;
  }

  get inFlight(): number {
    return this.exchanges.length;
  }

  get capacity(): number {
    return this.isOpen ? this.#streams - this.exchanges.length : 0;
  }

  request(head: RequestHead, ended: boolean, receiver: ResponseReceiver): ClientExchange {
    const exchange = new FakeExchange(this, head, ended, receiver);
    this.exchanges.push(exchange);
    return exchange;
  }

  done(exchange: FakeExchange): void {
    this.exchanges = this.exchanges.filter((each) => each !== exchange);
    if (!this.isOpen && this.exchanges.length === 0) this.destroy();
    else this.owner.changed(this);
  }

  close(): void {
    this.isOpen = false;
    if (this.exchanges.length === 0) this.destroy();
  }

  destroy(): void {
    this.isOpen = false;
    if (this.isEnded) return;
    this.isEnded = true;
    const { exchanges } = this;
    this.exchanges = [];
    for (const exchange of exchanges) exchange.receiver.fail('reset');
    this.owner.closed(this);
  }
}

/** Sockets and connections that tests drive by hand, in the order they were made. */
export class FakeNetwork {
  readonly sockets: FakeSocket[] = [];
  readonly connections: FakeConnection[] = [];
  readonly maker: SocketMaker;
  readonly codecs: Codecs;

  /** `streams`: of an HTTP/2 connection. */
  constructor(streams = 100) {
    this.maker = {
      make: (pod) => {
        const socket = new FakeSocket(pod);
        this.sockets.push(socket);
        return socket;
      },
      sweep() {},
      forget() {},
      close() {},
    };
    const client = (count: number) => (socket: Socket, owner: ConnectionOwner) => {
      const connection = new FakeConnection(socket as FakeSocket, owner, count);
      this.connections.push(connection);
      return connection;
    };
    this.codecs = { http1: client(1), http2: client(streams) };
  }

  /** Lets all sockets that wait connect. */
  acceptAll(): void {
    for (const socket of this.sockets.splice(0)) if (!socket.destroyed) socket.accept();
  }

  get open(): readonly FakeConnection[] {
    return this.connections.filter((connection) => !connection.isEnded);
  }
}
