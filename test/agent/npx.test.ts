import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { kernelTest } from '../kernel-test.js';
import { eventually, Site } from './site.js';

const main = fileURLToPath(new URL('../../agent/main.js', import.meta.url));

kernelTest('an agent ends in order when the shell that npx started it through is told to', async (t) => {
  const site = Site.make(t);
  const { agent, cgroup, directory, pin } = site;
  const manifests = join(directory, 'none');
  mkdirSync(manifests);
  const places = ['--cgroup', cgroup, '--pin', pin, '--api', agent.api, '--metrics', '127.0.0.1:0'];
  const line = [process.execPath, main, 'run', '--manifests', manifests, ...places]
    .map((word) => `'${word}'`)
    .join(' ');
  // npx waits in such a shell, too.
  const shell = spawn('sh', ['-c', `${line} & echo $!; wait`], {
    env: { ...process.env, npm_lifecycle_event: 'npx' },
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  const [first] = (await once(shell.stdout, 'data')) as [Buffer];
  const pid = Number(first.toString());
  t.teardown(() => {
    try {
      process.kill(pid, 'SIGKILL');
    } catch {
      // It has ended, as it should.
    }
  });
  await eventually(
    () => agent.readyz(),
    (checks) => checks !== '',
    20_000,
  );
  shell.kill('SIGTERM');
  await eventually(
    async () => existsSync(`/proc/${pid}`),
    (isThere) => !isThere,
  );
  t.true(existsSync(join(pin, 'links')), 'the pins stay');
});
