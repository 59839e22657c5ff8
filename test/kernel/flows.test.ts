import type { ExecutionContext } from 'ava';
import { Event, type FlowEventRow, Reason } from '../../agent/tables/layout.gen.js';
import { kernelTest } from '../kernel-test.js';
import type { Program } from './program.js';
import { type Capacities, eventually, planOf, World } from './world.js';

const plan = planOf({ address: '10.96.0.1', backends: ['10.1.0.2'] });

async function setUp(
  t: ExecutionContext,
  capacities: Capacities = {},
): Promise<{ world: World; client: Program; server: Program }> {
  const world = World.open(t, capacities);
  const pod = world.pod({ local: ['10.1.0.2'] });
  world.apply(plan);
  const server = world.start(pod);
  await server.run(`
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(('10.1.0.2', 8080)); listener.listen(1024)`);
  return { world, client: world.start(pod), server };
}

/** The next flow event of that kind. */
async function next(world: World, event: number): Promise<FlowEventRow> {
  const seen: FlowEventRow[] = [];
  await eventually(
    () => seen.push(...world.events()),
    () => seen.some((each) => each.event === event),
  );
  return seen.find((each) => each.event === event)!;
}

kernelTest('a connection is told of at its start and its end, with what happened', async (t) => {
  const { world, client, server } = await setUp(t);
  await client.run(`c = dial('10.96.0.1')`);
  const id = world.idOf(plan, '10.1.0.2');
  const open = await next(world, Event.OPEN);
  t.like(open, {
    serviceAddress: '10.96.0.1',
    servicePort: 80,
    backendAddress: '10.1.0.2',
    backendPort: 8080,
    verdict: 1,
    reason: Reason.PICKED,
    protocol: 6,
    pod: 1,
    service: world.programmed(plan).service,
    backend: id,
    sentBytes: 0n,
  });
  t.true(open.connectNs > 0n);
  await client.run(`c.sendall(b'x' * 1000)`);
  await server.run(`s, _ = listener.accept(); s.recv(1000, socket.MSG_WAITALL); s.sendall(b'y' * 100000)`);
  await client.run(`c.recv(100000, socket.MSG_WAITALL); c.close()`);
  await server.run(`s.recv(1); s.close()`);
  const close = await next(world, Event.CLOSE);
  t.like(close, { backend: id, pod: 1, connectNs: open.connectNs, sentBytes: 1000n, receivedBytes: 100_000n });
  t.true(close.durationNs > close.connectNs && close.timeNs > open.timeNs);
  t.true(close.srttUs > 0);
});

/** How a connection that carried 5 bytes there and 7 back may end. `c` is the client's socket, `s` the server's. */
const endings: Readonly<Record<string, readonly ['client' | 'server', string][]>> = {
  'the client first': [
    ['client', 'c.close()'],
    ['server', 's.recv(1); s.close()'],
  ],
  'the server first': [
    ['server', 's.close()'],
    ['client', 'c.recv(1); c.close()'],
  ],
  'the server at once on the end of the stream': [
    ['server', 'threading.Thread(target=lambda: (s.recv(1), s.close())).start()'],
    ['client', 'c.close()'],
  ],
  'half closed by the client, then by the server': [
    ['client', 'c.shutdown(socket.SHUT_WR)'],
    ['server', 's.recv(1); s.close()'],
    ['client', 'c.recv(1); c.close()'],
  ],
  'half closed by the client, then closed by it': [
    ['client', 'c.shutdown(socket.SHUT_WR)'],
    ['server', 's.recv(1)'],
    ['client', 'c.close()'],
    ['server', 's.close()'],
  ],
  'half closed by the server, then by the client': [
    ['server', 's.shutdown(socket.SHUT_WR)'],
    ['client', 'c.recv(1); c.shutdown(socket.SHUT_WR)'],
    ['server', 's.recv(1); s.close()'],
    ['client', 'c.close()'],
  ],
  'reset by the client': [['client', 'reset(c)']],
  'reset by the server': [
    ['server', 'reset(s)'],
    ['client', `error_of(lambda: c.recv(1)); c.close()`],
  ],
};

kernelTest('bytes are those of the two streams, however the connection ends', async (t) => {
  const { world, client, server } = await setUp(t);
  for (const [title, steps] of Object.entries(endings)) {
    world.events();
    await client.run(`c = dial('10.96.0.1'); c.sendall(b'hello')`);
    await server.run(`s, _ = listener.accept(); s.recv(5, socket.MSG_WAITALL); s.sendall(b'welcome')`);
    await client.run(`c.recv(7, socket.MSG_WAITALL)`);
    for (const [who, code] of steps) await (who === 'client' ? client : server).run(code);
    const { sentBytes, receivedBytes } = await next(world, Event.CLOSE);
    t.deepEqual([sentBytes, receivedBytes], [5n, 7n], title);
  }
  const [edge] = world.edges();
  const count = BigInt(Object.keys(endings).length);
  t.like(edge, { pod: 1, opened: count, closed: count, failed: 0n, sentBytes: 5n * count, receivedBytes: 7n * count });
});

kernelTest('a failure and a refusal are told of', async (t) => {
  const { world, client, server } = await setUp(t);
  await server.run(`listener.close()`);
  t.is(await client.run(`error_of(lambda: dial('10.96.0.1'))`), 'ECONNREFUSED');
  const fail = await next(world, Event.FAIL);
  t.like(fail, { serviceAddress: '10.96.0.1', backendAddress: '10.1.0.2', verdict: 1, pod: 1, connectNs: 0n });
  t.true(fail.durationNs > 0n);
  world.apply({ ...plan, backends: [] });
  t.is(await client.run(`error_of(lambda: dial('10.96.0.1'))`), 'ECONNREFUSED');
  t.like(await next(world, Event.REFUSE), { verdict: 2, reason: Reason.NO_BACKEND, backend: 0, backendAddress: '' });
});

kernelTest('what the ring has no room for is counted exactly, and reading makes room again', async (t) => {
  const { world, client } = await setUp(t, { events: 4096 });
  await client.run(`for _ in range(300): reset(dial('10.96.0.1'))`);
  const kept = world.events().length;
  t.true(kept > 0 && kept < 600);
  t.is(kept + world.counter('EVENTS_LOST'), 600);
  await client.run(`reset(dial('10.96.0.1'))`);
  t.is(world.events().length, 2);
});

kernelTest('edges that do not fit are summed as the rest, and counted', async (t) => {
  const { world, client } = await setUp(t, { edges: 2 });
  for (let i = 0; i < 5; i++) {
    world.apply(planOf({ service: `test/s${i}`, address: `10.96.1.${i}`, backends: ['10.1.0.2'] }));
    await client.run(`reset(dial('10.96.1.${i}'))`);
  }
  t.is(world.edges().length, 2);
  const rest = world.datapath.store.read('edge_rest').values;
  const [opened, closed] = new BigUint64Array(rest.buffer, rest.byteOffset, 2);
  t.deepEqual([opened, closed], [3n, 3n]);
  t.is(world.counter('EDGES_FULL'), 6);
});
