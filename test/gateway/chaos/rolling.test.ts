import { setTimeout as pause } from 'node:timers/promises';
import type { ExecutionContext } from 'ava';
import { type Manifest, pod, service } from '../../agent/objects.js';
import { kernelTest } from '../../kernel-test.js';
import { Client } from '../live/client.js';
import { openStage, type Stage } from '../live/stage.js';
import { either, patienceMs } from './form.js';
import { Server } from './server.js';

const replicas = 4;

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

  async scale(count: number): Promise<void> {
    const added = await Promise.all(Array.from({ length: count }, () => this.#add()));
    this.#replicas = [...this.#replicas, ...added];
    this.#write();
  }

  /** New Pods become ready, then as many old ones are deleted: not ready, terminating, and SIGTERM to their servers at the same time. */
  async replace(count: number): Promise<void> {
    const old = this.#replicas.slice(0, count);
    await this.scale(count);
    await pause(300);
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
  await pause(600);
  const kept = either(80_000, 8_000);
  const plan = { address: '10.96.0.1', port: 80, connections: 12 } as const;
  await client.load({ ...plan, requests: kept });
  await fresh.load({ ...plan, requests: either(24_000, 2_400), fresh: true });
  const loaded = Promise.all([client.loaded(), fresh.loaded()]);
  let isOver = false;
  void loaded.then(() => {
    isOver = true;
  });
  for (let i = 0; !isOver; i++) await deployment.replace(i % 3 === 2 ? replicas : 1);
  const results = await loaded;
  t.log(...results, `${deployment.made - replicas} Pods replaced`);
  t.true(deployment.made >= 2 * replicas);
  for (const { failed, failures, reopened } of results) {
    t.is(failed, 0, JSON.stringify(failures));
    t.is(reopened, 0);
  }
});
