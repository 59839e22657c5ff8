import { execFileSync } from 'node:child_process';
import type { ExecutionContext } from 'ava';
import type { FrontendPlan } from '../../agent/compile/plan.js';
import { native } from '../../agent/kernel/native.js';
import { kernelTest } from '../kernel-test.js';
import { Gateway, gatewayAddress } from './gateway.js';
import { ip, makeNamespace, removeNamespace } from './scratch.js';
import { eventually, type Pod, planOf, World } from './world.js';

const addresses = ['10.1.0.2', 'fd01::2'];

interface Stage {
  readonly world: World;
  readonly pod: Pod;
  readonly gateway: Gateway;
  readonly four: FrontendPlan;
  readonly six: FrontendPlan;
}

/** One pod with a gateway listener, and a dual-stack Service whose backend is the pod itself. */
async function stage(t: ExecutionContext, use: 'bypass' | 'closed' = 'closed'): Promise<Stage> {
  const world = World.open(t);
  const pod = world.pod({ wired: addresses });
  const gateway = new Gateway(world);
  t.teardown(() => gateway.close());
  await gateway.open({ client: { pod, addresses } });
  world.setServing(true);
  const four = planOf({ address: '10.96.0.1', backends: ['10.1.0.2'], gateway: use });
  const six = planOf({ address: 'fd96::1', backends: ['fd01::2'], gateway: use });
  world.apply(four, six);
  return { world, pod, gateway, four, six };
}

kernelTest(
  'a connection arrives at the listener of its own namespace, at an address that names the Service',
  async (t) => {
    const { world, pod, gateway, four, six } = await stage(t);
    const client = world.start(pod);
    const names = (dial: string) =>
      client.run<[string, string, string]>(`
      c = ${dial}
      [greeting(c), ' '.join(map(str, c.getpeername()[:2])), c.getsockname()[0]]`);
    const port = gateway.portOf('client');
    const [idOf4, idOf6] = [world.programmed(four).service, world.programmed(six).service];
    t.deepEqual(await names(`dial('10.96.0.1')`), [`${gatewayAddress(4, idOf4)} ${port}`, '10.96.0.1 80', '10.1.0.2']);
    t.deepEqual(await names(`dial('fd96::1')`), [`${gatewayAddress(6, idOf6)} ${port}`, 'fd96::1 80', 'fd01::2']);
    t.deepEqual(await names(`dial('10.96.0.1', kind=socket.AF_INET6)`), [
      `${gatewayAddress(4, idOf4)} ${port}`,
      '::ffff:10.96.0.1 80',
      '::ffff:10.1.0.2',
    ]);
    t.is(world.decisions('GATEWAY'), 3);
    t.deepEqual([world.decisions('PICKED'), world.counter('GATEWAY_STRANGERS')], [0, 0]);
  },
);

kernelTest(
  'a Service without backends still leads to the gateway, and its connections count for no backend and no edge',
  async (t) => {
    const { world, pod } = await stage(t);
    const plan = planOf({ address: '10.96.0.1', backends: [], gateway: 'closed' });
    world.apply(plan);
    const client = world.start(pod);
    await client.run(`held.append(dial('10.96.0.1')); greeting(held[0])`);
    t.deepEqual(world.inflight(plan), { backends: [], service: 0 });
    t.is(world.datapath.store.read('admissions').count, 1);
    await client.run(`held.pop().close()`);
    await eventually(
      () => world.datapath.store.read('admissions').count,
      (count) => count === 0,
    );
    t.deepEqual(world.edges(), []);
    t.deepEqual(
      world.events().map(({ event, reason, backend }) => [event, reason, backend]),
      [
        [1, 10, 0],
        [2, 10, 0],
      ],
    );
  },
);

kernelTest('while the gateway is down a Service is balanced without it, or refused', async (t) => {
  for (const use of ['bypass', 'closed'] as const) {
    const { world, pod, gateway } = await stage(t, use);
    const program = world.start(pod);
    await program.run(`serve('10.1.0.2', name='backend'); serve('fd01::2', name='backend six')`);
    world.setServing(false);
    const calls = `[error_of(lambda: call('10.96.0.1')), error_of(lambda: call('fd96::1'))]`;
    const expected = use === 'bypass' ? ['backend', 'backend six'] : ['ECONNREFUSED', 'ECONNREFUSED'];
    t.deepEqual(await program.run(calls), expected, `${use}, stale`);
    world.setServing(true);
    world.enrol(pod, addresses);
    t.deepEqual(await program.run(calls), expected, `${use}, without a listener`);
    world.enrol(pod, addresses, { gatewayPort: gateway.portOf('client'), gatewaySix: 1 });
    gateway.close();
    t.deepEqual(await program.run(calls), expected, `${use}, with agent and workers gone`);
    t.is(world.decisions('GATEWAY'), 0);
    t.is(world.decisions(use === 'bypass' ? 'PICKED' : 'GATEWAY_DOWN'), 6);
  }
});

kernelTest('a socket that is bound to a device is balanced without the gateway', async (t) => {
  const { world, pod } = await stage(t);
  const backend = world.pod({ wired: ['10.1.0.3'] });
  world.apply(planOf({ address: '10.96.0.1', backends: ['10.1.0.3'], gateway: 'closed' }));
  await world.start(backend).run(`serve('10.1.0.3', name='over the wire')`);
  const answer = await world.start(pod).run(`
    c = socket.socket()
    c.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, b'eth0')
    c.settimeout(5)
    c.connect(('10.96.0.1', 80))
    greeting(c)`);
  t.is(answer, 'over the wire');
});

kernelTest('a socket that was bound before connect keeps its address', async (t) => {
  const { world, pod } = await stage(t);
  const name = await world.start(pod).run(`
    c = socket.socket()
    c.bind(('10.1.0.2', 40123))
    c.settimeout(5)
    c.connect(('10.96.0.1', 80))
    greeting(c)
    ' '.join(map(str, c.getsockname()))`);
  t.is(name, '10.1.0.2 40123');
});

kernelTest(
  'nobody reaches the listener by its own address: not a meshed process, nor another of the namespace',
  async (t) => {
    const { world, pod, gateway, four, six } = await stage(t);
    const port = gateway.portOf('client');
    const targets = [
      gatewayAddress(4, world.programmed(four).service),
      gatewayAddress(6, world.programmed(six).service),
    ];
    const attempts = targets.map((address) => `error_of(lambda: dial('${address}', ${port}))`).join(', ');
    t.deepEqual(await world.start(pod).run(`[${attempts}]`), ['ECONNREFUSED', 'ECONNREFUSED']);
    t.is(world.decisions('GATEWAY_DIRECT'), 2);
    t.deepEqual(await world.start(pod, { cgroup: undefined }).run(`[${attempts}]`), ['ECONNREFUSED', 'ECONNREFUSED']);
    t.is(world.counter('GATEWAY_STRANGERS'), 2);
    t.is(
      await world.start(pod, { cgroup: undefined }).run(`error_of(lambda: dial('127.0.0.1', ${port + 1}))`),
      'ECONNREFUSED',
    );
  },
);

kernelTest(
  'an admission is for one connection: its port is worth nothing to a stranger once it is closed',
  async (t) => {
    const { world, pod, gateway, four } = await stage(t);
    const client = world.start(pod);
    const from = await client.run<number>(`
    held.append(dial('10.96.0.1')); greeting(held[0])
    held[0].getsockname()[1]`);
    await client.run(`reset(held.pop())`);
    const stranger = world.start(pod, { cgroup: undefined });
    const address = gatewayAddress(4, world.programmed(four).service);
    const error = await stranger.run(`
    def attempt():
        s = socket.socket()
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        s.bind(('10.1.0.2', ${from}))
        s.connect(('${address}', ${gateway.portOf('client')}))
    error_of(attempt)`);
    t.is(error, 'ECONNREFUSED');
    t.is(world.counter('GATEWAY_STRANGERS'), 1);
  },
);

kernelTest('another pod does not reach the listener, whatever route it makes itself', async (t) => {
  const { world, pod, gateway, four, six } = await stage(t);
  const other = world.pod({ wired: ['10.1.0.3', 'fd01::3'] });
  ip(other.netns, ['route add local 127.128.0.0/9 dev lo table 99', 'addr del 127.0.0.1/8 dev lo']);
  execFileSync('nsenter', [`--net=${other.netns}`, 'ip', '-batch', '-'], {
    input: [
      'route add 127.128.0.0/9 via 10.1.0.2 dev eth0',
      'route add fd77:6566:7400::/64 via fd01::2 dev eth0',
      '',
    ].join('\n'),
  });
  const port = gateway.portOf('client');
  const stranger = world.start(other, { cgroup: undefined });
  const targets = [
    gatewayAddress(4, world.programmed(four).service),
    gatewayAddress(6, world.programmed(six).service),
    '10.1.0.2',
    'fd01::2',
  ];
  for (const target of targets) {
    const error = await stranger.run<string>(`
      def attempt():
          s = socket.socket(family('${target}'), socket.SOCK_STREAM)
          s.settimeout(0.5)
          s.connect(('${target}', ${port}))
      error_of(attempt)`);
    t.regex(error, /ECONNREFUSED|timed out|EINVAL|ENETUNREACH|EHOSTUNREACH/, target);
  }
  t.is(await world.start(pod).run(`error_of(lambda: greeting(dial('10.96.0.1')))`), `${targets[0]} ${port}`);
});

kernelTest('the namespace of a Pod that is gone goes too, with its listeners', async (t) => {
  const world = World.open(t);
  const [doomed, witness] = [makeNamespace(), makeNamespace()];
  t.teardown(() => removeNamespace(witness));
  ip(witness, ['link add w0 type veth peer name d0']);
  ip(witness, [`link set d0 netns ${doomed.slice(doomed.lastIndexOf('/') + 1)}`]);
  const pod: Pod = { id: 9, netns: doomed, cookie: native().netnsCookie(doomed) };
  const gateway = new Gateway(world);
  t.teardown(() => gateway.close());
  await gateway.open({ doomed: { pod, addresses } });
  t.is(world.pins.gatewayNames().length, 1);
  const links = () => execFileSync('nsenter', [`--net=${witness}`, 'ip', '-o', 'link'], { encoding: 'utf8' });
  removeNamespace(doomed);
  t.regex(links(), /w0/);
  await gateway.open({});
  await eventually(links, (text) => !text.includes('w0'));
  t.deepEqual(world.pins.gatewayNames(), []);
  t.is(world.datapath.store.read('gateway_listeners').count, 0);
});

kernelTest(
  'a namespace without IPv6 has an IPv4 listener alone, and IPv6 is then as if the gateway were down',
  async (t) => {
    const world = World.open(t);
    const pod = world.pod({ wired: addresses });
    execFileSync('nsenter', [`--net=${pod.netns}`, 'sysctl', '-qw', 'net.ipv6.conf.lo.disable_ipv6=1']);
    const gateway = new Gateway(world);
    t.teardown(() => gateway.close());
    await gateway.open({ client: { pod, addresses } });
    world.setServing(true);
    const [only] = gateway.listeners.all();
    t.is(only!.fds.length, 1);
    world.apply(planOf({ address: 'fd96::1', backends: ['fd01::2'], gateway: 'closed' }));
    t.is(await world.start(pod).run(`error_of(lambda: dial('fd96::1'))`), 'ECONNREFUSED');
    t.is(world.decisions('GATEWAY_DOWN'), 1);
  },
);

kernelTest('a port that a program of the Pod has is passed over, and no two Pods share one', async (t) => {
  const world = World.open(t);
  const [one, two] = [world.pod({ local: addresses }), world.pod({ local: addresses })];
  await world.start(one, { cgroup: undefined }).run(`serve('0.0.0.0', port=61000); serve('::', port=61001)`);
  const gateway = new Gateway(world);
  t.teardown(() => gateway.close());
  await gateway.open({ one: { pod: one, addresses }, two: { pod: two, addresses } });
  t.deepEqual([gateway.portOf('one'), gateway.portOf('two')], [61002, 61003]);
  t.is(world.datapath.store.read('gateway_listeners').count, 4);
});

kernelTest(
  'the next agent takes over what guards the listeners, which are served on until it announces its own',
  async (t) => {
    const { world, pod, gateway, four } = await stage(t);
    const before = gateway.portOf('client');
    const address = gatewayAddress(4, world.programmed(four).service);
    world.restart();
    world.apply(four);
    const next = new Gateway(world);
    t.teardown(() => next.close());
    const [client, stranger] = [world.start(pod), world.start(pod, { cgroup: undefined })];
    t.is(await client.run(`greeting(dial('10.96.0.1'))`), `${address} ${before}`);
    t.is(await stranger.run(`error_of(lambda: dial('${address}', ${before}))`), 'ECONNREFUSED');
    await next.open({ client: { pod, addresses } });
    const after = next.portOf('client');
    t.not(after, before);
    t.is(await client.run(`greeting(dial('10.96.0.1'))`), `${address} ${after}`);
    for (const port of [before, after])
      t.is(await stranger.run(`error_of(lambda: dial('${address}', ${port}))`), 'ECONNREFUSED');
    t.deepEqual(next.listeners.repair(), []);
    t.is(world.pins.gatewayNames().length, 1);
  },
);

kernelTest('SYN cookies, fast open, non-blocking connect and a second try on one socket lead there too', async (t) => {
  const { world, pod, gateway, four } = await stage(t);
  const client = world.start(pod);
  const there = `${gatewayAddress(4, world.programmed(four).service)} ${gateway.portOf('client')}`;
  execFileSync('nsenter', [`--net=${pod.netns}`, 'sysctl', '-qw', 'net.ipv4.tcp_syncookies=2']);
  t.is(await client.run(`greeting(dial('10.96.0.1'))`), there, 'cookies');
  const fast = await client.run(`
    c = socket.socket()
    c.sendto(b'early', 0x20000000, ('10.96.0.1', 80))
    [greeting(c), c.getsockname()[0]]`);
  t.deepEqual(fast, [there, '10.1.0.2'], 'MSG_FASTOPEN');
  const waiting = await client.run(`
    c = socket.socket()
    c.setblocking(False)
    code = c.connect_ex(('10.96.0.1', 80))
    c.settimeout(5)
    [errno.errorcode.get(code), greeting(c)]`);
  t.deepEqual(waiting, ['EINPROGRESS', there], 'non-blocking');
  world.setServing(false);
  await client.run(`c = socket.socket(); c.settimeout(5)`);
  t.is(await client.run(`error_of(lambda: c.connect(('10.96.0.1', 80)))`), 'ECONNREFUSED');
  world.setServing(true);
  t.is(await client.run(`c.connect(('10.96.0.1', 80)); greeting(c)`), there, 'after a refusal');
});

kernelTest('a Pod whose address is not known, or not its own, reaches the gateway all the same', async (t) => {
  const { world, pod, gateway, four, six } = await stage(t);
  const port = gateway.portOf('client');
  const there = [
    `${gatewayAddress(4, world.programmed(four).service)} ${port}`,
    `${gatewayAddress(6, world.programmed(six).service)} ${port}`,
  ];
  const client = world.start(pod);
  for (const known of [[], ['10.9.9.9', 'fd09::9']]) {
    world.enrol(pod, known, { gatewayPort: port, gatewaySix: 1 });
    t.deepEqual(await client.run(`[greeting(dial('10.96.0.1')), greeting(dial('fd96::1'))]`), there, `${known}`);
  }
});

kernelTest('no connect fails while agents follow one another and lead to listeners of their own', async (t) => {
  const { world, pod, gateway, four, six } = await stage(t);
  const client = world.start(pod);
  await client.run(`
    failures, calls, stop = [], [0], threading.Event()
    def storm(address):
        while not stop.is_set():
            try:
                call(address)
                calls[0] += 1
            except OSError as error:
                failures.append(repr(error))
    threads = [threading.Thread(target=storm, args=(a,), daemon=True) for a in ('10.96.0.1', 'fd96::1')]
    for thread in threads: thread.start()`);
  const calls = (): Promise<number> => client.run(`calls[0]`);
  let present = gateway;
  for (let generation = 0; generation < 8; generation++) {
    const before = await calls();
    world.restart();
    world.apply(four, six);
    const next = new Gateway(world);
    await next.open({ client: { pod, addresses } });
    // What was led to the old listeners has been accepted once others have answered.
    for (let now = before; now < before + 50; ) now = await calls();
    present.close();
    present = next;
  }
  t.teardown(() => present.close());
  await client.run(`stop.set(); [thread.join() for thread in threads]`);
  t.deepEqual(await client.run(`failures`), []);
  t.log(`${await calls()} connections`);
});
