import { type ChildProcess, spawn } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { Clock } from '../clock.js';
import type { FrontendPlan } from '../compile/plan.js';
import { viewOf } from '../tables/bytes.js';
import { PodKeySize, PodRowSize, type TableName, writePodKey, writePodRow } from '../tables/layout.gen.js';
import { removeCgroup } from './cgroups.js';
import type { CookieReader } from './cookies.js';
import type { Reconciler } from './reconcile.js';
import type { Store } from './store.js';

/** A loopback address and port that nobody listens on: reached only when the programs redirect. */
export const canaryAddress = '127.86.69.84';
export const canaryPort = 1;
const service = '~canary';
const child = fileURLToPath(new URL('./canary-child.js', import.meta.url));
const patienceMs = 10_000;

export interface CanaryOptions {
  readonly cgroup: string;
  readonly store: Store;
  readonly reconciler: Reconciler;
  readonly cookieOf: CookieReader;
  readonly clock: Clock;
}

/**
 * Takes the canary's rows before anybody else does, so that full tables do not keep the agent from being ready; a run
 * gives them back. Returns the table that has no room even so: an earlier agent left it full.
 */
export function reserveCanary(reconciler: Reconciler): TableName | undefined {
  reconciler.apply(new Map([[service, [canaryPlan(canaryPort)]]]));
  return [...reconciler.unfit()].find(({ plan }) => plan.service === service)?.table;
}

/** Gives the canary's rows back. */
export function releaseCanary(reconciler: Reconciler): void {
  reconciler.apply(new Map([[service, []]]));
}

/**
 * Proves that connections are redirected: a process inside the cgroup makes a network namespace of its own, connects
 * to an address that only the tables know, and arrives. Resolves with why it did not, or undefined when it did.
 */
export async function runCanary(options: CanaryOptions): Promise<string | undefined> {
  const cgroup = join(options.cgroup, `weft-canary-${process.pid}`);
  mkdirSync(cgroup, { recursive: true });
  const process_ = spawn(process.execPath, [child, cgroup, canaryAddress, String(canaryPort)], {
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  const cancel = options.clock.after(patienceMs, () => process_.kill('SIGKILL'));
  const ended = new Promise<void>((resolve) => process_.once('close', () => resolve()));
  try {
    return await converse(process_, options);
  } finally {
    cancel();
    process_.kill('SIGKILL');
    await ended;
    removeCgroup(cgroup); // a zombie may hold it for a moment: `weft cleanup` finds it then
  }
}

async function converse(
  child: ChildProcess,
  { store, reconciler, cookieOf }: CanaryOptions,
): Promise<string | undefined> {
  let trouble = '';
  child.stderr!.on('data', (chunk: Buffer) => {
    trouble = (trouble + chunk.toString()).slice(-2000);
  });
  const lines = createInterface({ input: child.stdout! })[Symbol.asyncIterator]();
  const next = async (): Promise<string | undefined> => {
    const line = await lines.next();
    return line.done ? undefined : line.value;
  };
  const port = await next();
  if (port === undefined) return `the canary process did not start: ${trouble.trim()}`;
  const key = new Uint8Array(PodKeySize);
  writePodKey({ netns: cookieOf(`/proc/${child.pid}/ns/net`) }, viewOf(key), 0);
  try {
    store.update('pods', { keys: key, values: nobody(), count: 1 });
    reconciler.apply(new Map([[service, [canaryPlan(Number(port))]]]));
    child.stdin!.write('connect\n');
    const answer = await next();
    if (answer === 'redirected') return undefined;
    return answer ?? `the canary process ended: ${trouble.trim()}`;
  } finally {
    releaseCanary(reconciler);
    store.remove('pods', key, 1);
  }
}

/** The canary is no Pod: id 0. */
function nobody(): Uint8Array {
  const row = new Uint8Array(PodRowSize);
  writePodRow({ id: 0, hash4: 0, hash6: 0, gatewayPort: 0, gatewaySix: 0, four: '', six: '' }, viewOf(row), 0);
  return row;
}

function canaryPlan(port: number): FrontendPlan {
  return {
    key: service,
    service,
    port: canaryPort,
    portName: '',
    protocol: 'TCP',
    family: 4,
    addresses: [canaryAddress],
    policy: 'LEAST_REQUEST',
    policySource: 'default',
    affinitySeconds: 0,
    maxConnections: 0,
    tableSize: 0,
    onRemoval: 'drain',
    gateway: 'none',
    backends: [{ name: service, address: '127.0.0.1', port, node: '', zone: '', state: 'ready', weight: 1 }],
  };
}
