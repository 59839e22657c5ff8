import { chmodSync } from 'node:fs';
import { kernelTest } from '../kernel-test.js';
import { weft } from './agent-process.js';
import { backends, pod, service } from './objects.js';
import { Site } from './site.js';

const questions: readonly (readonly string[])[] = [
  ['status'],
  ['get', 'services'],
  ['get', 'tables'],
  ['explain', '--from', 'default/client', '--to', 'web'],
  ['flows'],
  ['drain', 'default/web-1'],
  ['weight', 'default/web', 'default/web-1=2'],
];

kernelTest('commands work with an agent, end with 69 without one and with 77 for another user', async (t) => {
  const site = Site.make(t);
  const house = site.house();
  site.write('mesh', [
    service('web', { addresses: ['10.96.0.1'] }),
    ...backends('web', ['10.1.0.1', '10.1.0.2']),
    pod('client', { addresses: ['10.1.255.1'], netns: house.name }),
  ]);
  for (const words of questions) {
    const { code, stderr, stdout } = await site.agent.weft(...words);
    t.is(code, 69, words.join(' '));
    t.regex(stderr, /no agent at/);
    t.is(stdout, '');
  }
  await site.agent.start();
  chmodSync(site.directory, 0o755);
  for (const words of questions) {
    const { code, stderr } = await site.agent.weft(...words);
    t.is(code, 0, `${words.join(' ')}: ${stderr}`);
  }
  // May read the code, wherever the checkout is, but not write to the socket.
  const reads = ['--inh-caps', '+dac_read_search', '--ambient-caps', '+dac_read_search'];
  const stranger = ['setpriv', '--reuid', '65534', '--regid', '65534', '--clear-groups', ...reads, '--'];
  const denied = await weft(['status'], { WEFT_API: site.agent.api }, stranger);
  t.is(denied.code, 77, denied.stderr);
  t.regex(denied.stderr, /not permitted/);

  const caller = await site.caller(house);
  t.deepEqual(await caller.count(20, '10.96.0.1'), { '10.1.0.2:8080': 20 }, 'web-1 is drained');
  t.is((await site.agent.weft('undrain', 'default/web-1')).code, 0);
  t.is((await site.agent.weft('weight', 'default/web', 'default/web-1=1', 'default/web-2=0')).code, 0);
  t.deepEqual(await caller.count(20, '10.96.0.1'), { '10.1.0.1:8080': 20 });
  t.is((await site.agent.weft('weight', 'default/web', '--clear')).code, 0);
  t.is(Object.keys(await caller.count(100, '10.96.0.1')).length, 2);

  t.is((await site.agent.weft('explain', '--from', 'default/nobody', '--to', 'web')).code, 1);
  t.is((await site.agent.weft('weight', 'default/none', 'default/web-1=1')).code, 1);
  t.is((await site.agent.weft('weight', 'default/web', 'default/web-1=70000')).code, 64);
  t.is((await site.agent.weft('get', 'nonsense')).code, 64);
  const status = JSON.parse((await site.agent.weft('status', '-o', 'json')).stdout);
  t.true(status.ready);
});

kernelTest('flows name what was connected, and diff what applying would change', async (t) => {
  const site = Site.make(t);
  const house = site.house();
  site.write('mesh', [
    service('web', { addresses: ['10.96.0.1'] }),
    ...backends('web', ['10.1.0.1']),
    pod('client', { addresses: ['10.1.255.1'], netns: house.name }),
  ]);
  await site.agent.start();
  const caller = await site.caller(house);
  await caller.count(3, '10.96.0.1');
  const lines = (await site.agent.text('/v1/flows')).trim().split('\n');
  const flows = lines.map((line) => JSON.parse(line) as Readonly<Record<string, unknown>>);
  const opened = flows.filter(({ event, service: to }) => event === 'open' && to === 'default/web');
  t.is(opened.length, 3, JSON.stringify(flows.map(({ event }) => event)));
  for (const flow of opened) {
    t.is(flow.from, 'default/client');
    t.is(flow.backend, 'default/web-1');
    t.is(flow.serviceAddress, '10.96.0.1');
    t.is(flow.backendAddress, '10.1.0.1');
  }
  const { code, stdout } = await site.agent.weft('diff', site.manifests, '-o', 'json');
  t.is(code, 0);
  t.deepEqual(JSON.parse(stdout).items, []);
});
