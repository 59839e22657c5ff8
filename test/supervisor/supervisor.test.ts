import { type ChildProcess, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, openSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import test, { type ExecutionContext } from 'ava';
import { pino } from 'pino';
import { addon } from '../../agent/addon.js';
import { pause, systemClock } from '../../agent/clock.js';
import { emptySnapshot, type Target } from '../../agent/compile/snapshot.js';
import { findOrphans } from '../../agent/kernel/orphans.js';
import { IngressSockets } from '../../agent/supervisor/ingress-sockets.js';
import { type PodSockets, Supervisor } from '../../agent/supervisor/supervisor.js';

const strange = fileURLToPath(new URL('./strange-worker.js', import.meta.url));
const isBuilt = existsSync(new URL('../../../build/Release/weft.node', import.meta.url));

interface Stage {
  readonly supervisor: Supervisor;
  /** Descriptors that were sent to workers, how often. */
  readonly sent: () => number;
  readonly announced: readonly string[];
  /** What the broker was told: +ID of a namespace, -ID. */
  readonly namespaces: readonly string[];
  /** The Pods that have listeners from the next tick on. */
  pods: readonly PodSockets[];
}

function podsOf(count: number): readonly PodSockets[] {
  return Array.from({ length: count }, (_, i) => ({
    pod: `default/pod-${i}`,
    path: '/proc/self/ns/net',
    fds: [openSync('/dev/null', 'r')],
  }));
}

/** A supervisor of one worker that behaves as `manner` says, and has something to serve. */
function stage(t: ExecutionContext, manner: string, pods: readonly PodSockets[]): Stage {
  const made = untoldStage(t, manner, pods);
  const target = { service: 'default/shop' } as Target;
  made.supervisor.apply({ targets: { 'default/shop:80': target } });
  return made;
}

/** Nothing was compiled for it yet. */
function untoldStage(t: ExecutionContext, manner: string, pods: readonly PodSockets[]): Stage {
  let sent = 0;
  const announced: string[] = [];
  const namespaces: string[] = [];
  let open: readonly PodSockets[] = [];
  const supervisor = new Supervisor({
    clock: systemClock,
    log: pino({ level: 'silent' }),
    workers: 1,
    mark: manner,
    workerPath: strange,
    kernel: {
      refresh() {
        const before = open;
        open = made.pods;
        return {
          opened: open.filter((each) => !before.includes(each)),
          closed: before.filter((each) => !open.includes(each)),
        };
      },
      all: () => open,
      announce: (pod) => announced.push(pod),
    },
    ingress: new IngressSockets({ listen: () => -1, adopt: () => [], close: () => undefined }),
    descriptors: {
      pair: () => addon().socketPair(),
      send(channel, fds) {
        addon().sendDescriptors(channel, new Uint8Array(1), fds, false);
        sent++;
      },
      close: (fd) => addon().closeFd(fd),
    },
    broker: () => ({
      addNamespace: (id) => namespaces.push(`+${id}`),
      removeNamespace: (id) => namespaces.push(`-${id}`),
      addWorker: () => openSync('/dev/null', 'r'),
    }),
    snapshot: emptySnapshot,
    onServing: () => undefined,
    onReport: () => undefined,
    onRecords: () => undefined,
  });
  const made: Stage = { supervisor, sent: () => sent, announced, namespaces, pods };
  t.teardown(() => {
    const pids = supervisor.pids;
    void supervisor.stop();
    for (const pid of pids) process.kill(pid, 'SIGKILL');
  });
  return made;
}

/** A process that looks like a worker of an earlier agent. */
function leftWorker(t: ExecutionContext, mark: string): ChildProcess {
  const folder = mkdtempSync(join(tmpdir(), 'weft-left-'));
  mkdirSync(join(folder, 'gateway'));
  const script = join(folder, 'gateway', 'worker.js');
  writeFileSync(script, 'setInterval(() => undefined, 1_000);');
  const child = spawn(process.execPath, [script, mark], { stdio: 'ignore' });
  t.teardown(() => {
    child.kill('SIGKILL');
    rmSync(folder, { recursive: true });
  });
  return child;
}

async function until(t: ExecutionContext, isSo: () => boolean): Promise<void> {
  const end = systemClock.monotonic() + 15_000;
  while (!isSo()) {
    if (systemClock.monotonic() > end) return t.fail('it never came to be');
    await pause(systemClock, 5);
  }
}

const kernelTest = isBuilt ? test : test.skip;

for (const manner of ['no-json', 'of-node', 'endless', 'brief']) {
  kernelTest(`a worker that is ${manner} is replaced, and the agent lives on`, async (t) => {
    const { supervisor } = stage(t, manner, podsOf(3));
    await until(t, () => supervisor.restarts >= 2);
    t.true(supervisor.restarts >= 2);
  });
}

kernelTest('a worker that answers nothing gets few sockets, and the agent does not wait for it', async (t) => {
  const { supervisor, sent } = stage(t, 'deaf', podsOf(600));
  await until(t, () => sent() > 0);
  supervisor.tick();
  t.is(sent(), 32);
  for (let tick = 0; tick < 25; tick++) supervisor.tick();
  await until(t, () => supervisor.restarts === 1);
  t.is(supervisor.restarts, 1);
});

kernelTest('a worker that says it has what it has not is given no more than its channel holds', async (t) => {
  const { supervisor, sent } = stage(t, 'liar', podsOf(600));
  await until(t, () => sent() > 0);
  await pause(systemClock, 100);
  t.true(sent() <= 34);
  t.is(supervisor.restarts, 0);
});

kernelTest('a Pod that has gone is not announced by a late answer, and one that comes again is', async (t) => {
  const made = stage(t, 'slow', podsOf(1));
  await until(t, () => made.sent() === 1);
  made.pods = [];
  made.supervisor.tick();
  made.pods = podsOf(1);
  made.supervisor.tick();
  await until(t, () => made.announced.length > 0);
  await pause(systemClock, 300);
  t.deepEqual(made.announced, ['default/pod-0']);
});

kernelTest('the number of a namespace is never that of another', async (t) => {
  const made = stage(t, 'deaf', podsOf(1));
  await until(t, () => made.sent() === 1);
  for (let again = 0; again < 2; again++) {
    made.pods = [];
    made.supervisor.tick();
    made.pods = podsOf(1);
    made.supervisor.tick();
  }
  t.deepEqual(made.namespaces, ['+1', '-1', '+2', '-2', '+3']);
});

kernelTest('workers of an earlier agent serve on until it is known what there is to serve', async (t) => {
  const mark = `left-${randomUUID()}`;
  const left = leftWorker(t, mark);
  await until(t, () => findOrphans(mark, new Set()).length === 1);
  const { supervisor } = untoldStage(t, mark, []);
  for (let tick = 0; tick < 5; tick++) supervisor.tick();
  t.true(supervisor.hasOrphans);

  supervisor.apply({});
  supervisor.tick();
  t.false(supervisor.hasOrphans);
  await until(t, () => left.signalCode === 'SIGTERM');
});
