import { join } from 'node:path';
import { Agent } from './agent.js';
import type { Aim, Bench, BenchOptions } from './bench.js';
import { Client } from './client.js';
import { loadIptables } from './iptables.js';
import { backendAddress, backendPort, type MeshSize, serviceAddress, servicePort, writeMesh } from './mesh.js';
import { loadNftables } from './nftables.js';
import { addedFastest, atMost, differences, label, median, row, type Series } from './row.js';
import { makeCgroup, makePair } from './topology.js';

/** Which Services the connections go to: one by its place in the rules, or all in turn. */
type Target = 'first' | 'middle' | 'last' | 'all';

/** One row to be: a client and what it connects to. */
interface Variant {
  readonly client: Client;
  /** The client's list of what it connects to. */
  readonly list: number;
  readonly series: Series & { readonly values: number[] };
  readonly cycle: Series & { readonly values: number[] };
}

const endpoints = 10;

function places(target: Target, services: number): readonly number[] {
  switch (target) {
    case 'first':
      return [0];
    case 'middle':
      return [services >> 1];
    case 'last':
      return [services - 1];
    case 'all':
      return Array.from({ length: services }, (_, service) => service);
  }
}

async function variant(
  client: Client,
  name: string,
  params: Series['params'],
  destination: { port: number; addresses: readonly string[] },
  baseline?: Variant,
): Promise<Variant> {
  const series = { name, params, unit: 'µs', values: [], ...(baseline && { baseline: baseline.series }) };
  const cycle = { ...series, name: `${name} cycle`, values: [], ...(baseline && { baseline: baseline.cycle }) };
  const list = await client.aim(destination.port, destination.addresses);
  return { client, list, series, cycle };
}

/** Connects to the backends themselves: those of one Service, and all of the mesh's, as `all` does through Services. */
async function direct(options: BenchOptions, size: MeshSize): Promise<{ one: Variant; all: Variant }> {
  const pair = makePair(options.scope, 'direct', 'forward');
  const client = Client.start(options.scope, pair, { cpu: options.cpu });
  const backends = (count: number, step: number) => ({
    port: backendPort,
    addresses: Array.from({ length: count }, (_, index) => backendAddress(index * step)),
  });
  return {
    one: await variant(client, 'direct', { aim: 'one' }, backends(endpoints, 1)),
    all: await variant(client, 'direct', { aim: 'all' }, backends(size.services, endpoints)),
  };
}

async function weft(options: BenchOptions, size: MeshSize): Promise<Client> {
  const { scope, cpu } = options;
  const name = `weft-${size.services}`;
  const pair = makePair(scope, name, 'unreachable');
  const cgroup = makeCgroup(scope, name);
  const manifests = join(scope.directory, name);
  writeMesh(manifests, size, pair.clientName);
  const agent = await Agent.prepare(scope, { name, manifests, cgroup, avoid: cpu });
  options.say(`${name}: ready after ${Math.round(await agent.start())} ms`);
  return Client.start(scope, pair, { cpu, cgroup });
}

/** Loads rules into the client's namespace of a new pair. `load` returns what loaded them. */
function filtered(
  options: BenchOptions,
  name: string,
  load: (netns: string) => string,
): { readonly client: Client; readonly program: string } {
  const pair = makePair(options.scope, name, 'forward');
  const began = performance.now();
  const program = load(pair.client);
  options.say(`${name}: loaded by ${program} in ${Math.round(performance.now() - began)} ms`);
  return { client: Client.start(options.scope, pair, { cpu: options.cpu }), program };
}

function nftables(options: BenchOptions, size: MeshSize): Client {
  return filtered(options, `nftables-${size.services}`, (netns) => {
    loadNftables(netns, size);
    return 'nft';
  }).client;
}

function iptables(options: BenchOptions, size: MeshSize) {
  return filtered(options, `iptables-${size.services}`, (netns) => loadIptables(netns, size));
}

async function variants(options: BenchOptions, sizes: readonly MeshSize[]): Promise<readonly Variant[]> {
  const { one, all } = await direct(options, sizes.at(-1)!);
  const made: Variant[] = [one, all];
  const add = async (client: Client, name: string, size: MeshSize, targets: readonly Target[]) => {
    for (const target of targets) {
      const addresses = places(target, size.services).map(serviceAddress);
      const params = { services: size.services, aim: target };
      made.push(await variant(client, name, params, { port: servicePort, addresses }, target === 'all' ? all : one));
    }
  };
  const wanted = (name: string) => options.only?.includes(name) ?? true;
  for (const size of sizes) {
    if (wanted('weft')) await add(await weft(options, size), 'weft', size, ['middle', 'all']);
    if (wanted('nftables')) await add(nftables(options, size), 'nftables', size, ['middle', 'all']);
    if (wanted('iptables')) {
      const { client, program } = iptables(options, size);
      await add(client, program, size, ['first', 'middle', 'last']);
    }
  }
  return made;
}

/** One burst of every variant; every other round runs backwards, so that no variant always follows the same one. */
async function round(all: readonly Variant[], number: number, count: number): Promise<void> {
  for (const one of number % 2 === 0 ? all : [...all].reverse()) {
    await one.client.measure(one.list, Math.ceil(count / 5));
    const burst = await one.client.measure(one.list, count);
    if (burst.failed > 0)
      throw new Error(`${label(one.series)}: ${burst.failed} connects failed, errno ${burst.errno}`);
    one.series.values.push(burst.median / 1000);
    one.cycle.values.push(burst.cycle / 1000);
  }
}

/**
 * The time of connect(2) over a veth between two network namespaces: direct, through Weft, and through the rules that kube-proxy
 * writes, each in a pair of namespaces of its own.
 */
export const connect: Bench = async (options) => {
  const sizes = (options.quick ? [100] : [100, 10_000]).map((services) => ({ services, endpoints }));
  const rounds = 1 + (options.rounds ?? (options.quick ? 100 : 400));
  const count = 100;
  const all = await variants(options, sizes);
  for (let number = 0; number < rounds; number++) {
    await round(all, number, count);
    for (const one of number === 0 ? all : []) {
      one.series.values.pop();
      one.cycle.values.pop();
    }
  }
  return {
    rounds: rounds - 1,
    rows: [...all.map((one) => row(one.series)), ...all.map((one) => row(one.cycle))],
    aims: aims(all.map((one) => one.series)),
    notes: [
      `A value is the median of ${count} connects of one round; the first round is thrown away. Client and server are one thread of real-time priority on CPU ${options.cpu}.`,
      "added: the median of the rounds' differences to the baseline. added p10: the difference of the tenth percentiles. CPUs of a shared host run slower for a part of the rounds, baseline included; the aims are given for both.",
      'aim: the Service addressed, by its place in the rules (direct: ten backends in turn), or all Services in turn, round after round: most find no cache line of theirs.',
      'cycle: mean from socket(2) to close(2) of both ends, with a reset.',
      "Packet filters are loaded in the client's namespace: they see the client's packets once, not again where they would be routed.",
    ],
  };
};

const estimates = [
  ['median', (series: Series) => median(differences(series))],
  ['p10', addedFastest],
] as const;

function aims(all: readonly Series[]): readonly Aim[] {
  const largest = Math.max(...all.map((one) => Number(one.params.services ?? 0)));
  const find = (name: string, services: number, target: Target) => {
    const wanted = label({ name, params: { services, aim: target } });
    return all.find((one) => label(one) === wanted);
  };
  return (['middle', 'all'] as const).flatMap((target) => {
    const weft = find('weft', largest, target);
    const small = find('weft', 100, target);
    const nftables = find('nftables', largest, target);
    if (!weft) return [];
    return estimates.flatMap(([estimate, added]) => {
      const where = `${largest} services, ${target}, ${estimate}:`;
      const value = added(weft);
      const found = [atMost(`${where} Weft adds`, value, 'µs', 3)];
      if (nftables) found.push(atMost(`${where} Weft adds a third of nftables'`, value, 'µs', added(nftables) / 3));
      if (small && largest > 100) {
        found.push(atMost(`${where} Weft adds more than with 100 services by`, value - added(small), 'µs', 0.5));
      }
      return found;
    });
  });
}
