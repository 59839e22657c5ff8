import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { ExecutionContext } from 'ava';
import { type SocketBroker, startBroker } from '../../agent/kernel/broker.js';
import { native } from '../../agent/kernel/native.js';
import { kernelTest } from '../kernel-test.js';
import { eventually, planOf, World } from './world.js';

const child = fileURLToPath(new URL('./upstream-child.js', import.meta.url));

function start(t: ExecutionContext, world: World): SocketBroker {
  const broker = startBroker({ upstreams: world.datapath.maps.get('upstreams')! });
  t.teardown(() => broker.close());
  return broker;
}

function codeOf(attempt: () => unknown): string {
  try {
    attempt();
    return 'none';
  } catch (error) {
    return (error as NodeJS.ErrnoException).code!;
  }
}

function ask(worker: number, id: number, count = 1): number {
  const fds = native().blankSockets(worker, id, 4, count);
  for (const fd of fds) closeSync(fd);
  return fds.length;
}

/** What upstream-child prints, run inside the captured cgroup. */
async function connectCaptured(world: World, worker: number, ...words: readonly string[]): Promise<readonly string[]> {
  const started = spawn(
    'bash',
    ['-c', `echo $$ > ${world.cgroup}/cgroup.procs && exec "$@"`, 'bash', process.execPath, child, ...words],
    {
      stdio: ['ignore', 'pipe', 'inherit', worker],
    },
  );
  let text = '';
  started.stdout!.on('data', (data: Buffer) => (text += data));
  await once(started, 'close');
  return JSON.parse(text);
}

kernelTest('blank sockets have the Pod as their source, and are not captured although their process is', async (t) => {
  const world = World.open(t);
  const pod = world.pod({ wired: ['10.1.0.2', 'fd01::2'], local: ['10.96.0.1', 'fd96::1'] });
  const backend = world.pod({ wired: ['10.1.0.3', 'fd01::3'] });
  world.apply(
    planOf({ address: '10.96.0.1', backends: ['10.1.0.3'], gateway: 'closed' }),
    planOf({ address: 'fd96::1', backends: ['fd01::3'] }),
  );
  await world.start(backend).run(`serve('10.1.0.3', name='backend'); serve('fd01::3', name='backend six')`);
  await world
    .start(pod)
    .run(`serve('10.96.0.1', port=80, name='itself'); serve('fd96::1', port=80, name='itself six')`);
  const broker = start(t, world);
  // A socket is of the cgroup of the process that made it, whoever connects it.
  writeFileSync(join(world.cgroup, 'cgroup.procs'), String(broker.pid));
  broker.addNamespace(pod.id, pod.netns);
  const worker = broker.addWorker();
  t.teardown(() => closeSync(worker));
  const id = String(pod.id);
  t.deepEqual(await connectCaptured(world, worker, id, '4', '10.1.0.3', '8080'), ['10.1.0.2', '10.1.0.3', 'backend']);
  t.deepEqual(await connectCaptured(world, worker, id, '6', 'fd01::3', '8080'), ['fd01::2', 'fd01::3', 'backend six']);
  t.deepEqual(await connectCaptured(world, worker, id, '4', '10.96.0.1', '80'), ['10.96.0.1', '10.96.0.1', 'itself']);
  t.deepEqual(await connectCaptured(world, worker, id, '6', 'fd96::1', '80'), ['fd96::1', 'fd96::1', 'itself six']);
  t.is(world.decisions('UPSTREAM'), 2);
});

kernelTest('a request is answered in full or by its errno, and a namespace that was removed is not held', async (t) => {
  const world = World.open(t);
  const pod = world.pod({ local: ['10.1.0.2'] });
  const broker = start(t, world);
  const worker = broker.addWorker();
  t.teardown(() => closeSync(worker));
  t.is(
    codeOf(() => ask(worker, 7)),
    'ENOENT',
  );
  broker.addNamespace(7, pod.netns);
  t.is(ask(worker, 7, 16), 16);
  const held = (): boolean => {
    const fds = readdirSync(`/proc/${broker.pid}/fd`).map((fd) => `/proc/${broker.pid}/fd/${fd}`);
    const { ino } = statSync(pod.netns);
    return [...fds, `/proc/${broker.pid}/ns/net`].some(
      (path) => statSync(path, { throwIfNoEntry: false })?.ino === ino,
    );
  };
  t.true(held());
  broker.removeNamespace(7);
  t.is(
    codeOf(() => ask(worker, 7)),
    'ENOENT',
  );
  t.false(held());
  for (const count of [0, 17])
    t.is(
      codeOf(() => ask(worker, 7, count)),
      'EINVAL',
    );
});

kernelTest('a malformed request closes that channel and no other', (t) => {
  const world = World.open(t);
  const pod = world.pod({ local: ['10.1.0.2'] });
  const broker = start(t, world);
  broker.addNamespace(1, pod.netns);
  const healthy = broker.addWorker();
  const request = (version: number, family: number, count: number): Uint8Array =>
    new Uint8Array([version, family, count & 255, count >> 8, 1, 0, 0, 0, 0, 0, 0, 0]);
  const malformed = [
    Uint8Array.of(1),
    new Uint8Array(64),
    request(2, 4, 1),
    request(1, 5, 1),
    request(1, 4, 0),
    request(1, 4, 17),
    request(1, 4, 300),
  ];
  for (const message of malformed) {
    const worker = broker.addWorker();
    t.is(ask(worker, 1), 1);
    native().sendDescriptors(worker, message, []);
    t.is(
      codeOf(() => native().receiveDescriptors(worker, 64, 5000)),
      'EPIPE',
      `${message}`,
    );
    closeSync(worker);
    t.is(ask(healthy, 1), 1);
  }
  const worker = broker.addWorker();
  native().sendDescriptors(worker, request(1, 4, 1), [0]);
  t.is(
    codeOf(() => native().receiveDescriptors(worker, 64, 5000)),
    'EPIPE',
    'a descriptor with a request',
  );
  closeSync(worker);
  closeSync(healthy);
});

kernelTest('the broker has one capability, lives on without the agent, and ends with its last worker', async (t) => {
  const world = World.open(t);
  const pod = world.pod({ local: ['10.1.0.2'] });
  const broker = start(t, world);
  broker.addNamespace(1, pod.netns);
  const worker = broker.addWorker();
  t.is(ask(worker, 1), 1);
  const status = readFileSync(`/proc/${broker.pid}/status`, 'utf8');
  for (const set of ['CapPrm', 'CapEff']) t.regex(status, new RegExp(`${set}:\t0000000000200000\n`)); // CAP_SYS_ADMIN
  for (const set of ['CapInh', 'CapBnd', 'CapAmb']) t.regex(status, new RegExp(`${set}:\t0000000000000000\n`));
  t.regex(status, /NoNewPrivs:\t1\n/);
  t.regex(status, /Seccomp:\t2\n/);
  broker.close();
  t.is(ask(worker, 1, 3), 3);
  closeSync(worker);
  await eventually(
    () => existsSync(`/proc/${broker.pid}`),
    (isThere) => !isThere,
  );
});

kernelTest('a broker that does not answer is waited for once, and its late answer is not taken for the next', (t) => {
  const world = World.open(t);
  const pod = world.pod({ local: ['10.1.0.2'] });
  const broker = start(t, world);
  broker.addNamespace(1, pod.netns);
  const worker = broker.addWorker();
  t.teardown(() => closeSync(worker));
  t.is(ask(worker, 1), 1);
  process.kill(broker.pid, 'SIGSTOP');
  t.teardown(() => process.kill(broker.pid, 'SIGCONT'));
  t.is(
    codeOf(() => ask(worker, 1, 3)),
    'ETIMEDOUT',
  );
  process.kill(broker.pid, 'SIGCONT');
  t.is(ask(worker, 1, 2), 2);
});

kernelTest('a broker that was killed is told of, and calls to it do nothing', async (t) => {
  const world = World.open(t);
  // A broker keeps no process alive, and so does not keep one waiting for its end.
  const alive = setInterval(() => undefined, 1_000);
  t.teardown(async () => clearInterval(alive));
  const why = new Promise<string>((resolve, reject) => {
    const broker = startBroker({ upstreams: world.datapath.maps.get('upstreams')!, onExit: resolve });
    try {
      const worker = broker.addWorker();
      process.kill(broker.pid, 'SIGKILL');
      t.is(
        codeOf(() => native().receiveDescriptors(worker, 64, 5000)),
        'EPIPE',
      );
      closeSync(worker);
      broker.removeNamespace(1);
      closeSync(broker.addWorker());
    } catch (error) {
      reject(error as Error);
    }
  });
  t.is(await why, 'SIGKILL');
});
