import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Status } from '../../agent/api/items.js';
import { AgentClient } from '../../agent/cli/agent-client.js';
import { cleanup } from '../../agent/kernel/cleanup.js';
import { type ChartObject, checkout, renderChart, rendererMissing, type Values } from '../../deploy/render/chart.js';
import { eventually, type Life } from '../agent/site.js';
import { claimName, makeCgroup, makeDirectory, removeCgroup } from '../kernel/scratch.js';
import { kernelTest } from '../kernel-test.js';
import { impossibleTest } from './chart-test.js';
import { OciContainer } from './container.js';
import { type Container, daemonSetOf } from './daemonset.js';

const missing =
  rendererMissing() ??
  (spawnSync('runc', ['--version']).status === 0 ? undefined : 'runc is missing: apt-get install runc');

/** Needs root and BPF, Go for the chart, and runc. */
export function containerTest(title: string, run: Parameters<typeof kernelTest>[1]): void {
  if (missing === undefined) kernelTest(title, run);
  else impossibleTest(title, missing, run);
}

const seccomp = JSON.parse(readFileSync(join(checkout, 'deploy/seccomp/weft.json'), 'utf8'), (key, value: unknown) =>
  key === 'comment' ? undefined : value,
) as object;

/** Of what a loaded machine may take, in ms. */
export const patience = 30_000;

export type Change = (container: Container) => Container;

/** A Pod of the chart's DaemonSet, with places of its own on this machine. */
export class AgentPod {
  readonly pins: string = claimName();
  readonly pin: string = `/sys/fs/bpf/${this.pins}`;
  readonly run: string = makeDirectory();
  readonly cgroup: string = makeCgroup();
  readonly api: AgentClient = new AgentClient(`unix:${join(this.run, 'api.sock')}`, '');
  readonly #containers: OciContainer[] = [];

  constructor(life: Life) {
    life.teardown(async () => {
      for (const container of this.#containers) await container.kill();
      cleanup({ pin: this.pin, dryRun: false });
      removeCgroup(this.cgroup);
    });
  }

  /** Makes a container: `options.config` in place of the chart's ConfigMap, `change` made to the container first. */
  make(
    name: 'doctor' | 'weft',
    options: {
      readonly port: number;
      readonly config?: string;
      readonly files?: Readonly<Record<string, Readonly<Record<string, string>>>>;
      readonly environment?: Readonly<Record<string, string>>;
      readonly netns?: string;
      readonly change?: Change;
      /** Of the chart, over those that give the Pod its own places. */
      readonly values?: Values;
    },
  ): OciContainer {
    const host = { pins: this.pins, captured: this.cgroup, run: this.run };
    const rendered = renderChart({ host, agent: { workers: 1, metricsPort: options.port }, ...options.values });
    const { containers, initContainers, volumes } = daemonSetOf(rendered).spec.template.spec;
    const { data } = rendered.objects.find(({ kind }) => kind === 'ConfigMap') as ChartObject & {
      readonly data: Readonly<Record<string, string>>;
    };
    const found = [...initContainers, ...containers].find((each) => each.name === name)!;
    const { change = (container) => container, config = data['weft.yaml']!, netns } = options;
    const container = new OciContainer({
      container: change(here(found)),
      volumes,
      environment: { HOST_IP: '127.0.0.1', NODE_NAME: 'here', ...options.environment },
      files: { '/etc/weft': { 'weft.yaml': config }, ...options.files },
      ...(netns !== undefined && { netns }),
      seccomp,
    });
    this.#containers.push(container);
    return container;
  }

  async status(container: OciContainer): Promise<Status> {
    let status: Status | undefined;
    await eventually(
      async () => {
        if (!container.isRunning) throw new Error(`the container ended: ${container.log}`);
        try {
          status = await this.api.call<Status>('GET', '/v1/status');
        } catch {
          status = undefined;
        }
        return status?.ready;
      },
      (ready) => ready === true,
      patience,
    );
    return status!;
  }
}

/** Process 1 of some virtual machines lets nobody look at it; this one is in the same cgroup namespace. */
function here(container: Container): Container {
  const command = container.command.map((word) => word.replace('/host/proc/1/', `/host/proc/${process.pid}/`));
  return { ...container, command };
}
