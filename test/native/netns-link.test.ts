import { execFileSync } from 'node:child_process';
import { statSync } from 'node:fs';
import { basename, join } from 'node:path';
import { native } from '../../agent/kernel/native.js';
import { eventually } from '../kernel/world.js';
import { kernelTest } from '../kernel-test.js';
import { compile } from './clang.js';
import { makeBpffs, makeNamespace } from './scratch.js';
import { failure } from './words.js';

kernelTest('a link to a namespace lives by its pin, takes another program, and ends with the namespace', async (t) => {
  const object = native().openObject(compile('lookup'), 'lookup');
  object.load();
  const [drop, pass] = [object.program('drop_all'), object.program('pass_all')];
  const netns = makeNamespace();
  const inode = statSync(netns).ino;
  const own = { address: '127.0.0.1', port: 7082 };
  const listener = native().socketIn(netns, { family: 4, protocol: 'TCP', bind: own, listen: 8 });
  const dial = (): string => {
    const script = `import socket; socket.create_connection(('127.0.0.1', 7082), 5)`;
    try {
      execFileSync('nsenter', [`--net=${netns}`, '/usr/bin/python3', '-c', script], { stdio: 'pipe' });
      return 'connected';
    } catch (error) {
      return /ConnectionRefused/.test(String((error as { stderr: Buffer }).stderr)) ? 'refused' : String(error);
    }
  };
  t.is(dial(), 'connected');
  const link = drop.attachNetns(netns);
  t.is(dial(), 'refused');
  const pin = join(makeBpffs(), 'link');
  link.pin(pin);
  link.close();
  t.is(dial(), 'refused');
  const again = native().openLink(pin);
  t.like(again.info(), { programId: drop.info().id, netnsInode: inode, cgroupId: 0n });
  again.update(pass);
  t.is(again.info().programId, pass.info().id);
  t.is(dial(), 'connected');
  native().closeFd(listener);
  execFileSync('ip', ['netns', 'del', basename(netns)]);
  // The kernel takes namespaces apart in the background.
  await eventually(
    () => again.info().netnsInode,
    (left) => left === 0,
  );
  t.is(failure(() => again.update(drop)).code, 'ENOLINK');
  t.is(failure(() => drop.attachNetns('/etc/hostname')).code, 'EINVAL');
  t.is(failure(() => drop.attachNetns('/run/netns/nowhere')).code, 'ENOENT');
  for (const each of [again, drop, pass, object]) each.close();
});
