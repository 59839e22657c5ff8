import { execFileSync, spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createConnection, createServer, type Socket } from 'node:net';
import { native } from '../../agent/kernel/native.js';
import { kernelTest } from '../kernel-test.js';
import { makeBpffs, makeDirectory } from './scratch.js';
import { failure } from './words.js';

kernelTest('a lock is held once, on directories and on bpffs, and again after its release', (t) => {
  for (const path of [makeDirectory(), makeBpffs()]) {
    const lock = native().lock(path);
    t.truthy(lock);
    t.is(native().lock(path), null);
    t.is(spawnSync('flock', ['--nonblock', path, 'true']).status, 1, 'another process sees it too');
    lock!.release();
    lock!.release();
    t.is(spawnSync('flock', ['--nonblock', path, 'true']).status, 0);
    const again = native().lock(path);
    t.truthy(again);
    again!.release();
  }
  t.like(
    failure(() => native().lock('/nowhere')),
    { operation: 'lock', object: '/nowhere', code: 'ENOENT' },
  );
});

kernelTest('bpffs is mounted once', (t) => {
  const path = makeDirectory();
  t.true(native().mountBpffs(path));
  t.false(native().mountBpffs(path));
  t.true(readFileSync('/proc/self/mountinfo', 'utf8').includes(` ${path} `));
  execFileSync('umount', [path]);
  t.like(
    failure(() => native().mountBpffs(`${path}/none`)),
    { operation: 'mount', code: 'ENOENT' },
  );
});

kernelTest('the peer of a Unix socket is this process', async (t) => {
  const path = `${makeDirectory()}/socket`;
  const server = createServer();
  const accepted = new Promise<Socket>((resolve) => server.once('connection', resolve));
  await new Promise<void>((resolve) => server.listen(path, resolve));
  const client = createConnection(path);
  const { fd } = ((await accepted) as unknown as { _handle: { fd: number } })._handle;
  t.deepEqual(native().peer(fd), { uid: 0, gid: 0, pid: process.pid });
  client.destroy();
  server.close();
  const tcp = native().socketIn('/proc/self/ns/net', { family: 4, protocol: 'TCP' });
  t.is(failure(() => native().peer(tcp)).operation, 'socket_peer');
  native().closeFd(tcp);
});

kernelTest('clocks go forward in nanoseconds, CPUs are counted', (t) => {
  const before = process.hrtime.bigint();
  const monotonic = native().monotonicNs();
  t.true(before <= monotonic && monotonic <= process.hrtime.bigint());
  t.true(native().boottimeNs() >= monotonic);
  t.true(native().possibleCpus() >= 1);
});

kernelTest('a helper process moves its main thread to a network of its own, with lo up', (t) => {
  const addon = new URL('../../agent/kernel/native.js', import.meta.url).href;
  const script = `
    const { native } = await import('${addon}');
    const { networkInterfaces } = await import('node:os');
    native().unshareNetwork();
    const own = native().netnsCookie('/proc/thread-self/ns/net');
    const lo = Object.keys(networkInterfaces()).join();
    native().enterNetwork('/proc/${process.pid}/ns/net');
    console.log(JSON.stringify([lo, String(own), String(native().netnsCookie('/proc/thread-self/ns/net'))]));`;
  const { stdout, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', script], { encoding: 'utf8' });
  t.is(stderr, '');
  const [interfaces, unshared, entered] = JSON.parse(stdout) as [string, string, string];
  t.is(interfaces, 'lo');
  t.not(unshared, entered);
  t.is(BigInt(entered), native().netnsCookie('/proc/self/ns/net'));
});
