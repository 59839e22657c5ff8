import { setTimeout as pause } from 'node:timers/promises';
import type { RouteItem } from '../../agent/api/items.js';
import { kernelTest } from '../kernel-test.js';
import { hugeEndpoints, hugeService, hugeSlice } from './huge.js';
import { type Manifest, pod, service } from './objects.js';
import { type Random, seeded } from './random-mesh.js';
import { eventually, prompt, Site } from './site.js';

const services = 10;
const changes = 200;
/** ms, of interface.md. */
const limit = 500;

/** A Service with one backend, in a file of its own. */
interface App {
  readonly index: number;
  readonly address: string;
  readonly backend: string;
  readonly port: number;
  readonly ready: boolean;
  readonly serving: boolean;
}

function manifests({ address, backend, index, port, ready, serving }: App): readonly Manifest[] {
  return [
    service(`app-${index}`, { addresses: [address], ports: [{ name: 'main', port: 80, targetPort: port }] }),
    pod(`app-${index}-1`, { app: serving ? `app-${index}` : 'nobody', addresses: [backend], ready }),
  ];
}

/** Where a connection to its address arrives. */
function expected({ backend, port, ready, serving }: App): string {
  return ready && serving ? `${backend}:${port}` : 'ECONNREFUSED';
}

/** One thing about the app that has an effect: an address, a port, readiness, a label. */
function change(app: App, random: Random): App {
  const ports = [8080, 8081, 9090];
  const other = (app.backend.endsWith('.1') ? 2 : 1).toString();
  if (!app.ready) return { ...app, ready: true };
  if (!app.serving) return { ...app, serving: true };
  switch (random(5)) {
    case 0:
      return { ...app, backend: `10.1.${app.index}.${other}` };
    case 1:
      return { ...app, port: ports[(ports.indexOf(app.port) + 1) % ports.length]! };
    case 2:
      return { ...app, ready: false };
    case 3:
      return { ...app, serving: false };
    default:
      return { ...app, address: app.address.replace(/\d+$/, (last) => `${(Number(last) + 100) % 200}`) };
  }
}

kernelTest(`${changes} single changes of files are effective within ${limit} ms`, async (t) => {
  t.timeout(300_000);
  const random = seeded(7);
  const site = Site.make(t);
  const house = site.house();
  const apps = Array.from({ length: services }, (_, index): App => {
    const address = `10.96.${index}.1`;
    return { index, address, backend: `10.1.${index}.1`, port: 8080, ready: true, serving: true };
  });
  for (const app of apps) site.write(`app-${app.index}`, manifests(app));
  site.write('client', [pod('client', { addresses: ['10.1.255.1'], netns: house.name })]);
  await site.agent.start();
  const caller = await site.caller(house);
  const took: number[] = [];
  for (let each = 0; each < changes; each++) {
    const index = random(services);
    const app = change(apps[index]!, random);
    apps[index] = app;
    await pause(random(30));
    const began = performance.now();
    site.write(`app-${index}`, manifests(app));
    await eventually(
      () => caller.arrive(app.address),
      (place) => place === expected(app),
    );
    took.push(performance.now() - began);
  }
  for (const app of apps) t.is(await caller.arrive(app.address), expected(app), 'and nothing else has changed');
  took.sort((a, b) => a - b);
  const quantile = (share: number): number => Math.round(took[Math.floor(share * (changes - 1))]!);
  t.log(`p50 ${quantile(0.5)} ms, p99 ${quantile(0.99)} ms, at most ${quantile(1)} ms`);
  t.true(quantile(0.95) < limit, `${quantile(0.95)} ms`);
  t.true(quantile(1) < prompt, `${quantile(1)} ms`);
});

kernelTest(`${hugeEndpoints} endpoints are there within 5 s, and a change of one within ${limit} ms`, async (t) => {
  const site = Site.make(t);
  for (const [name, objects] of Object.entries(hugeService())) site.write(name, objects);
  const started = await site.agent.start();
  const took: number[] = [];
  for (let each = 0; each < 21; each++) {
    const unready = each % 2 === 0 ? each : -1;
    const began = performance.now();
    site.write('slice-7', [hugeSlice(7, unready)]);
    await eventually(
      async () => (await site.agent.items<RouteItem>('routes'))[0]!.usable,
      (usable) => usable === (unready < 0 ? hugeEndpoints : hugeEndpoints - 1),
    );
    took.push(performance.now() - began);
  }
  took.sort((a, b) => a - b);
  t.log(`ready after ${Math.round(started)} ms; p50 ${Math.round(took[10]!)} ms, at most ${Math.round(took[20]!)} ms`);
  t.true(started < 5_000, `${started} ms`);
  t.true(took[10]! < limit, `${took[10]} ms`);
  t.true(took[20]! < prompt, `${took[20]} ms`);
});
