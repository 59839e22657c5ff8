import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpus } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause, setImmediate } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { Agent, first } from './agent.js';
import type { Bench, BenchOptions } from './bench.js';
import { addressesOf, type ClusterSize, localNode } from './kubernetes-mesh.js';
import type { Churn, ServerMessage, ServerSettings } from './kubernetes-server.js';
import { ProgrammedTables } from './kubernetes-tables.js';
import { serviceAddress, servicePort } from './mesh.js';
import { atMost, quantile, row, type Series } from './row.js';
import type { Scope } from './scope.js';
import { makeCgroup } from './topology.js';

const serverFile = fileURLToPath(new URL('./kubernetes-server.js', import.meta.url));

/** A change that is looked for longer than this counts as this long, in ms. */
const patience = 10_000;

type Message<Kind extends ServerMessage['kind']> = Extract<ServerMessage, { kind: Kind }>;

/** The API server of the cluster, a process of its own on `cpu`. */
class ClusterServer {
  readonly #process: ChildProcess;

  private constructor(scope: Scope, settings: ServerSettings, cpu: number) {
    const command = [process.execPath, serverFile, JSON.stringify(settings)];
    const [program, ...words] = [...first, 'taskset', '--cpu-list', String(cpu), ...command];
    const child = spawn(program!, words, {
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    });
    this.#process = child;
    scope.defer(() => child.kill('SIGKILL'));
  }

  static async start(scope: Scope, settings: ServerSettings, cpu: number): Promise<ClusterServer> {
    const server = new ClusterServer(scope, settings, cpu);
    await server.#hear('listening');
    return server;
  }

  async churn(churn: Churn, onProbe: (probe: Message<'probe'>) => void): Promise<Message<'churned'>> {
    const listener = (message: ServerMessage): void => {
      if (message.kind === 'probe') onProbe(message);
    };
    this.#process.on('message', listener);
    const done = this.#hear('churned');
    this.#process.send(churn);
    try {
      return await done;
    } finally {
      this.#process.off('message', listener);
    }
  }

  async #hear<Kind extends ServerMessage['kind']>(kind: Kind): Promise<Message<Kind>> {
    const over = new AbortController();
    const ended = once(this.#process, 'exit', { signal: over.signal }).then(([code]) => {
      throw new Error(`the API server of the bench ended (${code})`);
    });
    const heard = new Promise<Message<Kind>>((resolve) => {
      const listener = (message: ServerMessage): void => {
        if (message.kind !== kind) return;
        this.#process.off('message', listener);
        resolve(message as Message<Kind>);
      };
      this.#process.on('message', listener);
    });
    try {
      return await Promise.race([heard, ended]);
    } finally {
      ended.catch(() => undefined);
      over.abort();
    }
  }
}

/** Looks at the pinned tables, over and over while something is awaited. */
class Prober {
  readonly #tables: ProgrammedTables;
  readonly #waiting = new Set<Message<'probe'>>();
  readonly #took: number[] = [];
  #isOver = false;

  constructor(tables: ProgrammedTables) {
    this.#tables = tables;
  }

  add(probe: Message<'probe'>): void {
    this.#waiting.add(probe);
  }

  /** Resolves with the ms that each probe took, after `finish` and when none is awaited any more. */
  async run(): Promise<readonly number[]> {
    while (!this.#isOver || this.#waiting.size > 0) {
      if (this.#waiting.size === 0) await pause(1);
      for (const probe of this.#waiting) {
        const isThere = this.#tables.endpointsOf(serviceAddress(probe.service), servicePort) === probe.ready;
        const took = (Number(process.hrtime.bigint()) - probe.at) / 1e6;
        if (!isThere && took < patience) continue;
        this.#waiting.delete(probe);
        this.#took.push(took);
      }
      await setImmediate();
    }
    return this.#took;
  }

  finish(): void {
    this.#isOver = true;
  }
}

/** Pins this process to `cpu`, before all others, until the scope closes. */
function stayOn(scope: Scope, cpu: number): void {
  const pin = (list: string): void => {
    execFileSync('taskset', ['--all-tasks', '--cpu-list', '--pid', list, String(process.pid)], { stdio: 'ignore' });
  };
  const schedule = (policy: '--rr' | '--other', priority: string): void => {
    execFileSync('chrt', ['--all-tasks', policy, '--pid', priority, String(process.pid)]);
  };
  pin(String(cpu));
  schedule('--rr', '1');
  scope.defer(() => {
    pin(`0-${cpus().length - 1}`);
    schedule('--other', '0');
  });
}

/** How many Services have others in the tables than are ready at the server. */
function differing(tables: ProgrammedTables, size: ClusterSize, ready: readonly (readonly boolean[])[]): number {
  const programmed = tables.endpoints(servicePort);
  return ready.filter((states, service) => {
    const wanted = addressesOf(service, size).filter((_, endpoint) => states[endpoint]);
    const found = programmed.get(serviceAddress(service)) ?? [];
    return wanted.length !== found.length || wanted.some((address) => !found.includes(address));
  }).length;
}

interface Measured {
  readonly cold: number;
  readonly took: readonly number[];
  readonly differing: number;
  readonly drift: number;
  readonly changes: number;
  readonly churnMs: number;
  readonly agentCpuMs: number;
  readonly waitedMs: number;
  readonly coldCpuMs: number;
  /** MiB. */
  readonly memory: {
    readonly ready: number;
    readonly settled: number;
    readonly churned: number;
    readonly after: number;
  };
  readonly peak: number;
}

async function measure(
  { scope, cpu, say }: BenchOptions,
  size: ClusterSize,
  churn: Churn,
  rest: number,
): Promise<Measured> {
  const all = cpus().length;
  const serverCpu = cpu;
  const proberCpu = (cpu + all - 1) % all;
  const kubeconfig = join(scope.directory, 'kubeconfig');
  say(`an API server with ${size.services} Services`);
  const server = await ClusterServer.start(
    scope,
    { size, kubeconfig, folder: join(scope.directory, 'api') },
    serverCpu,
  );
  const agent = await Agent.prepare(scope, {
    name: 'kubernetes',
    cgroup: makeCgroup(scope, 'kubernetes'),
    avoid: [serverCpu, proberCpu],
    isFirst: true,
    options: ['--kubernetes', '--kubeconfig', kubeconfig, '--node', localNode],
  });
  const cold = await agent.start();
  const coldCpuMs = agent.cpuMs();
  const ready = agent.memory().now;
  say(`ready after ${Math.round(cold)} ms; ${rest} s of rest`);
  await pause(rest * 1000);
  const settled = agent.memory().now;
  stayOn(scope, proberCpu);
  const tables = new ProgrammedTables(agent.pin);
  const prober = new Prober(tables);
  say(`${churn.rate} changes/s for ${churn.seconds} s`);
  const cpuBefore = agent.cpuMs();
  const waitedBefore = agent.waitedMs();
  const running = prober.run();
  const { ready: states, changes, ms } = await server.churn(churn, (probe) => prober.add(probe));
  prober.finish();
  const took = await running;
  const agentCpuMs = agent.cpuMs() - cpuBefore;
  const waitedMs = agent.waitedMs() - waitedBefore;
  const churned = agent.memory().now;
  await pause(rest * 1000);
  const memory = { ready, settled, churned, after: agent.memory().now };
  const drift = await agent.metric('weft_map_drift_total');
  const result = { cold, took, drift, changes, churnMs: ms, agentCpuMs, waitedMs, coldCpuMs, memory };
  const measured = { ...result, differing: differing(tables, size, states), peak: agent.memory().peak };
  tables.close();
  await agent.kill();
  return measured;
}

/** The agent fed by an API server: from cold to ready, its memory, and changes until the tables have them. */
export const kubernetes: Bench = async (options) => {
  const { quick } = options;
  const size: ClusterSize = quick
    ? { services: 1000, endpoints: 10, pods: 500, localPods: 110 }
    : { services: 10_000, endpoints: 10, pods: 5000, localPods: 110 };
  const churn: Churn = { rate: 1000, seconds: quick ? 10 : 60, probeMs: 25, probed: 100 };
  const rest = quick ? 20 : 30;
  const measured = await measure(options, size, churn, rest);
  const { cold, coldCpuMs, took, memory, peak, changes, churnMs, agentCpuMs, drift, waitedMs } = measured;
  const params = { services: size.services, endpoints: size.services * size.endpoints, pods: size.pods };
  const once = (name: string, unit: string, value: number): Series => ({ name, params, unit, values: [value] });
  const p99 = quantile(took, 0.99);
  return {
    rounds: 1,
    rows: [
      once('cold to ready', 'ms', cold),
      once('CPU of the agent until ready', 'ms', coldCpuMs),
      once('VmRSS when ready', 'MiB', memory.ready),
      once(`VmRSS ${rest} s later`, 'MiB', memory.settled),
      once('VmRSS after the churn', 'MiB', memory.churned),
      once(`VmRSS ${rest} s later still`, 'MiB', memory.after),
      once('VmHWM', 'MiB', peak),
      once('changes', '1/s', (changes * 1000) / churnMs),
      once('CPU of the agent a change', 'ms', agentCpuMs / changes),
      once('main thread of the agent without a CPU', '%', (waitedMs / churnMs) * 100),
      { name: 'event to map', params, unit: 'ms', values: took },
      once('event to map p99', 'ms', p99),
    ].map(row),
    aims: [
      atMost('cold to ready', cold, 'ms', 10_000),
      atMost(`VmRSS ${rest} s after ready`, memory.settled, 'MiB', 200),
      atMost('event to map, p99', p99, 'ms', 100),
      atMost('Services whose rows are not what the server has in the end', measured.differing, '', 0),
      atMost('rows that drifted', drift, '', 0),
      atMost(`VmRSS ${rest} s after the churn, of that before`, (memory.after / memory.settled) * 100, '%', 110),
    ],
    notes: [
      `API server on CPU ${options.cpu}, prober on the one before, the agent on the others, all three before other processes (SCHED_RR). Objects as a real server gives them, with managedFields: ${size.localPods} Pods of the node whole, the others as metadata.`,
      `event to map: ${took.length} of the ${changes} changes, each another number of ready endpoints of a Service; from before the server writes the event until a look-up in the pinned table frontends shows that number.`,
    ],
  };
};
