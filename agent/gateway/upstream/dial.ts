import type { Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import type { UpstreamTls } from '../../balance/cluster.js';
import type { Clock } from '../../clock.js';
import { familyOfAddress } from '../../model/address.js';
import type { SocketMaker } from './sockets.js';
import { secure } from './tls.js';

export interface Destination {
  /** NS/POD whose namespace the connection is made in, or empty. */
  readonly pod: string;
  readonly address: string;
  readonly port: number;
  readonly tls: UpstreamTls | undefined;
  /** For SNI and verification. */
  readonly host: string;
  readonly alpn: 'h2' | 'http/1.1' | '';
  readonly timeoutMs: number;
  readonly keepaliveMs: number | undefined;
}

/** Told once, never before `Dial`'s constructor has returned. */
export interface Dialler {
  /** The socket is paused, its errors are unheard from now on. */
  connected(socket: Socket): void;
  failed(why: 'connect-failure' | 'connect-timeout'): void;
}

/** One connection in the making: TCP, and TLS where asked for. */
export class Dial {
  readonly #to: Destination;
  readonly #dialler: Dialler;
  readonly #cancelTimer: () => void;
  readonly #onError = () => this.#fail('connect-failure');
  #socket: Socket | undefined;
  #isOver = false;

  constructor(to: Destination, sockets: SocketMaker, clock: Clock, dialler: Dialler) {
    this.#to = to;
    this.#dialler = dialler;
    this.#cancelTimer = clock.after(to.timeoutMs, () => this.#fail('connect-timeout'));
    try {
      const socket = sockets.make(to.pod, familyOfAddress(to.address));
      this.#socket = socket;
      socket.on('error', this.#onError);
      socket.on('close', this.#onError);
      socket.once('connect', () => this.#onConnect(socket));
      socket.connect(to.port, to.address);
    } catch {
      queueMicrotask(this.#onError);
    }
  }

  /** Nobody waits for it any more. */
  cancel(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#cancelTimer();
    this.#socket?.destroy();
  }

  #onConnect(socket: Socket): void {
    if (this.#isOver) return;
    socket.setNoDelay(true);
    if (this.#to.keepaliveMs !== undefined) socket.setKeepAlive(true, this.#to.keepaliveMs);
    if (this.#to.tls === undefined) this.#succeed(socket);
    else this.#secure(socket, this.#to.tls);
  }

  #secure(socket: Socket, settings: UpstreamTls): void {
    let tls: TLSSocket;
    try {
      tls = secure(socket, settings, this.#to.host, this.#to.alpn);
    } catch {
      this.#onError();
      return;
    }
    this.#socket = tls;
    tls.on('error', this.#onError);
    tls.on('close', this.#onError);
    tls.once('secureConnect', () => this.#succeed(tls));
  }

  #succeed(socket: Socket): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#cancelTimer();
    socket.off('error', this.#onError);
    socket.off('close', this.#onError);
    this.#dialler.connected(socket);
  }

  #fail(why: 'connect-failure' | 'connect-timeout'): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#cancelTimer();
    this.#socket?.destroy();
    this.#dialler.failed(why);
  }
}
