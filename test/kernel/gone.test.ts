import { endSockets } from '../../agent/kernel/sockets.js';
import { kernelTest } from '../kernel-test.js';
import { eventually, type Pod, planOf, World } from './world.js';

/** Ends the sockets of backends that these Services no longer have. Returns how many. */
function empty(world: World, pod: Pod, ...services: readonly string[]): number {
  const { gone } = world.reconciler.apply(new Map(services.map((service) => [service, []])));
  const captured = { pod: 'test/pod', id: pod.id, netns: pod.cookie, path: pod.netns, row: new Uint8Array(0) };
  return endSockets(gone, [captured], world.datapath.store, world.datapath.maps.get('socket_names')!);
}

kernelTest(
  'connected UDP sockets of a backend that is gone are ended at once, in all families, and no others',
  async (t) => {
    const world = World.open(t);
    const pod = world.pod({ local: ['10.1.0.2', '10.1.0.3', 'fd01::2'] });
    const plan = (service: string, address: string, backend: string) =>
      planOf({ service, protocol: 'UDP', address, backends: [backend] });
    world.apply(plan('test/four', '10.96.0.1', '10.1.0.2'), plan('test/six', 'fd96::1', 'fd01::2'));
    world.apply(plan('test/other', '10.96.0.2', '10.1.0.3'));
    const client = world.start(pod);
    await client.run(`
    waiting = {}
    def wait(name, kind, address, port):
        s = socket.socket(kind, socket.SOCK_DGRAM); s.connect((address, port)); held.append(s)
        thread = threading.Thread(target=lambda: waiting.__setitem__(name, error_of(lambda: s.recv(1))), daemon=True)
        thread.start()
    wait('four', socket.AF_INET, '10.96.0.1', 80)
    wait('mapped', socket.AF_INET6, '::ffff:10.96.0.1', 80)
    wait('six', socket.AF_INET6, 'fd96::1', 80)
    wait('other', socket.AF_INET, '10.96.0.2', 80)
    wait('direct', socket.AF_INET, '10.1.0.2', 5300)`);
    t.is(world.datapath.store.read('connected_datagrams').count, 4);
    t.is(empty(world, pod, 'test/four', 'test/six'), 3);
    const ended = await client.run<Record<string, string>>(`
    end = time.monotonic() + 5
    while len(waiting) < 3 and time.monotonic() < end: time.sleep(0.005)
    waiting`);
    t.deepEqual(ended, { four: 'ECONNABORTED', mapped: 'ECONNABORTED', six: 'ECONNABORTED' });
    await client.kill();
    t.is(world.datapath.store.read('connected_datagrams').count, 0);
  },
);

kernelTest('TCP connections to a backend that is gone go on, or are reset where the Service says so', async (t) => {
  const world = World.open(t);
  const pod = world.pod({ local: ['10.1.0.2', 'fd01::2'] });
  const plans = [
    planOf({ service: 'test/four', address: '10.96.0.1', backends: ['10.1.0.2'] }),
    planOf({ service: 'test/six', address: 'fd96::1', backends: ['fd01::2'] }),
  ];
  await world.start(pod).run(`serve('10.1.0.2'); serve('fd01::2')`);
  const client = world.start(pod);
  const states = `[error_of(lambda: (s.sendall(b'x'), s.recv(1).decode())[1]) for s in sockets]`;
  for (const [onRemoval, expected] of [
    ['drain', ['x', 'x', 'x', 'x']],
    ['reset', ['ECONNABORTED', 'ECONNABORTED', 'ECONNABORTED', 'x']],
  ] as const) {
    world.apply(...plans.map((plan) => ({ ...plan, onRemoval })));
    const ids = plans.flatMap((plan) => world.programmed(plan).ids);
    await client.run(`
      sockets = [dial('10.96.0.1'), dial('10.96.0.1', kind=socket.AF_INET6), dial('fd96::1'), dial('10.1.0.2', 8080)]
      [greeting(s) for s in sockets]`);
    t.is(empty(world, pod, 'test/four', 'test/six'), onRemoval === 'reset' ? 3 : 0);
    t.deepEqual(await client.run(states), expected);
    await client.run(`for s in sockets: s.close()`);
    await eventually(
      () => ids.map((id) => world.backendState(id).inflight),
      (inflight) => inflight.every((count) => count === 0),
    );
  }
});

// The id of a backend is given again only when nothing is in flight to it, and what it was under then is another generation.
kernelTest('an id is not reused while a connection is in flight', async (t) => {
  const world = World.open(t);
  const pod = world.pod({ local: ['10.1.0.2', '10.1.0.3'] });
  const plan = planOf({ address: '10.96.0.1', backends: ['10.1.0.2'] });
  const next = planOf({ address: '10.96.0.1', backends: ['10.1.0.3'] });
  world.apply(plan);
  await world.start(pod).run(`serve('10.1.0.2'); serve('10.1.0.3')`);
  const id = world.idOf(plan, '10.1.0.2');
  const client = world.start(pod);
  await client.run(`c = dial('10.96.0.1'); greeting(c)`);
  world.withdraw('test/service');
  world.reconciler.reclaim(() => undefined);
  world.apply(next);
  t.not(world.idOf(next, '10.1.0.3'), id);
  t.is(world.backendState(id).inflight, 1);
  await client.run(`reset(c)`);
  t.is(world.backendState(id).inflight, 0);
});

kernelTest('a Pod whose processes have ended does not keep the sockets of others from being ended', async (t) => {
  const world = World.open(t);
  const pod = world.pod({ local: ['10.1.0.2'] });
  world.apply(planOf({ service: 'test/web', protocol: 'UDP', address: '10.96.0.1', backends: ['10.1.0.2'] }));
  const client = world.start(pod);
  await client.run(
    "s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.connect(('10.96.0.1', 80)); held.append(s)",
  );
  const { gone } = world.reconciler.apply(new Map([['test/web', []]]));
  const captured = ['', '/proc/4194305/ns/net', pod.netns].map((path) => ({
    ...{ pod: 'test/pod', id: pod.id, netns: pod.cookie, path },
    row: new Uint8Array(0),
  }));
  t.is(endSockets(gone, captured, world.datapath.store, world.datapath.maps.get('socket_names')!), 1);
  await client.kill();
});
