import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { kernelTest } from '../kernel-test.js';
import { weft } from './agent-process.js';
import { backends, type Manifest, pod, service } from './objects.js';
import { eventually, type House, Site } from './site.js';

function mesh(house: House, address = '10.1.0.1'): readonly Manifest[] {
  return [
    service('web', { addresses: ['10.96.0.1'] }),
    ...backends('web', [address]),
    pod('client', { addresses: ['10.1.255.1'], netns: house.name }),
  ];
}

/** What `weft run` with these places says and how it ends, when it cannot start. */
function runAgain(site: Site, places: { readonly cgroup?: string; readonly pin?: string; readonly api?: string }) {
  const {
    cgroup = site.cgroup,
    pin = `${site.pin}-other`,
    api = `unix:${join(site.directory, 'other.sock')}`,
  } = places;
  const words = ['--manifests', site.manifests, '--cgroup', cgroup, '--pin', pin, '--api', api];
  return weft(['run', ...words, '--metrics', '127.0.0.1:0']);
}

kernelTest('a second agent on the same pins, on an overlapping cgroup or on the same socket refuses', async (t) => {
  const site = await Site.open(t);
  const parent = join(site.cgroup, '..');
  const child = join(site.cgroup, 'below');
  mkdirSync(child);
  try {
    const samePin = await runAgain(site, { pin: site.pin });
    t.is(samePin.code, 1);
    t.regex(samePin.stderr, /another agent uses the pin directory/);
    for (const cgroup of [site.cgroup, parent, child]) {
      const { code, stderr } = await runAgain(site, { cgroup });
      t.is(code, 1, cgroup);
      t.regex(stderr, /overlaps with .* which another Weft captures/, cgroup);
    }
  } finally {
    rmdirSync(child);
    await weft(['cleanup', '--pin', `${site.pin}-other`]);
  }
  const beside = Site.make(t);
  const sameSocket = await runAgain(beside, { cgroup: beside.cgroup, pin: beside.pin, api: site.agent.api });
  t.is(sameSocket.code, 1);
  t.regex(sameSocket.stderr, /something answers on/);
  t.true(site.agent.isRunning);
});

kernelTest('agents on separate cgroups and pins do not disturb each other', async (t) => {
  const sites = [Site.make(t), Site.make(t)];
  const houses = sites.map((site) => site.house());
  for (const [index, site] of sites.entries()) site.write('mesh', mesh(houses[index]!, `10.1.0.${index + 1}`));
  for (const site of sites) await site.agent.start();
  const callers = [await sites[0]!.caller(houses[0]!), await sites[1]!.caller(houses[1]!)];
  t.is(await callers[0]!.arrive('10.96.0.1'), '10.1.0.1:8080');
  t.is(await callers[1]!.arrive('10.96.0.1'), '10.1.0.2:8080');
  await sites[0]!.agent.stop();
  t.is((await weft(['cleanup', '--pin', sites[0]!.pin])).code, 0);
  t.is(await callers[0]!.arrive('10.96.0.1'), '10.96.0.1:80');
  t.is(await callers[1]!.arrive('10.96.0.1'), '10.1.0.2:8080');
});

kernelTest(
  'SIGTERM leaves the pins and the traffic, twice is once; cleanup refuses a running agent and removes all',
  async (t) => {
    const site = Site.make(t);
    const house = site.house();
    site.write('mesh', mesh(house));
    await site.agent.start();
    const outside = await site.caller(house, false);
    t.is(await outside.arrive('10.96.0.1'), '10.96.0.1:80', 'a process outside of the cgroup is not captured');
    await outside.kill();
    const caller = await site.caller(house);
    await caller.keep(1, '10.96.0.1');

    const refused = await weft(['cleanup', '--pin', site.pin]);
    t.is(refused.code, 1);
    t.regex(refused.stderr, /an agent runs on/);
    t.is(await caller.arrive('10.96.0.1'), '10.1.0.1:8080');

    site.agent.signal('SIGTERM');
    site.agent.signal('SIGTERM');
    t.is(await site.agent.ended(), 0);
    t.true(existsSync(join(site.pin, 'maps', 'frontends')));
    t.is(await caller.arrive('10.96.0.1'), '10.1.0.1:8080');
    t.is(await caller.exchange(0), 'ping!');

    const rehearsed = await weft(['cleanup', '--pin', site.pin, '--dry-run', '-o', 'json']);
    t.is(await caller.arrive('10.96.0.1'), '10.1.0.1:8080');
    const cleaned = await weft(['cleanup', '--pin', site.pin, '-o', 'json']);
    t.is(cleaned.code, 0);
    t.deepEqual(JSON.parse(cleaned.stdout).removed, JSON.parse(rehearsed.stdout).removed);
    t.false(existsSync(site.pin));
    t.is(await caller.arrive('10.96.0.1'), '10.96.0.1:80');
    t.is(await caller.exchange(0), 'ping!');
    t.is((await weft(['cleanup', '--pin', site.pin])).code, 0, 'again is no error');
  },
);

kernelTest('a stale socket is replaced; a file that is no socket is not', async (t) => {
  const site = Site.make(t);
  const path = site.agent.api.slice('unix:'.length);
  const dying = spawn(process.execPath, ['-e', `require('net').createServer().listen('${path}', () => console.log())`]);
  await once(dying.stdout, 'data');
  dying.kill('SIGKILL');
  await once(dying, 'exit');
  t.true(existsSync(path));
  await site.agent.start();
  t.is(await site.agent.stop(), 0);
  await site.agent.start();
  t.true((await site.agent.status()).ready);

  const beside = Site.make(t);
  const { code, stderr } = await runAgain(beside, {
    cgroup: beside.cgroup,
    pin: beside.pin,
    api: `unix:${beside.manifests}`,
  });
  t.is(code, 1);
  t.regex(stderr, /is no socket/);
});

kernelTest('the agent is ready only after the canary, and its metrics listener says so too', async (t) => {
  const site = Site.make(t, { manifests: [service('web', { addresses: ['10.96.0.1'] })] });
  writeFileSync(join(site.cgroup, 'cgroup.freeze'), '1');
  site.agent.launch();
  await eventually(
    () => site.agent.scrape('/readyz').catch(() => ''),
    (text) => text.startsWith('[+]sources ok\n[+]tables ok\n[+]gateway ok\n[-]canary failed: '),
  );
  t.is(await site.agent.readyz(), '');
  t.is(await site.agent.scrape('/healthz'), 'ok\n');
  t.false((await site.agent.status()).ready);
  writeFileSync(join(site.cgroup, 'cgroup.freeze'), '0');
  await eventually(
    () => site.agent.readyz(),
    (text) => text !== '',
  );
  t.is(await site.agent.scrape('/readyz'), 'ok\n');
  t.is(await site.agent.scrape('/readyz?verbose'), '[+]sources ok\n[+]tables ok\n[+]gateway ok\n[+]canary ok\nok\n');
});
