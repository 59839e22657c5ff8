import { readlinkSync } from 'node:fs';
import { connect, createServer, type Server, Socket } from 'node:net';
import { type Native, native } from '../../agent/kernel/native.js';
import { kernelTest } from '../kernel-test.js';
import { makeNamespace } from './scratch.js';
import { failure } from './words.js';

const own = '/proc/self/ns/net';

/** Serves "hello" on a listening descriptor. */
async function serve(fd: number): Promise<Server> {
  const server = createServer((socket) => socket.end('hello'));
  await new Promise<void>((resolve, reject) => server.once('error', reject).listen({ fd }, resolve));
  return server;
}

/** Everything a connected descriptor receives until its end, or the error's code. */
function read(fd: number): Promise<string> {
  return new Promise((resolve) => {
    const socket = new Socket({ fd, manualStart: true } as ConstructorParameters<typeof Socket>[0]);
    let text = '';
    socket.on('data', (data) => {
      text += data;
    });
    socket.on('end', () => {
      socket.destroy();
      resolve(text);
    });
    socket.on('error', (error: NodeJS.ErrnoException) => resolve(error.code!));
    socket.resume();
  });
}

kernelTest('a listening and a connected socket live in their namespace', async (t) => {
  const [here, there] = [makeNamespace(), makeNamespace()];
  const before = readlinkSync(own);
  for (const [family, address] of [
    [4, '127.0.0.1'],
    [6, '::1'],
  ] as const) {
    const place = { address, port: 7080 };
    const listener = native().socketIn(here, { family, protocol: 'TCP', bind: place, listen: 16, device: 'lo' });
    const server = await serve(listener);
    try {
      t.is(await read(native().socketIn(here, { family, protocol: 'TCP', connect: place })), 'hello');
      let outcome: string;
      try {
        outcome = await read(native().socketIn(there, { family, protocol: 'TCP', connect: place }));
      } catch (error) {
        outcome = (error as { code: string }).code;
      }
      t.is(outcome, 'ECONNREFUSED');
      const outside = await new Promise<string>((resolve) => {
        connect(place.port, address, () => resolve('open')).on('error', (error: NodeJS.ErrnoException) =>
          resolve(error.code!),
        );
      });
      t.is(outside, 'ECONNREFUSED');
    } finally {
      server.close();
    }
  }
  t.is(readlinkSync(own), before);
});

kernelTest('bind, v6only and reuseport do what they say', (t) => {
  const path = makeNamespace();
  const fds: number[] = [];
  const make = (options: Parameters<Native['socketIn']>[1]) => fds.push(native().socketIn(path, options));
  try {
    make({ family: 6, protocol: 'TCP', bind: { address: '::', port: 81 }, listen: 1, v6only: true });
    make({ family: 4, protocol: 'TCP', bind: { address: '0.0.0.0', port: 81 }, listen: 1 });
    make({ family: 6, protocol: 'TCP', bind: { address: '::', port: 82 }, listen: 1, v6only: false });
    const taken = failure(() =>
      make({ family: 4, protocol: 'TCP', bind: { address: '0.0.0.0', port: 82 }, listen: 1 }),
    );
    t.like(taken, { operation: 'bind', object: path, code: 'EADDRINUSE' });
    make({ family: 4, protocol: 'UDP', bind: { address: '127.0.0.1', port: 53 }, reuseport: true });
    make({ family: 4, protocol: 'UDP', bind: { address: '127.0.0.1', port: 53 }, reuseport: true });
    t.is(
      failure(() => make({ family: 4, protocol: 'UDP', bind: { address: '127.0.0.1', port: 53 } })).code,
      'EADDRINUSE',
    );
    make({
      family: 4,
      protocol: 'UDP',
      bind: { address: '127.0.0.9', port: 0 },
      connect: { address: '127.0.0.1', port: 53 },
    });
    const connected = native()
      .sockets(path, { protocol: 'UDP', family: 4 })
      .find(({ remote }) => remote.port === 53);
    t.like(connected, { state: 1, local: { address: '127.0.0.9' }, remote: { address: '127.0.0.1', port: 53 } });
  } finally {
    for (const fd of fds) native().closeFd(fd);
  }
});

kernelTest('what socketIn refuses', (t) => {
  const path = makeNamespace();
  const tcp = { family: 4, protocol: 'TCP' } as const;
  const code = (options: unknown) =>
    failure(() => native().socketIn(path, options as Parameters<Native['socketIn']>[1])).code;
  t.is(code(undefined), 'EINVAL');
  t.is(code({ ...tcp, family: 5 }), 'EINVAL');
  t.is(code({ ...tcp, protocol: 'SCTP' }), 'EINVAL');
  t.is(code({ ...tcp, bind: { address: '::1', port: 1 } }), 'EINVAL');
  t.is(code({ ...tcp, bind: { address: '127.0.0.1', port: 65536 } }), 'EINVAL');
  t.is(code({ ...tcp, listen: 1, connect: { address: '127.0.0.1', port: 1 } }), 'EINVAL');
  t.is(code({ ...tcp, device: 'none0' }), 'ENODEV');
  t.is(code({ ...tcp, connect: { address: '192.0.2.1', port: 1 } }), 'ENETUNREACH');
  t.like(
    failure(() => native().socketIn(`${path}-gone`, tcp)),
    { operation: 'netns_open', object: `${path}-gone`, code: 'ENOENT' },
  );
  t.like(
    failure(() => native().socketIn('/dev/null', tcp)),
    { operation: 'setns', code: 'EINVAL' },
  );
});

kernelTest('every namespace has a cookie of its own', (t) => {
  const [first, second] = [makeNamespace(), makeNamespace()];
  const cookies = [own, first, second].map((path) => native().netnsCookie(path));
  t.is(new Set(cookies).size, 3);
  t.deepEqual(
    [own, first, second].map((path) => native().netnsCookie(path)),
    cookies,
  );
});

kernelTest('socket cookies differ and a closed descriptor has none', (t) => {
  const make = () => native().socketIn(own, { family: 4, protocol: 'TCP' });
  const [first, second] = [make(), make()];
  t.not(native().socketCookie(first), native().socketCookie(second));
  native().closeFd(first);
  native().closeFd(second);
  t.is(failure(() => native().socketCookie(second)).code, 'EBADF');
  t.is(failure(() => native().closeFd(second)).code, 'EBADF');
});

kernelTest('a connected socket keeps the address it was bound to', async (t) => {
  const path = makeNamespace();
  for (const [family, any, from] of [
    [4, '0.0.0.0', '127.0.0.77'],
    [6, '::', '::1'],
  ] as const) {
    const listener = native().socketIn(path, {
      family,
      protocol: 'TCP',
      bind: { address: any, port: 7081 },
      listen: 16,
    });
    const server = await serve(listener);
    try {
      const to = { address: family === 4 ? '127.0.0.1' : '::1', port: 7081 };
      const fd = native().socketIn(path, { family, protocol: 'TCP', bind: { address: from, port: 0 }, connect: to });
      const [socket] = native().sockets(path, { protocol: 'TCP', family, remote: to });
      t.is(socket?.local.address, from);
      t.is(await read(fd), 'hello');
    } finally {
      server.close();
    }
  }
});

kernelTest('a namespace takes a prefix for its own, once', async (t) => {
  const netns = makeNamespace();
  const at = { address: 'fd77::5', port: 7081 };
  const listen = () => native().socketIn(netns, { family: 6, protocol: 'TCP', bind: at, listen: 1, freebind: true });
  t.true(native().localRoute(netns, 'fd77::', 64));
  t.false(native().localRoute(netns, 'fd77::', 64));
  const server = await serve(listen());
  t.is(await read(native().socketIn(netns, { family: 6, protocol: 'TCP', connect: at })), 'hello');
  server.close();
  t.is(failure(() => native().localRoute(netns, '10.0.0.0', 8)).code, 'EINVAL');
  t.is(failure(() => native().localRoute(netns, 'fd77::', 129)).code, 'EINVAL');
  t.is(failure(() => native().localRoute('/run/netns/nowhere', 'fd77::', 64)).code, 'ENOENT');
});
