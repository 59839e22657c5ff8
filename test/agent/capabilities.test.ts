import { existsSync } from 'node:fs';
import type { PodItem } from '../../agent/api/items.js';
import { kernelTest } from '../kernel-test.js';
import { weft, withCapabilities } from './agent-process.js';
import { backends, type Manifest, pod, service } from './objects.js';
import { eventually, type House, Site } from './site.js';

/** What ARCHITECTURE.md says that an agent needs. */
const needed = ['sys_admin', 'net_admin'];

const addresses = ['10.1.0.1', '10.1.0.2', '10.1.0.3', '10.1.0.4', '10.1.0.5', '10.1.0.6'];
const pods = backends('web', addresses);

const resolvers = backends('dns', ['10.1.1.1', '10.1.1.2']);

function mesh(house: House): readonly Manifest[] {
  return [
    service('web', { addresses: ['10.96.0.1'], annotations: { 'weft.dev/on-removal': 'reset' } }),
    service('dns', { addresses: ['10.96.0.2'], ports: [{ port: 80, targetPort: 8080, protocol: 'UDP' }] }),
    pod('client', { addresses: ['10.1.255.1'], netns: house.name }),
  ];
}

/** How a TCP connection and a connected UDP socket fare that wait for their backends. */
const hold = `
    keep(1, '10.96.0.1')
    talker = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    talker.connect(('10.96.0.2', 80))
    ended = {}
    def fate(name, client):
        client.settimeout(0)
        try:
            client.recv(16)
        except BlockingIOError:
            pass
        except OSError as error:
            ended[name] = errno.errorcode[error.errno]
        return ended.get(name, 'open')`;
const fates = `[fate('tcp', kept[0][0]), fate('udp', talker)]`;

kernelTest('an agent does all its work with CAP_SYS_ADMIN and CAP_NET_ADMIN alone', async (t) => {
  t.timeout(60_000);
  const site = Site.make(t, { capabilities: needed });
  const house = site.house();
  site.write('mesh', mesh(house));
  site.write('pods', pods);
  site.write('resolvers', resolvers);
  await site.agent.start();
  t.regex(await site.agent.readyz(), /canary.*ok/, 'a process in a cgroup and a namespace of its own was redirected');

  const caller = await site.caller(house);
  t.deepEqual(
    Object.keys(await caller.count(60, '10.96.0.1')).sort(),
    addresses.map((each) => `${each}:8080`),
  );
  await site.agent.call('PUT', '/v1/backends/default/web-1/drain');
  t.false('10.1.0.1:8080' in (await caller.count(20, '10.96.0.1')));
  await site.agent.call('DELETE', '/v1/backends/default/web-1/drain');

  await caller.run(hold);
  t.deepEqual(await caller.run(fates), ['open', 'open']);
  const held = await caller.run<string>(`kept[0][1].getsockname()[0].removeprefix('::ffff:')`);
  site.write(
    'pods',
    pods.filter((_, at) => addresses[at] !== held),
  );
  await eventually(
    () => caller.run<readonly string[]>(fates),
    ([tcp, udp]) => tcp === 'ECONNABORTED' && udp === 'open',
  );
  site.write('resolvers', []);
  await eventually(
    () => caller.run<readonly string[]>(fates),
    ([, udp]) => udp === 'ECONNABORTED',
  );

  await site.agent.kill();
  await site.agent.start();
  const captured = (await site.agent.items<PodItem>('pods')).filter((each) => each.captured);
  t.deepEqual(
    captured.map((each) => each.pod),
    ['default/client'],
  );
  t.is(await site.agent.stop(), 0);
  const ended = await weft(['cleanup', '--pin', site.pin], {}, ['setpriv', ...withCapabilities(needed)]);
  t.is(ended.code, 0, ended.stderr);
  t.false(existsSync(site.pin));
});

const absent = [
  { without: 'sys_admin', kept: ['net_admin', 'bpf', 'perfmon'], trouble: /link_get_next_id.*EPERM/ },
  { without: 'net_admin', kept: ['sys_admin'], trouble: /canary process did not start.*EPERM/s },
];

for (const { without, kept, trouble } of absent) {
  kernelTest(`without CAP_${without.toUpperCase()} no agent becomes ready, and it says why`, async (t) => {
    const site = Site.make(t, { capabilities: kept });
    site.agent.launch();
    await eventually(
      () => site.agent.log,
      (log) => trouble.test(log),
    );
    t.is(await site.agent.readyz(), '');
  });
}

kernelTest('CAP_CHOWN is for --api-group alone', async (t) => {
  const options = ['--api-group', '65534'];
  const without = Site.make(t, { capabilities: needed, options });
  without.agent.launch();
  t.not(await without.agent.ended(), 0);
  t.regex(without.agent.log, /chown/);
  const having = Site.make(t, { capabilities: [...needed, 'chown'], options });
  await having.agent.start();
  t.is(await having.agent.stop(), 0);
});

kernelTest('doctor names the capabilities that are missing', async (t) => {
  const check = async (capabilities: readonly string[]): Promise<readonly string[]> => {
    const { stdout } = await weft(['doctor', '-o', 'json'], {}, ['setpriv', ...withCapabilities(capabilities)]);
    const { checks } = JSON.parse(stdout) as { checks: readonly { check: string; state: string }[] };
    return checks
      .filter((each) => /^CAP_|programs/.test(each.check) && each.state === 'failed')
      .map((each) => each.check);
  };
  t.deepEqual(await check(needed), []);
  t.deepEqual(await check(['sys_admin']), ['CAP_NET_ADMIN']);
  t.deepEqual(await check(['net_admin']), ['CAP_SYS_ADMIN', 'programs']);
  t.deepEqual(await check(['net_admin', 'bpf', 'perfmon']), ['CAP_SYS_ADMIN'], 'these three load the programs');
});
