import type { ExecutionContext } from 'ava';
import type { Explanation } from '../../agent/api/items.js';
import { chiSquareP } from '../bpf/chi-square.js';
import { kernelTest } from '../kernel-test.js';
import type { Arrivals, Caller, Transport } from './caller.js';
import { type Manifest, pod } from './objects.js';
import { ownNode, type Random, type RandomService, randomMesh, seeded } from './random-mesh.js';
import { Site } from './site.js';

/** How many arrivals each explanation is compared with. */
const arrivals = 400;
const transports: readonly Transport[] = ['TCP', 'UDP'];

interface Client {
  /** NS/POD. */
  readonly pod: string;
  readonly caller: Caller;
}

/** One way to a Service: what is asked for, and what the client does. */
interface Way {
  readonly client: Client;
  readonly address: string;
  readonly port: number;
  readonly transport: Transport;
  readonly to: string;
}

function shown(address: string, port: number): string {
  return address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`;
}

function ask(site: Site, { client, to, transport }: Way): Promise<Explanation> {
  return site.agent.call('POST', '/v1/explain', { from: client.pod, to, protocol: transport });
}

/** By `ADDRESS:PORT`, those above 0. */
function sharesOf({ candidates }: Explanation): ReadonlyMap<string, number> {
  return new Map(candidates.filter((each) => each.probability > 0).map((each) => [each.address, each.probability]));
}

/** Compares what was said with where `times` connections or datagrams arrived; shares only where there are enough of them. */
function compare(t: ExecutionContext, said: Explanation, way: Way, seen: Arrivals, times: number): void {
  const what = `${way.client.pod} to ${way.to} (${way.transport}): ${JSON.stringify(said)} but ${JSON.stringify(seen)}`;
  if (said.verdict !== 'redirect') {
    const place = said.verdict === 'pass' ? shown(way.address, way.port) : 'ECONNREFUSED';
    t.deepEqual(seen, { [place]: times }, what);
    return;
  }
  const shares = sharesOf(said);
  t.true(
    Object.keys(seen).every((place) => shares.has(place)),
    what,
  );
  if (times < arrivals) return;
  for (const [place, share] of shares) if (share > 0.05) t.true((seen[place] ?? 0) > 0, `${place} missing: ${what}`);
  const counts = [...shares.keys()].map((place) => seen[place] ?? 0);
  t.true(chiSquareP(counts, [...shares.values()]) > 1e-7, what);
}

/** Round robin: each explanation names the next backend. */
async function followTurns(t: ExecutionContext, site: Site, way: Way): Promise<void> {
  for (let turn = 0; turn < 12; turn++) {
    const { candidates, next, reason } = await ask(site, way);
    const place = await way.client.caller.arrive(way.address, way.port, way.transport);
    if (reason === 'affinity') continue;
    t.is(candidates.find((each) => each.address === place)?.backend, next);
  }
}

/** Returns the reasons that were given. */
async function check(t: ExecutionContext, site: Site, way: Way): Promise<readonly Explanation['reason'][]> {
  const { address, client, port, transport } = way;
  const first = await ask(site, way);
  compare(t, first, way, await client.caller.count(1, address, port, transport), 1);
  if (first.next !== '') await followTurns(t, site, way);
  const said = await ask(site, way);
  compare(t, said, way, await client.caller.count(arrivals, address, port, transport), arrivals);
  return [first.reason, said.reason];
}

async function overridden(site: Site, services: readonly RandomService[]): Promise<void> {
  for (const { drained, name, weights } of services) {
    if (Object.keys(weights).length > 0)
      await site.agent.call('PUT', `/v1/services/default/${name}/weights`, { weights });
    if (drained !== '') await site.agent.call('PUT', `/v1/backends/${drained}/drain`);
  }
}

const clients: readonly { readonly name: string; readonly more: Partial<Parameters<typeof pod>[1]> }[] = [
  { name: 'one', more: { addresses: ['10.1.255.1', 'fd00:1::ffff:1'] } },
  { name: 'two', more: { addresses: ['10.1.255.2', 'fd00:1::ffff:2'] } },
  { name: 'apart', more: { addresses: ['10.1.255.3', 'fd00:1::ffff:3'], labels: { 'weft.dev/mesh': 'disabled' } } },
];

/** From every client to every address and port, also one that no Service has, by name where that names one address. */
function* waysTo(
  name: string,
  addresses: readonly string[],
  callers: readonly Client[],
  random: Random,
): Generator<Way> {
  for (const client of callers) {
    for (const address of addresses) {
      for (const port of [80, 81, 82]) {
        const byName = addresses.length === 1 && random(2) === 0;
        const to = byName ? `${name}.default.svc:${port}` : shown(address, port);
        for (const transport of transports) yield { client, address, port, transport, to };
      }
    }
  }
}

/** Meshes that have, together, every reason for a decision there is but a broken table. */
const meshes: readonly { readonly seed: number; readonly reasons: readonly Explanation['reason'][] }[] = [
  { seed: 1, reasons: ['affinity', 'passthrough'] },
  { seed: 2, reasons: ['max_connections'] },
  { seed: 3, reasons: ['affinity', 'no_backend'] },
  { seed: 4, reasons: ['affinity', 'no_backend'] },
];

for (const { reasons, seed } of meshes) {
  kernelTest(`explain says what the kernel does: random mesh ${seed}`, async (t) => {
    t.timeout(100_000);
    const random = seeded(seed);
    const mesh = randomMesh(random, 6);
    const site = Site.make(t, { options: ['--node', ownNode], manifests: mesh.manifests });
    const houses = clients.map(() => site.house());
    const pods: readonly Manifest[] = clients.map(({ name, more }, index) =>
      pod(name, { addresses: [], netns: houses[index]!.name, node: ownNode, ...more }),
    );
    site.write('clients', pods);
    await site.agent.start();
    await overridden(site, mesh.services);
    const callers: Client[] = [];
    for (const [index, { name }] of clients.entries())
      callers.push({ pod: `default/${name}`, caller: await site.caller(houses[index]!) });
    const keeper = callers[1]!.caller;
    const seen = new Map<string, number>();
    for (const { addresses, kept, name } of mesh.services) {
      const refusals = await keeper.run<string>(`error_of(lambda: keep(${kept}, '${addresses[0]}', 80))`);
      t.true(['None', 'ECONNREFUSED'].includes(refusals), refusals);
      for (const way of waysTo(name, addresses, callers, random))
        for (const reason of await check(t, site, way)) seen.set(reason, (seen.get(reason) ?? 0) + 1);
    }
    t.log(
      [...seen]
        .map(([reason, count]) => `${reason} ${count}`)
        .sort()
        .join(', '),
    );
    for (const reason of ['picked', 'not_meshed', 'no_service', ...reasons]) t.true(seen.has(reason), reason);
  });
}
