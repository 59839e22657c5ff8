import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { systemClock } from '../../../agent/clock.js';
import type { Downstream, FieldLines, ServerExchange } from '../../../agent/gateway/exchange.js';
import { clientPreface, frameFlag, frameType } from '../../../agent/gateway/http2/frame.js';
import { HpackDecoder } from '../../../agent/gateway/http2/hpack-decoder.js';
import { HpackEncoder } from '../../../agent/gateway/http2/hpack-encoder.js';
import { type Http2Limits, serverLimits } from '../../../agent/gateway/http2/limits.js';
import { type ServedConnection, serveHttp2 } from '../../../agent/gateway/http2/server.js';

export const downstream: Downstream = {
  origin: 'mesh',
  pod: 'shop/client',
  address: '10.0.0.7',
  port: 1234,
  target: 'cart',
  tls: undefined,
};

export interface Frame {
  readonly type: number;
  readonly flags: number;
  readonly stream: number;
  readonly payload: Buffer;
  /** Of HEADERS that are whole. */
  readonly fields: FieldLines | undefined;
}

/** One frame's bytes. */
export function frame(type: number, flags: number, stream: number, payload: Buffer | string = ''): Buffer {
  const body = typeof payload === 'string' ? Buffer.from(payload, 'latin1') : payload;
  const head = Buffer.alloc(9);
  head.writeUIntBE(body.length, 0, 3);
  head[3] = type;
  head[4] = flags;
  head.writeUInt32BE(stream, 5);
  return Buffer.concat([head, body]);
}

export function word(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

/** A section without tables. */
export function block(fields: FieldLines): Buffer {
  const encoder = new HpackEncoder(0);
  encoder.begin();
  for (let at = 0; at < fields.length; at += 2) encoder.field(fields[at]!, fields[at + 1]!);
  return Buffer.from(encoder.finish());
}

export const plainRequest: FieldLines = [':method', 'GET', ':scheme', 'http', ':authority', 'a', ':path', '/'];

export function headers(stream: number, fields: FieldLines, end: boolean): Buffer {
  const flags = frameFlag.endHeaders | (end ? frameFlag.endStream : 0);
  return frame(frameType.headers, flags, stream, block(fields));
}

/** The other end of a connection, frame by frame. */
export class Peer {
  readonly socket: Socket;
  readonly frames: Frame[] = [];
  isOver = false;
  readonly #decoder = new HpackDecoder({ listBytes: 65_536, fields: 1_000 }, 4_096);
  #rest: Buffer = Buffer.alloc(0);

  constructor(socket: Socket, skip = 0) {
    this.socket = socket;
    let skipped = 0;
    socket.on('data', (chunk: Buffer) => {
      const drop = Math.min(skip - skipped, chunk.length);
      skipped += drop;
      this.#heard(chunk.subarray(drop));
    });
    socket.on('error', () => {});
    socket.on('close', () => {
      this.isOver = true;
    });
  }

  #heard(chunk: Buffer): void {
    this.#rest = Buffer.concat([this.#rest, chunk]);
    while (this.#rest.length >= 9) {
      const end = 9 + this.#rest.readUIntBE(0, 3);
      if (this.#rest.length < end) return;
      const [type, flags] = [this.#rest[3]!, this.#rest[4]!];
      const payload = this.#rest.subarray(9, end);
      const isHead = type === frameType.headers && (flags & frameFlag.endHeaders) !== 0;
      const fields = isHead ? this.#decoder.decode(payload)?.fields : undefined;
      this.frames.push({ type, flags, stream: this.#rest.readUInt32BE(5), payload, fields });
      this.#rest = this.#rest.subarray(end);
    }
  }

  send(...bytes: readonly Buffer[]): void {
    if (!this.socket.destroyed) this.socket.write(Buffer.concat(bytes));
  }

  /** Resolves with the first frame that fits, and forgets it and what came before it; undefined: the connection ended first. */
  async take(fits: (frame: Frame) => boolean): Promise<Frame | undefined> {
    for (;;) {
      const index = this.frames.findIndex(fits);
      if (index >= 0) return this.frames.splice(0, index + 1).at(-1);
      if (this.isOver) return undefined;
      await new Promise((resolve) => setImmediate(resolve));
    }
  }

  /** Fields of the next HEADERS of a stream. */
  async fields(stream: number): Promise<FieldLines> {
    const found = await this.take((one) => one.type === frameType.headers && one.stream === stream);
    return found!.fields!;
  }

  /** The error code of the GOAWAY or RST_STREAM that comes next. */
  async code(type: number): Promise<number | undefined> {
    const found = await this.take((one) => one.type === type);
    return found?.payload.readUInt32BE(type === frameType.goAway ? 4 : 0);
  }
}

export interface Serving {
  readonly port: number;
  readonly exchanges: ServerExchange[];
  readonly connections: ServedConnection[];
  closed: number;
  close(): void;
}

/** A server whose requests a test answers. */
export async function serve(
  onRequest: (exchange: ServerExchange) => void,
  limits: Partial<Http2Limits> = {},
): Promise<Serving> {
  const sockets = new Set<Socket>();
  const server: Server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
    sockets.add(socket);
    const connection = serveHttp2(socket, {
      downstream,
      first: Buffer.alloc(0),
      scheme: 'http',
      clock: systemClock,
      limits: { ...serverLimits, ...limits },
      onRequest: (exchange) => {
        serving.exchanges.push(exchange);
        onRequest(exchange);
      },
      onClosed: () => {
        serving.closed++;
      },
    });
    serving.connections.push(connection);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const serving: Serving = {
    port: (server.address() as { port: number }).port,
    exchanges: [],
    connections: [],
    closed: 0,
    close: () => {
      server.close();
      for (const socket of sockets) socket.destroy();
    },
  };
  return serving;
}

/** A client that has sent its preface and SETTINGS. */
export async function dial(port: number, preface: Buffer = clientPreface): Promise<Peer> {
  const socket = connect({ host: '127.0.0.1', port, noDelay: true });
  await once(socket, 'connect');
  const peer = new Peer(socket);
  peer.send(preface, frame(frameType.settings, 0, 0));
  return peer;
}

/** Answers with a body. */
export function answer(exchange: ServerExchange, text: string, trailers: FieldLines = []): void {
  exchange.respond({ status: 200, fields: ['x-a', 'b'], length: undefined }, false);
  exchange.write(Buffer.from(text));
  exchange.end(trailers);
}

export async function until(is: () => boolean): Promise<void> {
  while (!is()) await new Promise((resolve) => setImmediate(resolve));
}
