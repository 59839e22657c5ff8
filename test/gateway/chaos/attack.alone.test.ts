import { spawnSync } from 'node:child_process';
import { setTimeout as pause } from 'node:timers/promises';
import type { ExecutionContext } from 'ava';
import { backends, service } from '../../agent/objects.js';
import { eventually } from '../../agent/site.js';
import { kernelTest } from '../../kernel-test.js';
import { Client, type LoadResult } from '../live/client.js';
import { openStage } from '../live/stage.js';
import { type Attack, Attacker, type Toll } from './attacker.js';
import { either, median, patienceMs } from './form.js';
import { memoryOf, workersOf } from './gateway-processes.js';
import { ingressOf } from './ingress.js';
import { serve } from './server.js';

const rounds = 5;
/** Series of rounds until one is met: other programs on the machine slow some of them. */
const mostSeries = 2;
/** The long one sees heads time out too, which they do after 10 s. */
const windowMs = either(12_000, 1_000);
const gib = 2 ** 30;
const slowRate = 64 * 1024;
/** Of a worker, in MiB. */
const mostMemory = 256;

const outside = { address: '127.0.0.1', port: 8000 } as const;
const none = { ...outside, connections: 1, path: '/', size: 0, rate: 0 };

/**
 * Runs a process before all that have no such priority (SCHED_RR). What is measured is what an attacker does through the gateway: that it runs on this
 * machine, and other programs too, would only blur it. Returns false where that is refused: it takes CAP_SYS_NICE and a budget of the cgroup's.
 */
function prefer(pid: number, priority: number): boolean {
  return spawnSync('chrt', ['--all-tasks', '--rr', '--pid', `${priority}`, `${pid}`]).status === 0;
}

/** What is attacked, and the clients that notice. */
class Scene {
  readonly attackers: readonly Attacker[];
  readonly #witnesses: readonly (readonly [client: Client, address: string, port: number])[];
  readonly workers: () => readonly number[];

  private constructor(
    attackers: readonly Attacker[],
    witnesses: readonly (readonly [Client, string, number])[],
    workers: () => readonly number[],
  ) {
    this.attackers = attackers;
    this.#witnesses = witnesses;
    this.workers = workers;
  }

  static async open(t: ExecutionContext, attackers: number): Promise<Scene> {
    const addresses = ['10.1.0.1', '10.1.0.2'];
    const { client, house, site } = await openStage(
      t,
      [
        service('shop', { addresses: ['10.96.0.1'], ports: [{ name: 'http', port: 80, targetPort: 8080 }] }),
        ...backends('shop', addresses),
        ...ingressOf('shop', outside.port),
      ],
      { isolated: true, options: ['--workers', '2'] },
    );
    const node = { netns: site.node!.path };
    const servers = [...(await serve(t, { netns: house.path }, addresses)), ...(await serve(t, node, addresses))];
    const guest = new Client(node);
    const hostile = Array.from({ length: attackers }, () => new Attacker(node));
    t.teardown(() => Promise.all([guest, ...hostile].map((each) => each.kill())));
    await eventually(
      () => guest.ask(outside),
      ({ status }) => status === 200,
    );
    const witnesses = [
      [client, '10.96.0.1', 80],
      [guest, outside.address, outside.port],
    ] as const;
    const scene = new Scene(hostile, witnesses, () => workersOf(site.pin));
    const preferred = [
      ...[client, guest, ...servers].map(({ pid }) => prefer(pid, 2)),
      ...scene.workers().map((pid) => prefer(pid, 1)),
    ];
    if (preferred.includes(false)) t.log('chrt is refused: other programs of the machine are measured too');
    await scene.measure(1_000);
    return scene;
  }

  /** Steady traffic for a while, kept connections through the Service and new ones from outside. Returns the worse of both p99, ms. */
  async measure(ms: number): Promise<number> {
    const [inside, guest] = this.#witnesses.map(([client, address, port], i) => {
      return { client, plan: { address, port, connections: 4, rate: 150, fresh: i === 1 } };
    });
    await inside!.client.load(inside!.plan);
    await guest!.client.load(guest!.plan);
    await pause(ms);
    const results: readonly LoadResult[] = [await inside!.client.stop(), await guest!.client.stop()];
    for (const { failed, failures } of results) if (failed > 0) throw new Error(JSON.stringify(failures));
    return Math.max(...results.map(({ p99 }) => p99));
  }

  /** A series of rounds without and under the attack by turns. Returns whether the medians are close. */
  async compare(
    t: ExecutionContext,
    attacks: readonly Attack[],
    isUnderWay: (toll: Toll) => boolean,
  ): Promise<boolean> {
    const calm: number[] = [];
    const attacked: number[] = [];
    for (let i = 0; i < rounds; i++) {
      calm.push(await this.measure(windowMs));
      await Promise.all(this.attackers.map((attacker, at) => attacker.start(attacks[at]!)));
      for (const attacker of this.attackers) await eventually(() => attacker.toll(), isUnderWay, 20_000);
      attacked.push(await this.measure(windowMs));
      await Promise.all(this.attackers.map((attacker) => attacker.stop()));
      await pause(300);
    }
    const [before, after] = [median(calm), median(attacked)];
    const ms = (values: readonly number[]): string => values.map((value) => value.toFixed(1)).join(' ');
    t.log(`p99 in ms: ${ms(calm)} without, ${ms(attacked)} under it; medians ${ms([before, after])}`);
    return after <= Math.max(2 * before, before + 20);
  }

  /** MiB, of the largest worker. */
  memory(): number {
    return Math.max(...this.workers().map((pid) => memoryOf(pid).most));
  }
}

/** Measures other traffic without and under the attack by turns, and what becomes of the workers' memory. */
async function under(
  t: ExecutionContext,
  attacks: readonly Attack[],
  isUnderWay: (toll: Toll) => boolean,
): Promise<readonly Toll[]> {
  t.timeout(patienceMs);
  const scene = await Scene.open(t, attacks.length);
  const workers = scene.workers();
  let isMet = false;
  for (let series = 0; series < mostSeries && !isMet; series++) isMet = await scene.compare(t, attacks, isUnderWay);
  const tolls = await Promise.all(scene.attackers.map((attacker) => attacker.toll()));
  t.log(`a worker had at most ${scene.memory().toFixed(0)} MiB`, ...tolls);
  t.true(isMet, 'other traffic was slowed');
  t.true(scene.memory() < mostMemory, `${scene.memory()} MiB`);
  t.deepEqual(scene.workers(), workers, 'no worker ended');
  return tolls;
}

kernelTest('a slowloris of 5 000 connections hardly slows other traffic', async (t) => {
  const connections = 5_000;
  const [toll] = await under(t, [{ ...none, kind: 'slowloris', connections }], ({ open }) => open >= connections);
  t.true(toll!.opened >= connections);
});

for (const kind of ['rapid-reset', 'settings', 'ping'] as const) {
  kernelTest(`HTTP/2 floods hardly slow other traffic: ${kind}`, async (t) => {
    const [toll] = await under(t, [{ ...none, kind, connections: 4 }], ({ sentBytes }) => sentBytes > 100_000);
    t.true(toll!.sentBytes > 0);
    if (kind !== 'ping') t.true(toll!.ended > 4, 'its connections are ended');
  });
}

kernelTest('a 1 GiB upload and download with readers of 64 KiB/s hardly slow other traffic', async (t) => {
  const connections = 4;
  const sizes = { connections, size: gib, rate: slowRate } as const;
  const [upload, download] = await under(
    t,
    [
      { ...none, ...sizes, kind: 'upload', path: `/slow-sink?rate=${slowRate}` },
      { ...none, ...sizes, kind: 'download', path: `/gush?size=${gib}` },
    ],
    ({ open }) => open === connections,
  );
  // What is on its way is bounded by sockets' and streams' buffers, whatever the rest of the body is.
  t.true(upload!.sentBytes / upload!.opened < 64 * 2 ** 20);
  t.true(download!.receivedBytes > 0);
});
