import { spawn } from 'node:child_process';
import { rmSync } from 'node:fs';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import type { MeshSize } from './mesh.js';
import type { Stages } from './pipeline.js';
import type { Scope } from './scope.js';
import { makeCgroup } from './topology.js';

export interface PipelineRequest {
  readonly size: MeshSize;
  readonly pin: string;
  readonly cgroup: string;
  /** How many changes of one endpoint to make after the mesh is programmed. */
  readonly changes: number;
}

export interface PipelineReport {
  readonly programmed: Stages;
  /** The process's memory in RAM before and after programming, in MiB: the objects are in both. */
  readonly before: number;
  readonly after: number;
  /** One a change. */
  readonly changes: readonly Stages[];
}

const script = fileURLToPath(new URL('pipeline-process.js', import.meta.url));

/** Programs a mesh from objects in memory into the kernel's maps, in a new process, as an agent that starts does. */
export async function runPipeline(scope: Scope, size: MeshSize, changes: number): Promise<PipelineReport> {
  const pin = `/sys/fs/bpf/${scope.prefix}-pipeline`;
  const unpin = scope.defer(() => rmSync(pin, { recursive: true, force: true }));
  const cgroup = makeCgroup(scope, `pipeline-${process.hrtime.bigint()}`);
  const request: PipelineRequest = { size, pin, cgroup, changes };
  const child = spawn(process.execPath, [script, JSON.stringify(request)], { stdio: ['ignore', 'pipe', 'inherit'] });
  scope.defer(() => child.kill('SIGKILL'));
  const output = await text(child.stdout);
  unpin();
  if (output === '') throw new Error('the process that programs the mesh failed');
  return JSON.parse(output) as PipelineReport;
}

export const stageNames: readonly (keyof Stages)[] = ['parse', 'catalog', 'compile', 'rows', 'maps', 'total'];
