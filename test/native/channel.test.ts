import { closeSync, fstatSync, openSync, readdirSync } from 'node:fs';
import { native } from '../../agent/kernel/native.js';
import { kernelTest } from '../kernel-test.js';
import { failure } from './words.js';

function open(): readonly [number, number] {
  return native().socketPair();
}

kernelTest('a message comes whole, in order, and with its descriptors', (t) => {
  const [here, there] = open();
  const files = ['/etc/hostname', '/etc/passwd'].map((path) => openSync(path, 'r'));
  native().sendDescriptors(here, Uint8Array.of(1, 2, 3), files);
  native().sendDescriptors(here, Uint8Array.of(4), []);
  const first = native().receiveDescriptors(there, 16, 0)!;
  t.deepEqual([...first.message], [1, 2, 3]);
  t.deepEqual(
    first.fds.map((fd) => fstatSync(fd).ino),
    files.map((fd) => fstatSync(fd).ino),
  );
  t.deepEqual([...native().receiveDescriptors(there, 16, 0)!.message], [4]);
  t.is(native().receiveDescriptors(there, 16, 0), null);
  t.is(native().receiveDescriptors(there, 16, 20), null);
  for (const fd of [...files, ...first.fds, here, there]) closeSync(fd);
});

kernelTest('an end that is closed is told by its errno, once everything was read', (t) => {
  const [here, there] = open();
  native().sendDescriptors(here, Uint8Array.of(7), []);
  closeSync(here);
  t.deepEqual([...native().receiveDescriptors(there, 16, 0)!.message], [7]);
  t.is(failure(() => native().receiveDescriptors(there, 16, 1000)).code, 'EPIPE');
  t.is(failure(() => native().sendDescriptors(there, Uint8Array.of(1), [])).code, 'EPIPE');
  closeSync(there);
  t.is(failure(() => native().receiveDescriptors(there, 16, 0)).code, 'EBADF');
});

kernelTest('a message that is too long is lost, and its descriptors are closed', (t) => {
  const [here, there] = open();
  const before = readdirSync('/proc/self/fd').length;
  native().sendDescriptors(here, new Uint8Array(17), [0, 1, 2]);
  t.is(failure(() => native().receiveDescriptors(there, 16, 0)).code, 'EMSGSIZE');
  t.is(readdirSync('/proc/self/fd').length, before);
  for (const fd of [here, there]) closeSync(fd);
});

kernelTest('what is no message and no list of descriptors is refused', (t) => {
  const [here, there] = open();
  const send = (message: unknown, fds: unknown) => () =>
    native().sendDescriptors(here, message as Uint8Array, fds as number[]);
  for (const attempt of [
    send(new Uint8Array(0), []),
    send(new Uint8Array(65537), []),
    send('text', []),
    send(Uint8Array.of(1), 5),
    send(Uint8Array.of(1), [-1]),
    send(Uint8Array.of(1), new Array(65).fill(0)),
    () => native().receiveDescriptors(there, 1 << 20, 0),
  ])
    t.is(failure(attempt).code, 'EINVAL');
  t.is(failure(send(Uint8Array.of(1), [999_999])).code, 'EBADF');
  for (const fd of [here, there]) closeSync(fd);
});
