import type { ExecutionContext } from 'ava';
import { kernelTest } from '../kernel-test.js';
import type { Program } from './program.js';
import { planOf, World } from './world.js';

const services = ['10.96.0.1', '10.96.0.2', '10.96.0.3'];
const backends = ['10.1.0.2', '10.1.0.3', '10.1.0.4', '10.1.0.5', '10.1.0.6', '10.1.0.7'];

/** Three Services over six backends in each family, two backends each. */
async function setUp(t: ExecutionContext): Promise<{ world: World; client: Program; server: Program }> {
  const world = World.open(t);
  const pod = world.pod({ local: [...backends, ...backends.map(sixOf)] });
  for (const [i, address] of services.entries()) {
    const two = backends.slice(2 * i, 2 * i + 2);
    const service = `test/s${i}`;
    world.apply(
      planOf({ service, protocol: 'UDP', port: 53, address, backends: two }),
      planOf({ service, protocol: 'UDP', port: 53, address: sixOf(address), backends: two.map(sixOf) }),
    );
  }
  const server = world.start(pod);
  await server.run(`[serve_datagrams(a).fileno() for a in ${JSON.stringify([...backends, ...backends.map(sixOf)])}]`);
  const client = world.start(pod);
  await client.run(`
    def udp(kind=socket.AF_INET):
        s = socket.socket(kind, socket.SOCK_DGRAM); s.settimeout(5); held.append(s)
        return s
    def ask(s, address, data=b'x'):
        s.sendto(data, (address, 53)); answer, sender = s.recvfrom(100)
        return answer.decode().split()[0], sender[0], sender[1]`);
  return { world, client, server };
}

/** fd00::x for 10.a.b.x. */
function sixOf(address: string): string {
  return `fd${address.split('.')[1]}::${address.split('.')[3]}`;
}

kernelTest('a connected socket is told the name of the Service: getpeername and recvfrom, all families', async (t) => {
  const { client } = await setUp(t);
  for (const [kind, address, name] of [
    ['AF_INET', '10.96.0.1', '10.96.0.1'],
    ['AF_INET6', 'fd96::1', 'fd96::1'],
    ['AF_INET6', '::ffff:10.96.0.1', '::ffff:10.96.0.1'],
  ] as const) {
    const [peer, sender, answers] = await client.run<[string, string, string[]]>(`
      s = udp(socket.${kind})
      s.connect(('${address}', 53))
      answers = []
      for _ in range(5):
          s.send(b'x'); answer, sender = s.recvfrom(100); answers.append(answer.decode())
      [s.getpeername()[0], sender[0], answers]`);
    t.deepEqual([peer, sender], [name, name]);
    t.is(new Set(answers).size, 1, 'one backend for the life of the socket');
  }
  // An IPv6 socket may be given an IPv4 sockaddr: connect4 runs, and the peer's name is mapped.
  const mixed = await client.run(`
    import ctypes
    s = udp(socket.AF_INET6)
    address = struct.pack('=H', 2) + struct.pack('!H4B8x', 53, 10, 96, 0, 1)
    assert ctypes.CDLL(None).connect(s.fileno(), address, 16) == 0
    s.send(b'x')
    [s.recvfrom(100)[1][0], s.getpeername()[0]]`);
  t.deepEqual(mixed, ['::ffff:10.96.0.1', '::ffff:10.96.0.1']);
});

kernelTest('one socket and three Services: every reply is from the right name', async (t) => {
  const { world, client } = await setUp(t);
  for (const [kind, addresses] of [
    ['AF_INET', services],
    ['AF_INET6', services.map(sixOf)],
    ['AF_INET6', services.map((address) => `::ffff:${address}`)],
    ['AF_INET6', ['::ffff:10.96.0.1', 'fd96::2', '::ffff:10.96.0.3']],
  ] as const) {
    const names = await client.run<string[][]>(`
      s = udp(socket.${kind})
      for i in range(4):
          for a in ${JSON.stringify(addresses)}: s.sendto(b'%s' % a.encode(), (a, 53))
      [[data.decode().split()[1], sender[0]] for data, sender in (s.recvfrom(100) for _ in range(12))]`);
    t.is(names.length, 12);
    for (const [asked, name] of names) t.is(name, asked);
  }
  t.is(world.decisions('PICKED'), 12);
  t.is(world.decisions('STICKY'), 36);
  t.is(world.counter('PEER_SHARED') + world.counter('PEERS_EVICTED'), 0);
});

kernelTest(
  'a pick sticks to the socket and the Service while the backend lives, and is made anew when it is gone',
  async (t) => {
    const { world, client } = await setUp(t);
    const ask = (count: number) => client.run<string[]>(`[ask(s, '10.96.0.1')[0] for _ in range(${count})]`);
    await client.run(`s = udp()`);
    const [first, ...others] = await ask(10);
    t.deepEqual(new Set(others), new Set([first]));
    const rest = backends.slice(0, 2).filter((each) => each !== first);
    // Weight 0: the backend lives, so that flows stay; new sockets do not go there.
    const plan = (weights: Record<string, number>) =>
      planOf({ service: 'test/s0', protocol: 'UDP', port: 53, address: '10.96.0.1', backends: weights });
    world.apply(plan({ [first!]: 0, [rest[0]!]: 1 }));
    t.deepEqual(new Set(await ask(5)), new Set([first]));
    t.is((await client.run<string[]>(`ask(udp(), '10.96.0.1')`))[0], rest[0]);
    // Gone: the next datagram goes elsewhere, under the same name.
    world.apply(plan({ [rest[0]!]: 1 }));
    t.deepEqual(await client.run(`ask(s, '10.96.0.1')`), [rest[0], '10.96.0.1', 53]);
    // All gone: refused; and back again.
    world.apply(plan({}));
    t.is(await client.run(`error_of(lambda: s.sendto(b'x', ('10.96.0.1', 53)))`), 'ECONNREFUSED');
    world.apply(plan({ [first!]: 1 }));
    t.deepEqual(await client.run(`ask(s, '10.96.0.1')`), [first, '10.96.0.1', 53]);
  },
);

kernelTest('a backend of two Services is used for one of them on a socket, where there is another', async (t) => {
  const { world, client } = await setUp(t);
  const both = (service: string, address: string, few: readonly string[]) =>
    world.apply(planOf({ service, protocol: 'UDP', port: 53, address, policy: 'RANDOM', backends: few }));
  both('test/s0', '10.96.0.1', backends.slice(0, 2));
  both('test/s1', '10.96.0.2', backends.slice(0, 2));
  for (let i = 0; i < 20; i++) {
    const [one, two] = await client.run<[string[], string[]]>(`s = udp()\n[ask(s, '10.96.0.1'), ask(s, '10.96.0.2')]`);
    t.not(one![0], two![0]);
    t.deepEqual([one![1], two![1]], ['10.96.0.1', '10.96.0.2']);
  }
  t.is(world.counter('PEER_SHARED'), 0);
  // No other: counted, and the Service addressed last names every reply.
  both('test/s0', '10.96.0.1', backends.slice(0, 1));
  both('test/s1', '10.96.0.2', backends.slice(0, 1));
  t.deepEqual(await client.run(`s = udp(); [ask(s, '10.96.0.1')[1], ask(s, '10.96.0.2')[1], ask(s, '10.96.0.1')[1]]`), [
    '10.96.0.1',
    '10.96.0.2',
    '10.96.0.1',
  ]);
  t.is(world.counter('PEER_SHARED'), 1);
});

kernelTest(
  'a direct send to a backend is answered under its own name, until the Service is addressed again',
  async (t) => {
    const { client } = await setUp(t);
    const names = await client.run<string[]>(`
    s = udp()
    backend = ask(s, '10.96.0.1')[0]
    s.sendto(b'x', (backend, 5300)); direct = s.recvfrom(100)[1]
    [direct[0] == backend, direct[1], ask(s, '10.96.0.1')[1]]`);
    t.deepEqual(names, [true, 5300, '10.96.0.1'] as unknown as string[]);
  },
);

kernelTest(
  'more Services than a socket has places: the oldest is forgotten, counted, and nothing breaks',
  async (t) => {
    const { world, client } = await setUp(t);
    const many = Array.from({ length: 12 }, (_, i) => `10.96.1.${i}`);
    for (const [i, address] of many.entries()) {
      world.apply(planOf({ service: `test/m${i}`, protocol: 'UDP', port: 53, address, backends: [backends[i % 6]!] }));
    }
    const names = await client.run<string[]>(`s = udp()\n[ask(s, a)[1] for a in ${JSON.stringify(many)}]`);
    t.deepEqual(names, many);
    t.is(world.counter('PEERS_EVICTED'), 4);
    // The eight last ones are remembered, the first ones are picked for again.
    const sticky = world.decisions('STICKY');
    t.deepEqual(await client.run(`[ask(s, a)[1] for a in ${JSON.stringify(many.slice(4))}]`), many.slice(4));
    t.is(world.decisions('STICKY') - sticky, 8);
    t.deepEqual(await client.run(`[ask(s, a)[1] for a in ${JSON.stringify(many)}]`), many);
  },
);

kernelTest('sendmmsg and recvmmsg, and a connected socket that also sends elsewhere', async (t) => {
  const { client } = await setUp(t);
  const names = await client.run<string[]>(`
    import ctypes
    libc = ctypes.CDLL(None, use_errno=True)
    class Iovec(ctypes.Structure): _fields_ = [('base', ctypes.c_void_p), ('len', ctypes.c_size_t)]
    class Header(ctypes.Structure):
        _fields_ = [('name', ctypes.c_void_p), ('namelen', ctypes.c_uint), ('iov', ctypes.POINTER(Iovec)),
                    ('iovlen', ctypes.c_size_t), ('control', ctypes.c_void_p), ('controllen', ctypes.c_size_t), ('flags', ctypes.c_int)]
    class Message(ctypes.Structure): _fields_ = [('header', Header), ('len', ctypes.c_uint)]
    addresses = ${JSON.stringify(services)} * 3
    def messages(datas, names):
        array = (Message * len(datas))(); keep = []
        for m, d, n in zip(array, datas, names):
            iov = (Iovec * 1)(Iovec(ctypes.addressof(d), len(d)))
            m.header = Header(ctypes.addressof(n), 16, iov, 1)
            keep.append(iov)
        return array, keep
    def name(a): return ctypes.create_string_buffer(struct.pack('=H', 2) + struct.pack('!H', 53) + socket.inet_aton(a) + bytes(8), 16)
    s = udp()
    datas = [ctypes.create_string_buffer(a.encode(), len(a)) for a in addresses]
    names = [name(a) for a in addresses]
    array, keep = messages(datas, names)
    sent = libc.sendmmsg(s.fileno(), array, 9, 0)
    datas = [ctypes.create_string_buffer(100) for _ in addresses]
    names = [ctypes.create_string_buffer(16) for _ in addresses]
    array, keep = messages(datas, names)
    s.setblocking(True)
    got = libc.recvmmsg(s.fileno(), array, 9, 0, None)
    answers = [(datas[i].raw[:array[i].len].decode().split()[1], socket.inet_ntoa(names[i].raw[4:8])) for i in range(got)]
    [sent, got, all(a == n for a, n in answers)]`);
  t.deepEqual(names, [9, 9, true] as unknown as string[]);
  t.deepEqual(
    await client.run(`
      s = udp(); s.connect(('10.96.0.1', 53))
      s.send(b'x'); first = s.recvfrom(100)[1][0]
      s.sendto(b'x', ('10.96.0.2', 53)) # answered, but by another than the peer: not delivered
      s.send(b'x')
      [first, s.recvfrom(100)[1][0], s.getpeername()[0]]`),
    ['10.96.0.1', '10.96.0.1', '10.96.0.1'],
  );
  // To its own Service by name: the peer it is connected to, as it hears no other.
  t.deepEqual(
    await client.run(`
      names = set()
      for _ in range(10):
          s = udp(); s.connect(('10.96.0.1', 53)); s.send(b'x'); first = s.recvfrom(100)
          s.sendto(b'x', ('10.96.0.1', 53)); names.add(s.recvfrom(100) == first)
      list(names)`),
    [true],
  );
});

kernelTest('a connected socket chooses another Service, or none', async (t) => {
  const { world, client } = await setUp(t);
  const peers = await client.run<string[]>(`
    s = udp(); s.connect(('10.96.0.1', 53)); one = s.getpeername()[0]
    s.connect(('10.96.0.2', 53)); s.send(b'x'); two = s.recvfrom(100)[1][0]
    s.connect(('10.1.0.6', 5300)); s.send(b'x')
    peers = [one, two, s.recvfrom(100)[1][0], s.getpeername()[0]]
    s.close()
    peers`);
  t.deepEqual(peers, ['10.96.0.1', '10.96.0.2', '10.1.0.6', '10.1.0.6']);
  t.deepEqual(
    world.events().map(({ event, serviceAddress }) => [event, serviceAddress]),
    [
      [1, '10.96.0.1'],
      [2, '10.96.0.1'],
      [1, '10.96.0.2'],
      [2, '10.96.0.2'],
    ],
  );
  t.is(world.datapath.store.read('connected_datagrams').count, 0);
});
