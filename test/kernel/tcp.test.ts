import { kernelTest } from '../kernel-test.js';
import { eventually, planOf, World } from './world.js';

kernelTest('TCP over IPv4, IPv6 and IPv4-mapped IPv6 reaches the backend under the name of the Service', async (t) => {
  const world = World.open(t);
  const pod = world.pod({ local: ['10.1.0.2', 'fd01::2'] });
  world.apply(
    planOf({ address: '10.96.0.1', backends: ['10.1.0.2'] }),
    planOf({ address: 'fd96::1', backends: ['fd01::2'] }),
  );
  const server = world.start(pod);
  await server.run(`serve('10.1.0.2', name='four'); serve('fd01::2', name='six')`);
  const client = world.start(pod);
  const names = (dial: string) =>
    client.run<[string, string, unknown[]]>(`
      c = ${dial}
      [greeting(c), c.getpeername()[0], [c.getpeername()[1], c.getsockname()[0]]]`);

  t.deepEqual(await names(`dial('10.96.0.1')`), ['four', '10.96.0.1', [80, '10.1.0.2']]);
  t.deepEqual(await names(`dial('fd96::1')`), ['six', 'fd96::1', [80, 'fd01::2']]);
  t.deepEqual(await names(`dial('10.96.0.1', kind=socket.AF_INET6)`), [
    'four',
    '::ffff:10.96.0.1',
    [80, '::ffff:10.1.0.2'],
  ]);
  t.is(world.decisions('PICKED'), 3);
  t.is(world.counter('STORAGE_FULL'), 0);
});

kernelTest('a refusal is ECONNREFUSED at once, in both families and mapped', async (t) => {
  const world = World.open(t);
  const pod = world.pod({ local: ['10.1.0.2', 'fd01::2'] });
  for (const protocol of ['TCP', 'UDP'] as const) {
    world.apply(
      planOf({ service: `test/${protocol}`, protocol, address: '10.96.0.1', backends: [] }),
      planOf({ service: `test/${protocol}`, protocol, address: 'fd96::1', backends: { 'fd01::2': 0 } }),
    );
  }
  const client = world.start(pod);
  const [errors, median] = await client.run<[string[], number]>(`
    def connect(family, kind, address):
        s = socket.socket(family, kind)
        s.connect((address, 80))
    def send(family, address):
        s = socket.socket(family, socket.SOCK_DGRAM)
        s.sendto(b'x', (address, 80))
    errors, took = [], []
    def attempt(action):
        started = time.monotonic()
        errors.append(error_of(action))
        took.append(time.monotonic() - started)
    for family, address in [(2, '10.96.0.1'), (10, 'fd96::1'), (10, '::ffff:10.96.0.1')]:
        attempt(lambda: connect(family, socket.SOCK_STREAM, address))
        attempt(lambda: connect(family, socket.SOCK_DGRAM, address))
        attempt(lambda: send(family, address))
    [errors, sorted(took)[4]]`);
  t.deepEqual(errors, Array<string>(9).fill('ECONNREFUSED'));
  t.true(median < 0.05, `${median} s`);
  t.is(world.decisions('NO_BACKEND'), 9);
  const refusals = world.events();
  t.is(refusals.length, 9);
  t.true(
    refusals.every(
      ({ event, verdict, reason, pod: id }) => event === 4 && verdict === 2 && reason === 6 && id === pod.id,
    ),
  );
  t.deepEqual(
    refusals.map(({ serviceAddress, protocol }) => [serviceAddress, protocol]),
    ['10.96.0.1', 'fd96::1', '10.96.0.1'].flatMap((address) => [6, 17, 17].map((protocol) => [address, protocol])),
  );
});

kernelTest('who is outside the cgroup or in a namespace that is not meshed is left alone', async (t) => {
  const world = World.open(t);
  const meshed = world.pod({ local: ['10.1.0.2', '10.96.0.1'] });
  const other = world.pod({ local: ['10.1.0.2', '10.96.0.1'], meshed: false });
  world.apply(planOf({ address: '10.96.0.1', backends: ['10.1.0.2'] }));
  for (const pod of [meshed, other]) {
    await world
      .start(pod)
      .run(`serve('10.1.0.2', name='backend'); serve('10.96.0.1', port=80, name='the address itself')`);
  }
  const call = `call('10.96.0.1')`;
  t.is(await world.start(meshed).run(call), 'backend');
  t.is(await world.start(meshed, { cgroup: undefined }).run(call), 'the address itself');
  t.is(await world.start(other).run(call), 'the address itself');
  t.is(world.decisions('NOT_MESHED'), 1);
  t.is(world.decisions('PICKED'), 1);
});

kernelTest('ROUND_ROBIN is exact over all processes and pods of the node', async (t) => {
  const world = World.open(t);
  const servers = world.pod({ wired: ['10.1.0.2', '10.1.0.3', '10.1.0.4'] });
  const pods = [world.pod({ wired: ['10.1.1.1'] }), world.pod({ wired: ['10.1.1.2'] })];
  const plan = planOf({ address: '10.96.0.1', backends: { '10.1.0.2': 5, '10.1.0.3': 3, '10.1.0.4': 2 } });
  world.apply(plan);
  await world.start(servers).run(`serve('10.1.0.2'); serve('10.1.0.3'); serve('10.1.0.4')`);
  const clients = pods.flatMap((pod) => [world.start(pod), world.start(pod)]);
  const tallies = await Promise.all(
    clients.map((client) => client.run<Record<string, number>>(`tally(250, '10.96.0.1')`)),
  );
  const total = (name: string) => tallies.reduce((sum, each) => sum + (each[name] ?? 0), 0);
  t.deepEqual(['10.1.0.2', '10.1.0.3', '10.1.0.4'].map(total), [500, 300, 200]);
  t.is(world.serviceState(plan).cursor, 1000n);
  await eventually(
    () => world.inflight(plan),
    ({ backends, service }) => service === 0 && backends.every((count) => count === 0),
  );
  t.is(
    world.edges().reduce((sum, edge) => sum + Number(edge.closed), 0),
    1000,
  );
});

kernelTest('a pod that is its own backend reaches itself', async (t) => {
  const world = World.open(t);
  const pod = world.pod({ wired: ['10.1.0.2', 'fd01::2'] });
  world.apply(
    planOf({ address: '10.96.0.1', backends: ['10.1.0.2'] }),
    planOf({ address: 'fd96::1', backends: ['fd01::2'] }),
  );
  const program = world.start(pod);
  await program.run(`serve('10.1.0.2'); serve('fd01::2')`);
  t.deepEqual(await program.run(`[call('10.96.0.1'), call('fd96::1')]`), ['10.1.0.2', 'fd01::2']);
});

kernelTest('PASSTHROUGH leaves the address as it is, and counts it', async (t) => {
  const world = World.open(t);
  const pod = world.pod({ local: ['10.1.0.2', '10.96.0.1'] });
  world.apply(planOf({ address: '10.96.0.1', policy: 'PASSTHROUGH', backends: ['10.1.0.2'] }));
  const program = world.start(pod);
  await program.run(`serve('10.1.0.2', name='backend'); serve('10.96.0.1', port=80, name='the address itself')`);
  t.is(await program.run(`call('10.96.0.1')`), 'the address itself');
  t.is(world.decisions('PASSTHROUGH'), 1);
});

kernelTest('maxConnections refuses the connection that is one too many, until one ends', async (t) => {
  const world = World.open(t);
  const pod = world.pod({ local: ['10.1.0.2', '10.1.0.3'] });
  const plan = planOf({ address: '10.96.0.1', backends: ['10.1.0.2', '10.1.0.3'], maxConnections: 2 });
  world.apply(plan);
  const server = world.start(pod);
  await server.run(`serve('10.1.0.2'); serve('10.1.0.3')`);
  const client = world.start(pod);
  const dial = `error_of(lambda: connections.append(dial('10.96.0.1')))`;
  t.is(await client.run(`connections = []\n${dial}`), 'None');
  t.is(await client.run(dial), 'None');
  t.is(await client.run(dial), 'ECONNREFUSED');
  t.is(world.decisions('MAX_CONNECTIONS'), 1);
  await client.run(`reset(connections.pop())`);
  t.deepEqual(world.inflight(plan).service, 1);
  t.is(await client.run(dial), 'None');
});
