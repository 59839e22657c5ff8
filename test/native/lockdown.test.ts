import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { native } from '../../agent/kernel/native.js';
import { kernelTest } from '../kernel-test.js';
import { failure } from './words.js';

const child = fileURLToPath(new URL('./lockdown-child.js', import.meta.url));

kernelTest('lockDown takes everything from all threads, and leaves what a proxy needs', (t) => {
  const found = JSON.parse(execFileSync(process.execPath, [child], { encoding: 'utf8' }));
  const nobody = [
    'Uid: 65534 65534 65534 65534',
    'Gid: 65534 65534 65534 65534',
    'Groups:',
    ...['CapInh', 'CapPrm', 'CapEff', 'CapAmb'].map((set) => `${set}: 0000000000000000`),
    'NoNewPrivs: 1',
    'Seccomp: 2',
  ];
  t.true(found.threads > 6, `${found.threads} threads`);
  t.deepEqual(found.states, [nobody]);
  t.deepEqual(found.later, [nobody]);
  t.like(found, { execve: 'EPERM', setns: 'EPERM', unshare: 'EPERM', bpf: 'EPERM', root: 'EACCES', twice: 'EPERM' });
  t.like(found, { derived: 32, started: 1, greeting: 'hello' });
});

kernelTest('lockDown does not stay root', (t) => {
  for (const options of [{ uid: 0, gid: 65534 }, { uid: 65534, gid: 0 }, { uid: -1, gid: 1 }, {}, 'nobody'])
    t.is(failure(() => native().lockDown(options as { uid: number; gid: number })).code, 'EINVAL');
});
