import { cpus } from 'node:os';
import { join } from 'node:path';
import { Agent } from '../agent.js';
import type { Aim, Bench, BenchOptions, Outcome } from '../bench.js';
import { backendAddress, clientAddress, serviceAddress } from '../mesh.js';
import { atLeast, label, median, row, type Series } from '../row.js';
import { makeCgroup, makePair, type Pair } from '../topology.js';
import { type Load, type Place, send } from './load.js';
import { writeManifests } from './manifests.js';
import { processorTime } from './processor.js';
import {
  backendConfiguration,
  haproxyConfiguration,
  nginxProxyConfiguration,
  ports,
  startHaproxy,
  startNginx,
} from './proxies.js';

type Variant = 'direct' | 'nginx' | 'haproxy' | 'weft';

/** Where the requests of a variant are sent, and whose processor time they cost. */
interface Contender {
  readonly name: Variant;
  readonly client: Place;
  readonly address: string;
  /** Empty for direct. */
  readonly pids: () => readonly number[];
}

interface Cell {
  readonly contender: Contender;
  readonly load: Load;
  readonly cost: Series & { readonly values: number[] };
  readonly rate: Series & { readonly values: number[] };
  readonly p50: Series & { readonly values: number[] };
}

function http1(connections: Load['connections'], concurrency: number, path: string): Load {
  return { protocol: 'http1', connections, concurrency, path };
}

function loads(quick: boolean): readonly Load[] {
  const grpc = (concurrency: number): Load => ({
    protocol: 'grpc',
    connections: 'keep-alive',
    concurrency,
    path: '/bench.Echo/Say',
  });
  if (quick) return [http1('keep-alive', 16, '/small'), grpc(16)];
  return [
    ...[1, 16, 64].map((concurrency) => http1('keep-alive', concurrency, '/small')),
    ...[1, 16, 64].map((concurrency) => http1('new', concurrency, '/small')),
    http1('keep-alive', 16, '/16k'),
    ...[1, 16, 64].map(grpc),
  ];
}

function paramsOf(load: Load): Series['params'] {
  return {
    protocol: load.protocol,
    connections: load.connections,
    c: load.concurrency,
    path: load.path.split('/').at(-1)!,
  };
}

/** A namespace pair with a backend of its own, so that no contender warms another's connections. */
async function site(options: BenchOptions, name: string, backendCpu: number): Promise<Pair> {
  const pair = makePair(options.scope, name, 'unreachable');
  const place: Place = { netns: pair.server, cgroup: undefined, cpu: backendCpu };
  await startNginx(options.scope, place, `${name}-backend`, backendConfiguration(backendAddress(0)));
  return pair;
}

async function contend(options: BenchOptions, name: Variant): Promise<Contender> {
  const { scope, cpu } = options;
  const others = cpus()
    .map((_, index) => index)
    .filter((index) => index !== cpu);
  const [clientCpu = cpu, backendCpu = cpu] = others;
  const pair = await site(options, name, backendCpu);
  const proxy: Place = { netns: pair.client, cgroup: undefined, cpu };
  const client: Place = { netns: pair.client, cgroup: undefined, cpu: clientCpu };
  const backend = backendAddress(0);
  if (name === 'direct') return { name, client, address: backend, pids: () => [] };
  if (name === 'nginx') {
    const { pids } = await startNginx(scope, proxy, 'nginx', nginxProxyConfiguration('127.0.0.1', backend));
    return { name, client, address: '127.0.0.1', pids: () => pids };
  }
  if (name === 'haproxy') {
    const { pids } = await startHaproxy(scope, proxy, haproxyConfiguration('127.0.0.1', backend));
    return { name, client, address: '127.0.0.1', pids: () => pids };
  }
  const cgroup = makeCgroup(scope, name);
  const manifests = join(scope.directory, name);
  const service = serviceAddress(0);
  writeManifests(manifests, pair.clientName, { client: clientAddress, service, backend });
  const agent = await Agent.prepare(scope, { name, manifests, cgroup, avoid: cpu, options: ['--workers', '1'] });
  options.say(`weft: ready after ${Math.round(await agent.start())} ms`);
  agent.pinWorkers(cpu);
  return { name, client: { ...client, cgroup }, address: service, pids: () => agent.workers() };
}

function cellsOf(contenders: readonly Contender[], load: Load): readonly Cell[] {
  const params = paramsOf(load);
  const series = (name: string, unit: string, baseline: Series | undefined) => ({
    name,
    params,
    unit,
    values: [],
    ...(baseline && { baseline }),
  });
  const cells: Cell[] = [];
  // HAProxy is what the others are compared with.
  const ordered = [...contenders].sort((a, b) => Number(b.name === 'haproxy') - Number(a.name === 'haproxy'));
  for (const contender of ordered) {
    const base = cells.find((cell) => cell.contender.name === 'haproxy');
    cells.push({
      contender,
      load,
      cost: series(contender.name, 'req/CPU-s', base?.cost),
      rate: series(`${contender.name} rate`, 'req/s', base?.rate),
      p50: series(`${contender.name} p50`, 'µs', base?.p50),
    });
  }
  return cells;
}

async function measure(cell: Cell, seconds: number): Promise<void> {
  const { contender, load } = cell;
  const origin = `http://${contender.address}:${ports[load.protocol]}`;
  const before = processorTime(contender.pids());
  const { requests, failed, seconds: took, p50 } = await send(contender.client, origin, load, seconds);
  const used = processorTime(contender.pids()) - before;
  if (failed > 0 || requests === 0)
    throw new Error(`${label(cell.cost)}: ${failed} of ${requests + failed} requests failed`);
  if (contender.name !== 'direct') cell.cost.values.push(requests / used);
  cell.rate.values.push(requests / took);
  cell.p50.values.push(p50);
}

function aimsOf(cells: readonly Cell[]): readonly Aim[] {
  return cells.flatMap((cell) => {
    if (cell.contender.name !== 'weft' || cell.cost.baseline === undefined || cell.load.path === '/16k') return [];
    const bound = cell.load.protocol === 'grpc' ? 0.5 : 0.8;
    const ratios = cell.cost.values.map((value, round) => value / (cell.cost.baseline!.values[round] ?? Number.NaN));
    return [atLeast(`${label(cell.cost)}: requests per CPU-second, of HAProxy's`, median(ratios), '×', bound)];
  });
}

/** One proxy's processor time a request: direct, nginx, HAProxy and Weft's gateway with one worker, each on the same one CPU. */
export const http: Bench = async (options: BenchOptions): Promise<Outcome> => {
  const wanted = (name: Variant): boolean => options.only === undefined || options.only.includes(name);
  const contenders: Contender[] = [];
  for (const name of ['direct', 'nginx', 'haproxy', 'weft'] as const)
    if (name === 'direct' || name === 'haproxy' || wanted(name)) contenders.push(await contend(options, name));
  const rounds = options.rounds ?? (options.quick ? 2 : 5);
  const seconds = options.quick ? 1 : 2;
  const cells = loads(options.quick).flatMap((load) => cellsOf(contenders, load));
  for (let round = 0; round <= rounds; round++) {
    options.say(round === 0 ? 'http: warm-up' : `http: round ${round} of ${rounds}`);
    for (const cell of cells) {
      await measure(cell, seconds);
      // The first time is for warmth.
      if (round === 0) for (const series of [cell.cost, cell.rate, cell.p50]) series.values.splice(0);
    }
  }
  const rows = cells.flatMap(({ cost, rate, p50 }) =>
    [cost, rate, p50].filter(({ values }) => values.length > 0).map(row),
  );
  return {
    rounds,
    rows,
    aims: aimsOf(cells),
    notes: [
      'Client, proxy and backend (nginx) have a CPU each; client and proxy share a network namespace, as with a sidecar. CPU-s: of the proxy alone.',
      'wrk for HTTP/1.1 (`new`: Connection: close), h2load with one connection and c streams for gRPC.',
    ],
  };
};
