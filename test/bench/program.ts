import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { Agent } from './agent.js';
import type { Bench, BenchOptions } from './bench.js';
import { type MeshSize, writeMesh } from './mesh.js';
import { type PipelineReport, runPipeline, stageNames } from './pipelines.js';
import { atMost, median, row, type Series } from './row.js';
import { makeCgroup, makePair } from './topology.js';

/** The memory of `weft run`, in MiB, `seconds` after it was ready with the mesh. */
async function agentMemory(options: BenchOptions, size: MeshSize, seconds: number) {
  const { scope, cpu } = options;
  const pair = makePair(scope, 'program', 'unreachable');
  const manifests = join(scope.directory, 'program');
  writeMesh(manifests, size, pair.clientName);
  const agent = await Agent.prepare(scope, {
    name: 'program',
    manifests,
    cgroup: makeCgroup(scope, 'program'),
    avoid: cpu,
  });
  const ready = await agent.start();
  await pause(seconds * 1000);
  const memory = agent.memory();
  await agent.kill();
  return { ready, ...memory };
}

/** A whole mesh from objects in memory to the kernel's maps, by stage, and what the agent keeps in RAM for it. */
export const program: Bench = async (options) => {
  const size: MeshSize = { services: options.quick ? 100 : 10_000, endpoints: 10 };
  const rounds = options.rounds ?? (options.quick ? 3 : 7);
  const seconds = options.quick ? 2 : 30;
  const reports: PipelineReport[] = [];
  for (let round = 0; round < rounds; round++) reports.push(await runPipeline(options.scope, size, 0));
  const params = { services: size.services, endpoints: size.endpoints };
  const series = (name: string, unit: string, value: (report: PipelineReport) => number): Series => ({
    name,
    params,
    unit,
    values: reports.map(value),
  });
  const total = series('total', 'ms', (report) => report.programmed.total);
  const agent = await agentMemory(options, size, seconds);
  const once = (name: string, unit: string, value: number): Series => ({ name, params, unit, values: [value] });
  return {
    rounds,
    rows: [
      ...stageNames.map((name) => series(name, 'ms', (report) => report.programmed[name])),
      series('RSS before', 'MiB', (report) => report.before),
      series('RSS after', 'MiB', (report) => report.after),
      once('agent ready', 'ms', agent.ready),
      once(`agent VmRSS after ${seconds} s`, 'MiB', agent.now),
      once('agent VmHWM', 'MiB', agent.peak),
    ].map(row),
    aims: [
      atMost('objects to kernel', median(total.values), 'ms', 1000),
      atMost(`the agent's VmRSS ${seconds} s after ready`, agent.now, 'MiB', 160),
    ],
    notes: [
      'Each round is a new process, as an agent that starts is; RSS before and after includes the objects themselves.',
      'maps: time in the map system calls; rows: ids, regions and bytes. The agent reads JSON manifests, 250 Services a file.',
    ],
  };
};
