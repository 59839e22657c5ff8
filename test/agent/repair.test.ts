import { execFileSync } from 'node:child_process';
import { readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { kernelTest } from '../kernel-test.js';
import { backends, pod, service } from './objects.js';
import { eventually, Site } from './site.js';

kernelTest('a program that was detached, and pins that were removed, are put back', async (t) => {
  const site = Site.make(t);
  const house = site.house();
  site.write('mesh', [
    service('web', { addresses: ['10.96.0.1', 'fd00:96::1'] }),
    ...backends('web', ['10.1.0.1', 'fd00:1::1']),
    pod('client', { addresses: ['10.1.255.1'], netns: house.name }),
  ]);
  await site.agent.start();
  const caller = await site.caller(house);
  t.is(await caller.arrive('10.96.0.1'), '10.1.0.1:8080');
  const links = join(site.pin, 'links');
  const pinned = readdirSync(links);

  // Stopped, so that it repairs none before all are detached.
  site.agent.signal('SIGSTOP');
  for (const name of pinned) execFileSync('bpftool', ['link', 'detach', 'pinned', join(links, name)]);
  t.is(await caller.arrive('10.96.0.1'), '10.96.0.1:80', 'nobody redirects now');
  site.agent.signal('SIGCONT');
  const patience = 10_000;
  await eventually(
    () => caller.arrive('10.96.0.1'),
    (place) => place === '10.1.0.1:8080',
    patience,
  );
  await eventually(
    () => caller.arrive('fd00:96::1'),
    (place) => place === '[fd00:1::1]:8080',
    patience,
  );
  // Said after all repairs of a round: a redirected connection may be seen before.
  await eventually(
    () => site.agent.log,
    (log) => log.includes('was detached from'),
    patience,
  );
  t.deepEqual(readdirSync(links), pinned);

  rmSync(join(links, pinned[0]!));
  rmSync(join(site.pin, 'maps', 'slots'));
  await eventually(
    () => [...readdirSync(links), ...readdirSync(join(site.pin, 'maps'))],
    (names) => names.includes(pinned[0]!) && names.includes('slots'),
    patience,
  );
  t.is(await caller.arrive('10.96.0.1'), '10.1.0.1:8080');
  await site.agent.kill();
  await site.agent.start();
  t.is(await caller.arrive('10.96.0.1'), '10.1.0.1:8080');
});
