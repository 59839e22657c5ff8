import { kernelTest } from '../kernel-test.js';
import { runIn, spawnIn } from './program.js';
import { planOf, World } from './world.js';

kernelTest('names are resolved through a Service of DNS servers: dig, glibc, and over TCP', async (t) => {
  const world = World.open(t);
  const servers = ['10.1.0.2', '10.1.0.3'];
  const pod = world.pod({ wired: ['10.1.1.1'] });
  const backend = world.pod({ wired: servers });
  for (const protocol of ['UDP', 'TCP'] as const) {
    const common = { service: 'kube-system/kube-dns', protocol, port: 53, backendPort: 53, policy: 'RANDOM' } as const;
    world.apply(
      planOf({ ...common, service: `kube-system/dns-${protocol}`, address: '10.96.0.10', backends: servers }),
    );
    world.apply(
      planOf({ ...common, service: `kube-system/dns2-${protocol}`, address: '10.96.0.11', backends: servers }),
    );
  }
  const resolvers = servers.map((address) =>
    spawnIn(world.placeOf(backend), [
      ...[
        'dnsmasq',
        '--keep-in-foreground',
        '--conf-file=/dev/null',
        '--pid-file',
        '--no-resolv',
        '--no-hosts',
        '--user=root',
      ],
      ...[
        '--bind-interfaces',
        `--listen-address=${address}`,
        '--except-interface=lo',
        '--address=/example.test/192.0.2.7',
      ],
    ]),
  );
  t.teardown(() => {
    for (const resolver of resolvers) resolver.kill('SIGKILL');
  });
  const listening = servers.map((address) => `dial('${address}', 53).close()`);
  await world.start(backend).run(`
    for attempt in (${listening.map((each) => `lambda: ${each}`).join(', ')}):
        while error_of(attempt) != 'None': time.sleep(0.01)`);
  const place = world.placeOf(pod);
  const dig = (...args: string[]) => runIn(place, ['dig', '+tries=20', '+time=1', ...args, 'a.example.test', 'A']);
  const answer = await dig('@10.96.0.10', '+noall', '+answer', '+stats');
  t.regex(answer, /a\.example\.test\.\s+\d+\s+IN\s+A\s+192\.0\.2\.7/);
  t.regex(answer, /SERVER: 10\.96\.0\.10#53/);
  t.is((await dig('@10.96.0.11', '+short', '+tcp')).trim(), '192.0.2.7');
  t.is((await dig('@10.96.0.10', '+short', '+notcp', '-b', '10.1.1.1')).trim(), '192.0.2.7');

  // getaddrinfo: a resolv.conf of the pod's own, with both Services, asked for A and AAAA on one socket.
  const resolved = await runIn(place, [
    ...['unshare', '--mount', 'bash', '-c'],
    `printf 'nameserver 10.96.0.10\\nnameserver 10.96.0.11\\noptions timeout:1 attempts:3 rotate\\n' > "$1" &&
     mount --bind "$1" /etc/resolv.conf && exec /usr/bin/python3 -c '
import socket
print({address[4][0] for _ in range(20) for address in socket.getaddrinfo("b.example.test", 80, socket.AF_INET)})'`,
    ...['bash', `${world.directory}/resolv.conf`],
  ]);
  t.is(resolved.trim(), "{'192.0.2.7'}");
  t.true(world.decisions('PICKED') > 10);
  t.is(world.counter('STORAGE_FULL'), 0);
});
