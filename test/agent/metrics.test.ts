import { execFileSync } from 'node:child_process';
import test from 'ava';
import { type Family, parseExposition } from '../api/exposition.js';
import { kernelTest } from '../kernel-test.js';
import { backends, destinationRule, type Manifest, pod, service } from './objects.js';
import { eventually, type House, Site } from './site.js';

type Families = ReadonlyMap<string, Family>;
type Labels = Readonly<Record<string, string>>;

/** The sum of a family's samples with these labels. */
function sum(families: Families, name: string, labels: Labels = {}): number {
  const samples = families.get(name)?.samples ?? [];
  const has = (all: Labels): boolean => Object.entries(labels).every(([key, value]) => all[key] === value);
  return samples.filter((sample) => has(sample.labels)).reduce((total, { value }) => total + value, 0);
}

function mesh(house: House): readonly Manifest[] {
  return [
    service('web', { addresses: ['10.96.0.1'] }),
    destinationRule('web', { loadBalancer: { simple: 'ROUND_ROBIN' } }),
    ...backends('web', ['10.1.0.1', '10.1.0.2']),
    service('deaf', { addresses: ['10.96.0.2'], ports: [{ name: 'main', port: 80, targetPort: 7 }] }),
    ...backends('deaf', ['10.1.1.1']),
    service('empty', { addresses: ['10.96.0.3'] }),
    service('names', {
      addresses: ['10.96.0.4'],
      ports: [{ name: 'dns', port: 81, targetPort: 8081, protocol: 'UDP' }],
    }),
    ...backends('names', ['10.1.2.1']),
    pod('client', { addresses: ['10.1.255.1'], netns: house.name, labels: { app: 'shop', version: 'v2' } }),
  ];
}

/** `times` connections that carry bytes there and back and end in order. */
const talk = (times: number, there: number, back: number): string => `
    for _ in range(${times}):
        client, served = connect('10.96.0.1', 80)
        client.sendall(b'a' * ${there})
        served.recv(${there}, socket.MSG_WAITALL)
        served.sendall(b'b' * ${back})
        client.recv(${back}, socket.MSG_WAITALL)
        client.close()
        served.recv(1)
        served.close()`;

async function traffic(t: Parameters<Parameters<typeof kernelTest>[1]>[0]): Promise<Site> {
  const site = Site.make(t);
  const house = site.house();
  site.write('mesh', mesh(house));
  await site.agent.start();
  const caller = await site.caller(house);
  await caller.run(talk(100, 1000, 3000));
  await caller.keep(3, '10.96.0.1');
  t.deepEqual(await caller.count(5, '10.96.0.2'), { ECONNREFUSED: 5 });
  t.deepEqual(await caller.count(7, '10.96.0.3'), { ECONNREFUSED: 7 });
  t.deepEqual(await caller.count(11, '10.96.0.99'), { '10.96.0.99:80': 11 });
  t.deepEqual(await caller.count(13, '10.96.0.4', 81, 'UDP'), { '10.1.2.1:8081': 13 });
  return site;
}

kernelTest('metrics count known traffic exactly', async (t) => {
  const site = await traffic(t);
  const web = { destination_service: 'web.default.svc.cluster.local', source_app: 'shop', source_version: 'v2' };
  // A connection is closed once both sides have said so.
  await eventually(
    async () => sum(parseExposition(await site.agent.scrape()), 'istio_tcp_connections_closed_total', web),
    (closed) => closed === 100,
  );
  const families = parseExposition(await site.agent.scrape());
  t.is(sum(families, 'istio_tcp_connections_opened_total', web), 103);
  t.is(sum(families, 'istio_tcp_received_bytes_total', web), 100 * 1000);
  t.is(sum(families, 'istio_tcp_sent_bytes_total', web), 100 * 3000);
  const deaf = { destination_service_name: 'deaf', destination_service_namespace: 'default' };
  t.is(sum(families, 'weft_connections_failed_total', deaf), 5);
  t.is(sum(families, 'weft_connections_failed_total'), 5);
  t.is(sum(families, 'istio_tcp_connections_opened_total', deaf), 0);
  const decisions = (verdict: string, reason: string): number =>
    sum(families, 'weft_decisions_total', { verdict, reason });
  t.is(decisions('redirect', 'picked'), 1 + 103 + 5 + 13, 'the first is the canary');
  t.is(sum(families, 'weft_decisions_total'), 1 + 103 + 5 + 13 + 7 + 11);
  t.is(decisions('refuse', 'no_backend'), 7);
  t.is(decisions('pass', 'no_service'), 11);
  t.is(sum(families, 'weft_backend_inflight', { service: 'default/web' }), 3);
  t.is(sum(families, 'weft_ready'), 1);
  t.is(sum(families, 'weft_problems', { code: 'WEFT0403' }), 1);
  t.is(sum(families, 'weft_backends', { state: 'ready' }), 4);
  t.is(sum(families, 'weft_map_entries', { map: 'frontends' }), 4);
  t.is(sum(families, 'weft_map_drift_total'), 0);
  t.is(sum(families, 'weft_events_lost_total'), 0);

  await site.agent.kill();
  await site.agent.start();
  const after = parseExposition(await site.agent.scrape());
  t.is(sum(after, 'istio_tcp_connections_opened_total', web), 103, 'counts survive a restart');
  t.is(sum(after, 'istio_tcp_sent_bytes_total', web), 100 * 3000);
});

function promtool(): boolean {
  try {
    execFileSync('promtool', ['--version'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

const title = 'promtool finds no fault with the metrics';
const missing = 'promtool (Debian: prometheus) is not installed';
if (promtool()) {
  kernelTest(title, async (t) => {
    const site = await traffic(t);
    const said = execFileSync('promtool', ['check', 'metrics'], { input: await site.agent.scrape(), encoding: 'utf8' });
    t.is(said, '');
  });
} else if (process.env.WEFT_REQUIRE_KERNEL === '1') test(title, (t) => t.fail(missing));
else test.skip(`${title} [skipped: ${missing}]`, () => undefined);
