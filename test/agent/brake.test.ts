import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import type { TableItem } from '../../agent/api/items.js';
import { frontendKey } from '../../agent/kernel/frontends.js';
import { valueSizeOf } from '../../agent/kernel/store.js';
import type { Problem } from '../../agent/model/problem.js';
import { Protocol } from '../../agent/tables/layout.gen.js';
import { parseExposition } from '../api/exposition.js';
import { kernelTest } from '../kernel-test.js';
import type { AgentProcess } from './agent-process.js';
import type { Caller } from './caller.js';
import { backends, type Manifest, pod, service } from './objects.js';
import { decidingRows } from './rows.js';
import { eventually, Site } from './site.js';

const vanishing = [1, 2, 3, 4];

/** Four Services with two backends each. */
const most: readonly Manifest[] = vanishing.flatMap((each) => [
  service(`app-${each}`, { addresses: [`10.96.0.${each}`] }),
  ...backends(`app-${each}`, [`10.1.${each}.1`, `10.1.${each}.2`]),
]);

const staying = (netns: string): readonly Manifest[] => [
  service('stays', { addresses: ['10.96.0.9'] }),
  ...backends('stays', ['10.1.9.1']),
  pod('client', { addresses: ['10.1.255.1'], netns }),
];

async function metric(agent: AgentProcess, name: string): Promise<number> {
  const family = parseExposition(await agent.scrape()).get(name);
  return (family?.samples ?? []).reduce((sum, { value }) => sum + value, 0);
}

/** Where a connection to each of the vanishing Services arrives: a number of the Service for a backend of it. */
async function reached(caller: Caller): Promise<readonly number[]> {
  const places: number[] = [];
  for (const each of vanishing) {
    const place = await caller.arrive(`10.96.0.${each}`);
    places.push(Number(/^10\.1\.(\d)\.[12]:8080$/.exec(place)?.[1]));
  }
  return places;
}

function hex(bytes: Uint8Array): readonly string[] {
  return [...bytes].map((byte) => `0x${byte.toString(16)}`);
}

/** Somebody else writes into the tables while the agent is stopped: takes the row of a Service away and empties the slot of its backend. */
async function damage({ agent, pin }: Site, address: string): Promise<void> {
  const key = frontendKey({ address, port: 80, protocol: Protocol.TCP });
  const frontends = await agent.items<TableItem>('tables?table=frontends');
  const slot = Number(/slots (\d+)\+/.exec(frontends.find((row) => row.key.startsWith(`${address}:80 `))!.kernel)![1]);
  agent.signal('SIGSTOP');
  const table = (name: string): string => join(pin, 'maps', name);
  execFileSync('bpftool', ['map', 'delete', 'pinned', table('frontends'), 'key', ...hex(key)]);
  const index = new Uint8Array(Uint32Array.of(slot).buffer);
  const nothing = new Uint8Array(valueSizeOf('slots'));
  execFileSync('bpftool', ['map', 'update', 'pinned', table('slots'), 'key', ...hex(index), 'value', ...hex(nothing)]);
}

kernelTest('what vanishes at once is held for 30 s, then believed; meanwhile, damaged rows are repaired', async (t) => {
  const site = Site.make(t);
  const { agent } = site;
  const house = site.house();
  site.write('most', most);
  site.write('staying', staying(house.name));
  await agent.start();
  const caller = await site.caller(house);
  const before = await decidingRows(agent);
  const held = async (): Promise<number> => (await agent.status()).held;
  t.deepEqual(await reached(caller), vanishing);

  site.remove('most');
  await eventually(held, (count) => count > 0);
  t.is(await held(), most.length);
  t.true((await agent.readyz()).includes('mass-delete-brake degraded'));
  t.true((await agent.readyz()).endsWith('ok\n'));
  t.is(await metric(agent, 'weft_held_objects'), most.length);
  t.true((await agent.items<Problem>('problems')).some(({ code }) => code === 'WEFT0602'));
  t.deepEqual(await reached(caller), vanishing);
  t.deepEqual(await decidingRows(agent), before);

  site.write('most', most);
  await eventually(held, (count) => count === 0);
  t.deepEqual(await decidingRows(agent), before);
  t.false((await agent.readyz()).includes('mass-delete-brake'));

  const since = performance.now();
  site.remove('most');
  await eventually(held, (count) => count === most.length);
  await damage(site, '10.96.0.9');
  t.is(await caller.arrive('10.96.0.9'), '10.96.0.9:80', 'a Service without a row is left alone');
  agent.signal('SIGCONT');
  await eventually(
    () => caller.arrive('10.96.0.9'),
    (place) => place === '10.1.9.1:8080',
    45_000,
  );
  const { drift } = await agent.status();
  t.true(drift >= 2, `${drift} rows`);
  t.is(await metric(agent, 'weft_map_drift_total'), drift);
  t.true((await agent.items<Problem>('problems')).some(({ code }) => code === 'WEFT0607'));

  for (;;) {
    const places = await reached(caller);
    if ((await held()) === 0) break; // what was reached then is neither here nor there
    t.deepEqual(places, vanishing);
  }
  const took = performance.now() - since;
  t.true(took > 30_000 && took < 60_000, `believed after ${took} ms`);
  for (const each of vanishing) t.is(await caller.arrive(`10.96.0.${each}`), `10.96.0.${each}:80`);
  t.is(await caller.arrive('10.96.0.9'), '10.1.9.1:8080');
  t.false((await agent.readyz()).includes('mass-delete-brake'));
});
