import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import test, { type ExecutionContext } from 'ava';
import { type Clock, systemClock } from '../../../agent/clock.js';
import { Tunnel, type TunnelEnd } from '../../../agent/gateway/l4/tunnel.js';

async function pair(t: ExecutionContext): Promise<readonly [outer: Socket, inner: Socket]> {
  const server = createServer({ allowHalfOpen: true });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const accepted = once(server, 'connection') as Promise<[Socket]>;
  const outer = connect({ port: (server.address() as { port: number }).port, host: '127.0.0.1', allowHalfOpen: true });
  const [inner] = await accepted;
  outer.on('error', () => {});
  inner.on('error', () => {});
  t.teardown(() => {
    outer.destroy();
    inner.destroy();
    server.close();
  });
  return [outer, inner];
}

/** A clock whose ticks a test makes. */
class Ticks implements Clock {
  ms = 0;
  readonly #tasks = new Set<() => void>();
  now(): number {
    return this.ms;
  }
  monotonic(): number {
    return this.ms;
  }
  after(): () => void {
    return () => {};
  }
  every(_ms: number, task: () => void): () => void {
    this.#tasks.add(task);
    return () => this.#tasks.delete(task);
  }
  pass(ms: number): void {
    this.ms += ms;
    for (const task of [...this.#tasks]) task();
  }
}

interface Open {
  readonly client: Socket;
  readonly backend: Socket;
  readonly inner: Socket;
  readonly ended: Promise<TunnelEnd>;
}

async function open(t: ExecutionContext, clock: Clock = systemClock, first = '', lifetimeMs?: number): Promise<Open> {
  const [client, inner] = await pair(t);
  const [backend, outward] = await pair(t);
  const ended = new Promise<TunnelEnd>((onEnd) => {
    const rest = { clock, idleMs: 10_000, lifetimeMs, hasEnded: false, onEnd };
    new Tunnel({ client: inner, backend: outward, first: Buffer.from(first), ...rest });
  });
  return { client, backend, inner, ended };
}

/** All that comes until the other side ends. */
async function all(socket: Socket): Promise<string> {
  let text = '';
  socket.on('data', (chunk: Buffer) => {
    text += chunk.toString('latin1');
  });
  await once(socket, 'end');
  return text;
}

test('each side may end by itself, and bytes are counted', async (t) => {
  const { client, backend, ended } = await open(t, systemClock, 'hel');
  client.end('lo');
  t.is(await all(backend), 'hello');
  backend.end('goodbye');
  t.is(await all(client), 'goodbye');
  t.deepEqual(await ended, { fromClient: 5, fromBackend: 7, broken: undefined });
});

test('who resets is named, and the other side is reset too', async (t) => {
  for (const who of ['client', 'backend'] as const) {
    const tunnel = await open(t);
    const other = who === 'client' ? tunnel.backend : tunnel.client;
    tunnel[who].write('x');
    await once(other, 'data');
    const reset = once(other, 'error');
    tunnel[who].resetAndDestroy();
    t.is((await tunnel.ended).broken, who);
    const [error] = await reset;
    t.is(error.code, 'ECONNRESET');
  }
});

test('a slow reader slows the other side down', async (t) => {
  const { client, backend, inner } = await open(t);
  const chunk = Buffer.alloc(1_048_576, 97);
  const chunks = 64;
  let written = 0;
  const write = (): void => {
    while (written < chunks) {
      written++;
      if (!client.write(chunk)) return;
    }
    client.end();
  };
  client.on('drain', write);
  write();
  while (!inner.isPaused()) await new Promise((resolve) => setImmediate(resolve));
  t.true(written < chunks);
  let length = 0;
  backend.on('data', (part: Buffer) => {
    length += part.length;
  });
  await once(backend, 'end');
  t.is(length, chunks * chunk.length);
});

test('silence ends it', async (t) => {
  const clock = new Ticks();
  const { client, backend, ended } = await open(t, clock);
  clock.pass(9_000);
  client.write('x');
  await once(backend, 'data');
  clock.pass(9_000);
  clock.pass(2_000);
  t.deepEqual(await ended, { fromClient: 1, fromBackend: 0, broken: 'idle' });
});

test('a lifetime ends it, however busy it is', async (t) => {
  const clock = new Ticks();
  const { ended } = await open(t, clock, 'x', 1_000);
  clock.pass(2_000);
  t.is((await ended).broken, 'lifetime');
});
