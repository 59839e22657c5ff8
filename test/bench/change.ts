import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { Agent } from './agent.js';
import type { Bench, BenchOptions } from './bench.js';
import { Client } from './client.js';
import {
  endpointSlice,
  type MeshSize,
  serviceAddress,
  serviceObject,
  servicePort,
  writeManifest,
  writeMesh,
} from './mesh.js';
import { type PipelineReport, runPipeline, stageNames } from './pipelines.js';
import { atMost, quantile, row, type Series } from './row.js';
import { makeCgroup, makePair } from './topology.js';

/**
 * ms from the rename of a manifest until a client's connect(2) fares otherwise, `count` times: the only endpoint of a
 * Service that has a file of its own, beside the mesh, is ready and not ready in turn.
 */
async function fileToEffect(options: BenchOptions, size: MeshSize, count: number): Promise<readonly number[]> {
  const { scope, cpu } = options;
  const pair = makePair(scope, 'change', 'unreachable');
  const cgroup = makeCgroup(scope, 'change');
  const manifests = join(scope.directory, 'change');
  writeMesh(manifests, size, pair.clientName);
  const service = size.services;
  const one: MeshSize = { services: 1, endpoints: 1 };
  const write = (isReady: boolean) =>
    writeManifest(manifests, 'changing', [
      serviceObject(service),
      endpointSlice(one, service, isReady ? undefined : 0),
    ]);
  write(true);
  const agent = await Agent.prepare(scope, { name: 'change', manifests, cgroup, avoid: cpu });
  await agent.start();
  const client = Client.start(scope, pair, { cpu, cgroup });
  const list = await client.aim(servicePort, [serviceAddress(service)]);
  const took: number[] = [];
  for (let change = 0; change < count; change++) {
    const isReady = change % 2 === 1;
    await pause(200 + ((change * 37) % 100));
    const began = performance.now();
    write(isReady);
    while (((await client.measure(list, 1)).failed === 0) !== isReady) {
      if (performance.now() - began > 10_000) throw new Error('a change had no effect for 10 s');
    }
    took.push(performance.now() - began);
  }
  await client.stop();
  await agent.kill();
  return took;
}

/** One endpoint changes in a mesh that is programmed: object to kernel in one process, and manifest to effect with the agent. */
export const change: Bench = async (options) => {
  const size: MeshSize = { services: options.quick ? 100 : 10_000, endpoints: 10 };
  const rounds = options.rounds ?? (options.quick ? 2 : 5);
  const changes = 1000;
  const reports: PipelineReport[] = [];
  for (let round = 0; round < rounds; round++) reports.push(await runPipeline(options.scope, size, changes));
  const params = { services: size.services, endpoints: size.endpoints };
  const percentile = (name: string, q: number, stage: (typeof stageNames)[number]): Series => ({
    name,
    params,
    unit: 'ms',
    values: reports.map((report) =>
      quantile(
        report.changes.map((each) => each[stage]),
        q,
      ),
    ),
  });
  const p99 = percentile('p99 total', 0.99, 'total');
  const effect = await fileToEffect(options, size, options.quick ? 10 : 50);
  return {
    rounds,
    rows: [
      ...stageNames.map((stage) => row(percentile(`p50 ${stage}`, 0.5, stage))),
      row(p99),
      row(percentile('slowest', 1, 'total')),
      row({ name: 'manifest to effect', params, unit: 'ms', values: effect }),
    ],
    aims: [
      atMost('p99 of one endpoint, object to kernel', Math.max(...p99.values), 'ms', 10),
      atMost('manifest to effect, the slowest', Math.max(...effect), 'ms', 500),
    ],
    notes: [
      `Each round is a new process and ${changes} changes of one endpoint each, Services all over the mesh.`,
      `manifest to effect: ${effect.length} changes of a file of one Service beside the mesh, until a connect(2) fares otherwise.`,
    ],
  };
};
