import { join } from 'node:path';
import { Agent } from './agent.js';
import type { Aim, Bench, BenchOptions } from './bench.js';
import { Client } from './client.js';
import { loadIptables } from './iptables.js';
import { backendAddress, backendPort, type MeshSize, serviceAddress, servicePort, writeMesh } from './mesh.js';
import { loadNftables } from './nftables.js';
import { atMost, differences, label, median, row, type Series } from './row.js';
import { makeCgroup, makePair } from './topology.js';

/** Which Services the connections go to: one by its place in the rules, or all in turn. */
type Target = 'first' | 'middle' | 'last' | 'all';

/** One row to be: a client and what it connects to. */
interface Variant {
  readonly client: Client;
  readonly port: number;
  readonly addresses: readonly string[];
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

function variant(
  client: Client,
  name: string,
  params: Series['params'],
  destination: { port: number; addresses: readonly string[] },
  baseline?: Variant,
): Variant {
  const series = { name, params, unit: 'µs', values: [], ...(baseline && { baseline: baseline.series }) };
  const cycle = { ...series, name: `${name} cycle`, values: [], ...(baseline && { baseline: baseline.cycle }) };
  return { client, ...destination, series, cycle };
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
    one: variant(client, 'direct', { aim: 'one' }, backends(endpoints, 1)),
    all: variant(client, 'direct', { aim: 'all' }, backends(size.services, endpoints)),
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
  const add = (client: Client, name: string, size: MeshSize, targets: readonly Target[]) => {
    for (const target of targets) {
      const addresses = places(target, size.services).map(serviceAddress);
      const params = { services: size.services, aim: target };
      made.push(variant(client, name, params, { port: servicePort, addresses }, target === 'all' ? all : one));
    }
  };
  const wanted = (name: string) => options.only?.includes(name) ?? true;
  for (const size of sizes) {
    if (wanted('weft')) add(await weft(options, size), 'weft', size, ['middle', 'all']);
    if (wanted('nftables')) add(nftables(options, size), 'nftables', size, ['middle', 'all']);
    if (wanted('iptables')) {
      const { client, program } = iptables(options, size);
      add(client, program, size, ['first', 'middle', 'last']);
    }
  }
  return made;
}

/** One burst of every variant; every other round runs backwards, so that no variant always follows the same one. */
async function round(all: readonly Variant[], number: number, count: number): Promise<void> {
  for (const one of number % 2 === 0 ? all : [...all].reverse()) {
    await one.client.aim(one.port, one.addresses);
    await one.client.measure(Math.ceil(count / 10));
    const burst = await one.client.measure(count);
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
  const rounds = 1 + (options.rounds ?? (options.quick ? 40 : 120));
  const count = 250;
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
      "added: the median of the rounds' differences to the baseline. Min less the baseline's min is what is added when nothing else wants the caches.",
      'aim: the Service addressed, by its place in the rules (direct: ten backends in turn), or all Services in turn, round after round: most find no cache line of theirs.',
      'cycle: mean from socket(2) to close(2) of both ends, with a reset.',
      "Packet filters are loaded in the client's namespace: they see the client's packets once, not again where they would be routed.",
    ],
  };
};

function aims(all: readonly Series[]): readonly Aim[] {
  const largest = Math.max(...all.map((one) => Number(one.params.services ?? 0)));
  const added = (name: string, services: number, target: Target) => {
    const wanted = label({ name, params: { services, aim: target } });
    const found = all.find((one) => label(one) === wanted);
    return found && median(differences(found));
  };
  return (['middle', 'all'] as const).flatMap((target) => {
    const weft = added('weft', largest, target);
    const small = added('weft', 100, target);
    const nftables = added('nftables', largest, target);
    if (weft === undefined) return [];
    const where = `${largest} services, ${target}:`;
    const found = [atMost(`${where} Weft adds`, weft, 'µs', 3)];
    if (nftables !== undefined) found.push(atMost(`${where} Weft adds a third of nftables'`, weft, 'µs', nftables / 3));
    if (small !== undefined && largest > 100) {
      found.push(atMost(`${where} Weft adds more than with 100 services by`, weft - small, 'µs', 0.5));
    }
    return found;
  });
}
