import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { Agent } from './agent.js';
import type { Bench, BenchOptions } from './bench.js';
import { Client, type Paced } from './client.js';
import { type MeshSize, serviceAddress, servicePort, writeMesh } from './mesh.js';
import { atMost, row, type Series } from './row.js';
import { makeCgroup, makePair } from './topology.js';

const rate = 2000;

interface Restarts {
  readonly size: MeshSize;
  /** ms to ready with nothing pinned. */
  readonly first: number;
  /** ms to ready after each kill. */
  readonly ready: readonly number[];
  /** The connections made from just before each kill until just after ready. */
  readonly traffic: readonly Paced[];
}

async function restarts(options: BenchOptions, size: MeshSize, count: number): Promise<Restarts> {
  const { scope, cpu } = options;
  const name = `restart-${size.services}`;
  const pair = makePair(scope, name, 'unreachable');
  const cgroup = makeCgroup(scope, name);
  const manifests = join(scope.directory, name);
  writeMesh(manifests, size, pair.clientName);
  const agent = await Agent.prepare(scope, { name, manifests, cgroup, avoid: cpu });
  const first = await agent.start();
  options.say(`${size.services} services: ready after ${Math.round(first)} ms`);
  const client = Client.start(scope, pair, { cpu, cgroup });
  const list = await client.aim(
    servicePort,
    Array.from({ length: size.services }, (_, service) => serviceAddress(service)),
  );
  const ready: number[] = [];
  const traffic: Paced[] = [];
  for (let restart = 0; restart < count; restart++) {
    const stop = client.pace(list, rate);
    await pause(100);
    await agent.kill();
    ready.push(await agent.start());
    await pause(100);
    traffic.push(await stop());
  }
  await agent.kill();
  await client.stop();
  return { size, first, ready, traffic };
}

function seriesOf({ size, first, ready, traffic }: Restarts): readonly Series[] {
  const params = { services: size.services };
  const firstStart: Series = { name: 'first start', params, unit: 'ms', values: [first] };
  return [
    firstStart,
    { name: 'start after kill -9', params, unit: 'ms', values: ready },
    { name: 'connects', params, unit: '1', values: traffic.map((paced) => paced.attempted) },
    { name: 'failed connects', params, unit: '1', values: traffic.map((paced) => paced.failed) },
    { name: 'slowest connect', params, unit: 'ms', values: traffic.map((paced) => paced.slowest / 1e6) },
  ];
}

/** kill -9 of the agent and a new start, while 2 000 connections/s are made through all of its Services in turn. */
export const restart: Bench = async (options) => {
  const sizes = (options.quick ? [100] : [100, 10_000]).map((services) => ({ services, endpoints: 10 }));
  const rounds = options.rounds ?? (options.quick ? 3 : 20);
  const all: Restarts[] = [];
  for (const size of sizes) all.push(await restarts(options, size, rounds));
  return {
    rounds,
    rows: all.flatMap(seriesOf).map(row),
    aims: all.flatMap(({ size, first, ready, traffic }) => [
      atMost(`${size.services} services: the slowest start`, Math.max(first, ...ready), 'ms', 5000),
      atMost(
        `${size.services} services: failed connects in all`,
        traffic.reduce((sum, paced) => sum + paced.failed, 0),
        'connects',
        0,
      ),
    ]),
    notes: [
      `A start lasts from the start of the process until /readyz says so. The manifests are JSON, 250 Services a file, 10 endpoints each.`,
      `${rate} connections/s from 100 ms before each kill until 100 ms after ready.`,
    ],
  };
};
