import type { ExecutionContext } from 'ava';
import { type Manifest, pod, service } from '../../agent/objects.js';
import { eventually } from '../../agent/site.js';
import { kernelTest } from '../../kernel-test.js';
import { Client } from '../live/client.js';
import { openStage, type Stage } from '../live/stage.js';
import { either, patienceMs } from './form.js';
import { Server } from './server.js';

const replicas = 4;

/** Requests to a new Pod after which it counts as known to all workers. */
const known = 100;

interface Replica {
  readonly name: string;
  readonly address: string;
  readonly server: Server;
  isTerminating: boolean;
}

/** A Deployment's Pods as its controller replaces them. */
class Deployment {
  readonly #stage: Stage;
  #replicas: readonly Replica[] = [];
  #made = 0;

  constructor(t: ExecutionContext, stage: Stage) {
    this.#stage = stage;
    t.teardown(() => Promise.all(this.#replicas.map(({ server }) => server.kill())));
  }

  /** How many Pods there have been. */
  get made(): number {
    return this.#made;
  }

  /** Returns the new ones. */
  async scale(count: number): Promise<readonly Replica[]> {
    const added = await Promise.all(Array.from({ length: count }, () => this.#add()));
    this.#replicas = [...this.#replicas, ...added];
    this.#write();
    return added;
  }

  /** New Pods become ready and get requests, then as many old ones are deleted: not ready, terminating, and SIGTERM to their servers at the same time. */
  async replace(count: number): Promise<void> {
    const old = this.#replicas.slice(0, count);
    const added = await this.scale(count);
    await eventually(
      () => Promise.all(added.map(({ server }) => server.requests())),
      (counts) => counts.every((requests) => requests >= known),
      60_000,
    );
    for (const replica of old) replica.isTerminating = true;
    this.#write();
    await Promise.all(old.map(({ server }) => server.leave()));
    this.#replicas = this.#replicas.slice(count);
    this.#write();
  }

  async #add(): Promise<Replica> {
    const number = ++this.#made;
    const address = `10.1.${(number >> 8) + 1}.${number & 255}`;
    const server = new Server({ netns: this.#stage.house.path });
    await server.listen(address, 8080, 5);
    return { name: `shop-${number}`, address, server, isTerminating: false };
  }

  #write(): void {
    const pods: Manifest[] = this.#replicas.map(({ name, address, isTerminating }) =>
      pod(name, { app: 'shop', addresses: [address], ready: !isTerminating, terminating: isTerminating }),
    );
    this.#stage.site.write('deployment', pods);
  }
}

kernelTest('a rolling replacement of all backends under load fails no request', async (t) => {
  t.timeout(patienceMs);
  const stage = await openStage(t, [
    service('shop', {
      addresses: ['10.96.0.1'],
      ports: [{ name: 'http', port: 80, targetPort: 8080 }],
      annotations: { 'weft.dev/l7': 'enabled' },
    }),
  ]);
  const deployment = new Deployment(t, stage);
  await deployment.scale(replicas);
  const { client, house, site } = stage;
  const fresh = new Client({ netns: house.path, cgroup: site.cgroup });
  t.teardown(() => fresh.kill());
  const ask = { address: '10.96.0.1', port: 80 };
  await eventually(
    () => client.spread(ask, 64),
    (counts) => Object.keys(counts).every((name) => name.startsWith('10.1.')),
  );
  await client.load({ ...ask, connections: 12 });
  // A rate that leaves ports: each that a connection had rests for a minute.
  await fresh.load({ ...ask, connections: 12, rate: 300, fresh: true });
  for (let turn = 0; turn < either(90, 6); turn++) await deployment.replace(turn % 3 === 2 ? replicas : 1);
  const results = await Promise.all([client.stop(), fresh.stop()]);
  t.log(...results, `${deployment.made - replicas} Pods replaced`);
  for (const { failed, failures, reopened } of results) {
    t.is(failed, 0, JSON.stringify(failures));
    t.is(reopened, 0);
  }
});
