import { execFileSync } from 'node:child_process';
import { kernelTest } from '../kernel-test.js';
import { eventually, planOf, World } from './world.js';

const plan = planOf({ address: '10.96.0.1', backends: ['10.1.0.2'] });

kernelTest('fast open by MSG_FASTOPEN: the send that connects is redirected', async (t) => {
  const world = World.open(t);
  const pod = world.pod({ local: ['10.1.0.2'] });
  world.apply(plan);
  await world.start(pod).run(`serve('10.1.0.2')`);
  const answer = await world.start(pod).run(`
    s = socket.socket()
    [s.sendto(b'x', 0x20000000, ('10.96.0.1', 80)), greeting(s), s.getpeername()[0]]`);
  t.deepEqual(answer, [1, '10.1.0.2', '10.96.0.1']);
  t.is(world.inflight(plan).service, 1);
});

// The connect hook sees an MPTCP socket's first subflow, a TCP socket, and names it; getpeername(2) asks the MPTCP socket,
// which has no name: it tells the backend.
kernelTest('MPTCP is redirected and counted; only its getpeername tells the backend', async (t) => {
  const world = World.open(t);
  const pod = world.pod({ local: ['10.1.0.2'] });
  world.apply(plan);
  await world.start(pod).run(`serve('10.1.0.2')`);
  const client = world.start(pod);
  const made = await client.run(`
    def open_multipath():
        global s
        s = socket.socket(socket.AF_INET, socket.SOCK_STREAM, 262)
    error_of(open_multipath)`);
  if (made !== 'None') {
    t.log(`this kernel has no MPTCP: ${made}`);
    t.pass();
    return;
  }
  t.deepEqual(await client.run(`s.connect(('10.96.0.1', 80)); [greeting(s), s.getpeername()[0]]`), [
    '10.1.0.2',
    '10.1.0.2',
  ]);
  t.is(world.inflight(plan).service, 1);
  await client.kill();
  await eventually(
    () => world.inflight(plan).service,
    (count) => count === 0,
  );
});

kernelTest('ping sockets pass, and are counted', async (t) => {
  const world = World.open(t);
  const pod = world.pod({ local: ['10.1.0.2', '10.96.0.1'] });
  world.apply(plan);
  execFileSync('nsenter', [`--net=${pod.netns}`, 'sh', '-c', 'echo 0 0 > /proc/sys/net/ipv4/ping_group_range']);
  const answer = await world.start(pod).run(`
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM, socket.IPPROTO_ICMP)
    s.settimeout(5)
    s.connect(('10.96.0.1', 0))
    s.send(bytes([8, 0, 0, 0, 0, 1, 0, 1]) + b'ping')
    s.recv(100)[-4:]`);
  t.is(answer, 'ping');
  t.is(world.decisions('UNSUPPORTED_SOCKET'), 1);
});
