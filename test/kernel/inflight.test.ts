import type { ExecutionContext } from 'ava';
import { kernelTest } from '../kernel-test.js';
import type { Program } from './program.js';
import { ip } from './scratch.js';
import { eventually, type Pod, planOf, World } from './world.js';

const plan = planOf({ address: '10.96.0.1', backends: ['10.1.0.2'] });

/** One Service with one backend, a server and a client. */
async function setUp(
  t: ExecutionContext,
): Promise<{ world: World; pod: Pod; server: Program; client: Program; id: number }> {
  const world = World.open(t);
  const pod = world.pod({ local: ['10.1.0.2'] });
  world.apply(plan);
  const server = world.start(pod);
  await server.run(`listener = serve('10.1.0.2')`);
  return { world, pod, server, client: world.start(pod), id: world.idOf(plan, '10.1.0.2') };
}

/** What the tables say of all connections so far. */
function account(world: World, id: number): Record<string, number> {
  const { inflight, opened, failed } = world.backendState(id);
  const sum = (field: 'opened' | 'closed' | 'failed') =>
    world.edges().reduce((all, edge) => all + Number(edge[field]), 0);
  return {
    inflight,
    service: world.serviceState(plan).inflight,
    opened: Number(opened),
    failed: Number(failed),
    edgeOpened: sum('opened'),
    edgeClosed: sum('closed'),
    edgeFailed: sum('failed'),
  };
}

/** Asserts that connections ended: `opened` of them after having been established, `failed` before. */
async function ends(t: ExecutionContext, world: World, id: number, opened: number, failed: number): Promise<void> {
  const wanted = {
    inflight: 0,
    service: 0,
    opened,
    failed,
    edgeOpened: opened,
    edgeClosed: opened,
    edgeFailed: failed,
  };
  const got = await eventually(
    () => account(world, id),
    (each) => each.inflight === 0 && each.service === 0 && each.edgeClosed === opened,
  );
  t.deepEqual(got, wanted);
}

kernelTest('in flight from SYN to close, through FIN, half close and RST', async (t) => {
  const { world, client, id } = await setUp(t);
  await client.run(`a, b, c = dial('10.96.0.1'), dial('10.96.0.1'), dial('10.96.0.1')`);
  t.deepEqual(world.inflight(plan), { backends: [3], service: 3 });
  await client.run(`greeting(a); a.close()`);
  await eventually(
    () => world.inflight(plan).service,
    (count) => count === 2,
  );
  // Half closed: the server may still send, so it counts until the server closes too.
  await client.run(`greeting(b); b.shutdown(socket.SHUT_WR); b.recv(1)`);
  await client.run(`reset(c)`);
  await ends(t, world, id, 3, 0);
});

kernelTest('the server closes first, and the client keeps its half open', async (t) => {
  const { world, server, client, id } = await setUp(t);
  await server.run(`
    stop(listener)
    l = socket.socket(); l.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1); l.bind(('10.1.0.2', 8081)); l.listen()`);
  world.apply({ ...plan, backends: plan.backends.map((backend) => ({ ...backend, port: 8081 })) });
  const other = world.idOf(plan, '10.1.0.2');
  t.not(other, id);
  await client.run(`a = dial('10.96.0.1')`);
  await server.run(`s, _ = l.accept(); s.sendall(b'all'); s.close()`);
  t.is(await client.run(`a.recv(10)`), 'all');
  t.is(await client.run(`a.recv(10)`), '');
  t.is(world.backendState(other).inflight, 1);
  await client.run(`a.close()`);
  await eventually(
    () => world.inflight(plan).service,
    (count) => count === 0,
  );
  t.is(Number(world.backendState(other).opened), 1);
});

kernelTest('a backend that refuses fails, is not in flight, and the same socket may try again', async (t) => {
  const { world, server, client, id } = await setUp(t);
  await server.run(`stop(listener)`);
  const errors = await client.run(`
    s = socket.socket()
    [error_of(lambda: s.connect(('10.96.0.1', 80))) for _ in range(3)] + [error_of(lambda: dial('10.96.0.1'))]`);
  t.deepEqual(errors, Array(4).fill('ECONNREFUSED'));
  t.deepEqual(account(world, id), {
    inflight: 0,
    service: 0,
    opened: 0,
    failed: 4,
    edgeOpened: 0,
    edgeClosed: 0,
    edgeFailed: 4,
  });
  await server.run(`serve('10.1.0.2')`);
  t.is(await client.run(`s.connect(('10.96.0.1', 80)); greeting(s)`), '10.1.0.2');
  t.is(world.inflight(plan).service, 1);
  // connect(AF_UNSPEC) dissolves the association, and the socket may be used again.
  await client.run(`
    import ctypes
    libc = ctypes.CDLL(None)
    libc.connect(s.fileno(), bytes(16), 16)
    s.connect(('10.96.0.1', 80))`);
  t.is(world.inflight(plan).service, 1);
  await client.run(`s.close()`);
  await ends(t, world, id, 2, 4);
});

kernelTest('closed before established, or given up: failed once each', async (t) => {
  const world = World.open(t);
  const pod = world.pod({ wired: ['10.1.0.2'] });
  ip(pod.netns, ['neigh add 10.1.0.3 lladdr 02:00:00:00:00:01 dev eth0']); // nobody has that
  const hole = planOf({ address: '10.96.0.1', backends: ['10.1.0.3'] });
  world.apply(hole);
  const id = world.idOf(hole, '10.1.0.3');
  const client = world.start(pod);
  await client.run(`
    def begin():
        s = socket.socket(); s.setblocking(False); s.connect_ex(('10.96.0.1', 80)); return s
    a, b, c, d = begin(), begin(), begin(), begin()`);
  t.deepEqual(world.inflight(hole), { backends: [4], service: 4 });
  await client.run(`a.close(); reset(b)`);
  t.is(world.inflight(hole).service, 2);
  // TCP_USER_TIMEOUT: the kernel gives up.
  const gaveUp = await client.run(`
    c.setsockopt(socket.IPPROTO_TCP, 18, 100)
    c.setblocking(True); c.settimeout(5)
    select_ready = __import__('select').select([], [c], [], 5)
    errno.errorcode[c.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)]`);
  t.is(gaveUp, 'ETIMEDOUT');
  await client.kill();
  await ends(t, world, id, 0, 4);
});

kernelTest('kill -9 of the client, and sockets shared by fork', async (t) => {
  const { world, pod, client, id } = await setUp(t);
  await client.run(`held += [dial('10.96.0.1') for _ in range(20)]; [greeting(s) for s in held]`);
  // The child holds the sockets too: they live until it is gone as well.
  const child = await client.run<number>(`
    ends = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(ends[1]); os.read(ends[0], 1); os._exit(0)
    os.close(ends[0])
    child`);
  t.true(child > 0);
  await client.run(`[s.close() for s in held]; None`);
  t.is(world.inflight(plan).service, 20);
  await client.run(`os.close(ends[1]); os.waitpid(child, 0)`);
  await ends(t, world, id, 20, 0);
  const other = world.start(pod);
  await other.run(`held += [dial('10.96.0.1') for _ in range(30)]; [greeting(s) for s in held]`);
  t.is(world.inflight(plan).service, 30);
  await other.kill();
  await ends(t, world, id, 50, 0);
});

kernelTest('no route, and fast open that never sends: failed, never in flight', async (t) => {
  const world = World.open(t);
  const pod = world.pod({ local: ['10.1.0.2'] });
  const away = planOf({ address: '10.96.0.1', backends: ['203.0.113.1'] });
  world.apply(away);
  const id = world.idOf(away, '203.0.113.1');
  const client = world.start(pod);
  t.deepEqual(
    await client.run(`
      s = socket.socket()
      [error_of(lambda: s.connect(('10.96.0.1', 80))) for _ in range(3)]`),
    Array(3).fill('ENETUNREACH'),
  );
  await client.run(`s.close()`);
  await ends(t, world, id, 0, 3);
  const near = planOf({ address: '10.96.0.1', backends: ['10.1.0.2'] });
  world.apply(near);
  const server = world.start(pod);
  await server.run(`serve('10.1.0.2')`);
  await client.run(`
    f = socket.socket(); f.setsockopt(socket.IPPROTO_TCP, 30, 1)  # TCP_FASTOPEN_CONNECT
    f.connect(('10.96.0.1', 80))`);
  t.is(await client.run(`f.sendall(b'x'); f.settimeout(5); greeting(f)`), '10.1.0.2');
  t.is(world.inflight(near).service, 1);
  await client.run(`f.close()`);
  await eventually(
    () => world.inflight(near).service,
    (count) => count === 0,
  );
});

kernelTest('weights and drains change under load, and nothing is lost or left in flight', async (t) => {
  const world = World.open(t);
  const pod = world.pod({ local: ['10.1.0.2', '10.1.0.3', '10.1.0.4'] });
  const weights = (a: number, b: number, c: number) =>
    planOf({
      address: '10.96.0.1',
      policy: 'LEAST_REQUEST',
      backends: { '10.1.0.2': a, '10.1.0.3': b, '10.1.0.4': c },
    });
  world.apply(weights(1, 1, 1));
  await world.start(pod).run(`serve('10.1.0.2'); serve('10.1.0.3'); serve('10.1.0.4')`);
  const clients = [world.start(pod), world.start(pod), world.start(pod)];
  let done = 0;
  const tallies = clients.map((client) =>
    client.run<Record<string, number>>(`tally(500, '10.96.0.1')`).finally(() => done++),
  );
  let changes = 0;
  while (done < clients.length) {
    world.apply(weights(1 + (changes % 5), changes % 3, changes % 2));
    if (++changes % 16 === 0) world.reconciler.reclaim(() => undefined);
    await new Promise((resolve) => setImmediate(resolve));
  }
  const calls = (await Promise.all(tallies)).flatMap((tally) => Object.values(tally));
  t.is(
    calls.reduce((sum, count) => sum + count, 0),
    1500,
  );
  t.true(changes > 20);
  const last = weights(1 + ((changes - 1) % 5), (changes - 1) % 3, (changes - 1) % 2);
  await eventually(
    () => world.inflight(last),
    ({ backends, service }) => service === 0 && backends.every((count) => count === 0),
  );
  t.is(
    world.edges().reduce((sum, edge) => sum + Number(edge.closed), 0),
    1500,
  );
});
