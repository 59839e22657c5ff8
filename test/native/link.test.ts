import { execFile } from 'node:child_process';
import { statSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { promisify } from 'node:util';
import { type NativeObject, native } from '../../agent/kernel/native.js';
import { kernelTest } from '../kernel-test.js';
import { compile } from './clang.js';
import { makeBpffs, makeCgroup } from './scratch.js';
import { failure, words } from './words.js';

function load(): NativeObject {
  const object = native().openObject(compile('connect'), 'connect');
  object.load();
  return object;
}

async function listen(): Promise<{ server: Server; port: number }> {
  const server = createServer((socket) => socket.destroy());
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { server, port: (server.address() as { port: number }).port };
}

/** Connects to loopback from a process inside the cgroup. Returns "open", or the error's code. */
async function connectFrom(cgroup: string, port: number): Promise<string> {
  const script = `
    require('node:fs').writeFileSync('${cgroup}/cgroup.procs', String(process.pid));
    const socket = require('node:net').connect(${port}, '127.0.0.1');
    const end = (word) => { process.stdout.write(word); process.exit(0); };
    socket.on('connect', () => end('open')).on('error', (error) => end(error.code));`;
  const { stdout } = await promisify(execFile)(process.execPath, ['-e', script]);
  return stdout;
}

kernelTest('a link lives: attach, see, update, pin, reopen, detach', async (t) => {
  const object = load();
  const cgroup = makeCgroup();
  const connects = object.map('connects');
  const count = () => new DataView(connects.lookup(words(0))!.buffer).getUint32(0, true);
  const { server, port } = await listen();
  try {
    t.is(await connectFrom(cgroup, port), 'open');
    t.is(count(), 0);

    const allow = object.program('allow');
    const link = allow.attachCgroup(cgroup);
    t.is(await connectFrom(cgroup, port), 'open');
    t.is(count(), 1);
    const info = link.info();
    t.like(info, { type: 3, programId: allow.info().id, attachType: 10, cgroupId: BigInt(statSync(cgroup).ino) });
    t.deepEqual(
      native()
        .cgroupLinks()
        .filter(({ id }) => id === info.id),
      [{ ...info, programName: 'allow' }],
    );

    link.update(object.program('refuse'));
    t.is(await connectFrom(cgroup, port), 'EPERM');
    t.is(link.info().id, info.id);
    t.is(link.info().programId, object.program('refuse').info().id);

    const pin = `${makeBpffs()}/link`;
    link.pin(pin);
    link.close();
    t.is(failure(() => link.info()).code, 'EBADF');
    t.is(await connectFrom(cgroup, port), 'EPERM', 'the pin holds it');

    const again = native().openLink(pin);
    t.is(again.info().id, info.id);
    again.detach();
    t.is(again.info().cgroupId, 0n);
    t.is(await connectFrom(cgroup, port), 'open');
    t.is(count(), 3);
    t.is(failure(() => again.update(allow)).operation, 'link_update');
    again.close();
    again.close();
  } finally {
    server.close();
  }
});

kernelTest('an unpinned link ends with its last descriptor', async (t) => {
  const cgroup = makeCgroup();
  const { server, port } = await listen();
  try {
    const link = load().program('refuse').attachCgroup(cgroup);
    t.is(await connectFrom(cgroup, port), 'EPERM');
    link.close();
    t.is(await connectFrom(cgroup, port), 'open');
  } finally {
    server.close();
  }
});

kernelTest('what cannot be attached says why', (t) => {
  const program = load().program('allow');
  const cgroup = makeCgroup();
  t.like(
    failure(() => program.attachCgroup(`${cgroup}/none`)),
    { operation: 'link_create', code: 'ENOENT' },
  );
  t.is(failure(() => program.attachCgroup('/')).code, 'EBADF');
  t.is(failure(() => program.attachCgroup(cgroup, 0)).code, 'EINVAL');
  t.is(failure(() => native().openProgramById(program.info().id).attachCgroup(cgroup)).code, 'EINVAL');
  native().openProgramById(program.info().id).attachCgroup(cgroup, 10).close();
  t.is(failure(() => program.attachCgroup(cgroup).update({} as never)).code, 'EINVAL');
  program.close();
  t.is(failure(() => program.attachCgroup(cgroup)).code, 'EBADF');
});
