/** What kernels do that the programs have to reckon with, each as small as it can be shown. */
import { native } from '../../agent/kernel/native.js';
import { kernelTest } from '../kernel-test.js';
import { planOf, World } from './world.js';

// udpv6_sendmsg hands a datagram for a mapped peer to udp_sendmsg with the peer as the destination, as if it had been given
// to sendto(2): the sendmsg4 hook runs, with the backend's address. Of other connected sockets no send runs a hook.
kernelTest('send(2) on an IPv6 socket connected to a mapped address runs sendmsg4', async (t) => {
  const world = World.open(t);
  const pod = world.pod({ local: ['10.1.0.2', 'fd01::2'] });
  world.apply(
    planOf({ address: '10.96.0.1', protocol: 'UDP', backends: ['10.1.0.2'] }),
    planOf({ address: 'fd96::1', protocol: 'UDP', backends: ['fd01::2'] }),
  );
  const client = world.start(pod);
  const sends = async (kind: string, address: string): Promise<number> => {
    await client.run(`s = socket.socket(socket.${kind}, socket.SOCK_DGRAM); s.connect(('${address}', 80))`);
    const before = world.decisions('NO_SERVICE');
    await client.run(`s.send(b'x')`);
    return world.decisions('NO_SERVICE') - before;
  };
  t.is(await sends('AF_INET', '10.96.0.1'), 0);
  t.is(await sends('AF_INET6', 'fd96::1'), 0);
  t.is(await sends('AF_INET6', '::ffff:10.96.0.1'), 1);
});

// sk_cgrp_data and the namespace are set when the socket is made. A socket that was inherited, passed or made before the
// process was put into its cgroup stays what it was.
kernelTest('a socket is of the cgroup and the namespace in which it was made, whoever uses it', async (t) => {
  const world = World.open(t);
  const pod = world.pod({ local: ['10.1.0.2', '10.96.0.1'] });
  world.apply(planOf({ address: '10.96.0.1', backends: ['10.1.0.2'] }));
  await world
    .start(pod)
    .run(`serve('10.1.0.2', name='backend'); serve('10.96.0.1', port=80, name='the address itself')`);
  const names = await world.start(pod, { cgroup: undefined }).run(`
    early = socket.socket()
    open('${world.cgroup}/cgroup.procs', 'w').write(str(os.getpid()))
    late = socket.socket()
    [s.connect(('10.96.0.1', 80)) for s in (early, late)]
    [greeting(early), greeting(late)]`);
  t.deepEqual(names, ['the address itself', 'backend']);
});

// The error queue of IP_RECVERR holds the destination that was sent to, and no hook sees it.
kernelTest('an ICMP error names the backend', async (t) => {
  const world = World.open(t);
  const pod = world.pod({ local: ['10.1.0.2'] });
  world.apply(planOf({ address: '10.96.0.1', protocol: 'UDP', backends: ['10.1.0.2'] }));
  const told = await world.start(pod).run(`
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.setsockopt(socket.IPPROTO_IP, 11, 1)
    s.sendto(b'x', ('10.96.0.1', 80))
    data, _, _, sender = s.recvmsg(100, 100, socket.MSG_ERRQUEUE)
    [sender[0], sender[1]]`);
  t.deepEqual(told, ['10.1.0.2', 5300]);
});

// tcp_sock.bytes_acked counts our SYN and FIN, bytes_received the peer's FIN: 7 and 5 bytes would be 9 and 6. What the programs
// report is shown by flows.test.ts; here the kernel's own count.
kernelTest('TCP_INFO counts the SYN among the bytes acknowledged', async (t) => {
  const world = World.open(t);
  const pod = world.pod({ local: ['10.1.0.2'] });
  const acked = await world.start(pod).run(`
    serve('10.1.0.2')
    s = dial('10.1.0.2', 8080)
    greeting(s)
    struct.unpack_from('Q', s.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 200), 120)[0]`);
  t.is(acked, 1);
});

// ip6_route_output_flags asks for a route by the very device that the listener is bound to (RT6_LOOKUP_F_IFACE), and the route to an
// own address is by the device that has it. IPv4 takes any local route.
kernelTest('a listener that is bound to lo cannot answer an address of another device over IPv6', async (t) => {
  const world = World.open(t);
  const pod = world.pod({ wired: ['10.1.0.2', 'fd01::2'], meshed: false });
  native().localRoute(pod.netns, 'fd77:6566:7400::', 64);
  const outcomes = await world.start(pod).run(`
    def attempt(device, source, target, patience=10):
        listener = socket.socket(family(target), socket.SOCK_STREAM)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, device)
        listener.bind(('', 0))
        listener.listen()
        client = socket.socket(family(target), socket.SOCK_STREAM)
        client.settimeout(patience)
        client.bind((source, 0))
        return error_of(lambda: client.connect((target, listener.getsockname()[1])))
    [attempt(b'lo', '10.1.0.2', '127.128.0.1'), attempt(b'lo', 'fd01::2', 'fd77:6566:7400::1', 0.3),
     attempt(b'lo', '::1', 'fd77:6566:7400::1'), attempt(b'', 'fd01::2', 'fd77:6566:7400::1')]`);
  t.deepEqual(outcomes, ['None', `TimeoutError('timed out')`, 'None', 'None']);
});
