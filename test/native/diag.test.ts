import { once } from 'node:events';
import { createServer, type Server, Socket } from 'node:net';
import { type DiagSocket, type NativeMap, native } from '../../agent/kernel/native.js';
import { kernelTest } from '../kernel-test.js';
import { compile } from './clang.js';
import { makeNamespace } from './scratch.js';
import { failure, words } from './words.js';

const loopback = '127.0.0.1';

/** A TCP server that accepts and says nothing. */
async function accept(path: string, family: 4 | 6, address: string, port: number): Promise<Server> {
  const fd = native().socketIn(path, { family, protocol: 'TCP', bind: { address, port }, listen: 16 });
  const server = createServer((socket) => socket.on('error', () => socket.destroy()));
  await new Promise<void>((resolve, reject) => server.once('error', reject).listen({ fd }, resolve));
  return server;
}

function storageMap(): NativeMap {
  const object = native().openObject(compile('maps'), 'maps');
  object.load();
  return object.map('storage');
}

kernelTest('a destroyed connection ends with ECONNABORTED at the client', async (t) => {
  const path = makeNamespace();
  const server = await accept(path, 4, loopback, 8080);
  try {
    const fd = native().socketIn(path, { family: 4, protocol: 'TCP', connect: { address: loopback, port: 8080 } });
    const cookie = native().socketCookie(fd);
    const storage = storageMap();
    storage.put(words(fd), words(77, 88));
    const client = new Socket({ fd, manualStart: true } as ConstructorParameters<typeof Socket>[0]);
    client.resume();

    const found = native().sockets(path, {
      protocol: 'TCP',
      family: 4,
      remote: { address: loopback, port: 8080 },
      storage,
    });
    t.is(found.length, 1);
    t.like(found[0], { family: 4, protocol: 'TCP', state: 1, cookie, remote: { address: loopback, port: 8080 } });
    t.true(found[0]!.inode > 0);
    t.deepEqual(found[0]!.storage, words(77, 88));

    const other: DiagSocket = { ...found[0]!, cookie: cookie + 1n };
    t.false(native().destroySocket(path, other));
    const ended = once(client, 'error');
    t.true(native().destroySocket(path, found[0]!));
    const [error] = (await ended) as [NodeJS.ErrnoException];
    t.is(error.code, 'ECONNABORTED');
    client.destroy();
    t.false(native().destroySocket(path, found[0]!));
  } finally {
    server.close();
  }
});

kernelTest('all sockets of a family are listed and filtered by peer', (t) => {
  const path = makeNamespace();
  const fds: number[] = [];
  try {
    for (let i = 0; i < 300; i++)
      fds.push(native().socketIn(path, { family: 4, protocol: 'UDP', connect: { address: loopback, port: 9000 + i } }));
    const all = native().sockets(path, { protocol: 'UDP', family: 4 });
    t.is(all.length, 300);
    const cookies = new Set(all.map(({ cookie }) => cookie));
    t.is(cookies.size, 300);
    t.true(fds.every((fd) => cookies.has(native().socketCookie(fd))));
    t.deepEqual(native().sockets(path, { protocol: 'UDP', family: 6 }), []);
    const remote = { address: loopback, port: 9007 };
    t.deepEqual(
      native()
        .sockets(path, { protocol: 'UDP', family: 4, remote })
        .map(({ cookie }) => cookie),
      [native().socketCookie(fds[7]!)],
    );
    t.deepEqual(
      native().sockets(path, { protocol: 'UDP', family: 4, remote: { address: '127.0.0.2', port: 9007 } }),
      [],
    );
  } finally {
    for (const fd of fds) native().closeFd(fd);
  }
});

kernelTest('TCP sockets bring their storage where it is set', async (t) => {
  const path = makeNamespace();
  const remote = { address: '::1', port: 8081 };
  const server = await accept(path, 6, '::', 8081);
  const storage = storageMap();
  const fds: number[] = [];
  try {
    for (let i = 0; i < 100; i++) fds.push(native().socketIn(path, { family: 6, protocol: 'TCP', connect: remote }));
    for (const i of [20, 70]) storage.put(words(fds[i]!), words(i, i + 1));
    const found = native().sockets(path, { protocol: 'TCP', family: 6, remote, storage });
    const values = new Map(found.map((socket) => [socket.cookie, socket.storage]));
    t.is(values.size, 100);
    fds.forEach((fd, i) => {
      t.deepEqual(values.get(native().socketCookie(fd)), i === 20 || i === 70 ? words(i, i + 1) : null);
    });
    const listener = native()
      .sockets(path, { protocol: 'TCP', family: 6, storage })
      .filter(({ state }) => state === 10);
    t.is(listener.length, 1);
    t.like(listener[0], { local: { address: '::', port: 8081 }, storage: null });
  } finally {
    server.close();
    for (const fd of fds) native().closeFd(fd);
  }
});

kernelTest('a mapped peer of an IPv6 socket is found and destroyed', async (t) => {
  const path = makeNamespace();
  const server = await accept(path, 4, loopback, 8082);
  const remote = { address: '::ffff:127.0.0.1', port: 8082 };
  const fd = native().socketIn(path, { family: 6, protocol: 'TCP', connect: remote });
  try {
    const found = native().sockets(path, { protocol: 'TCP', family: 6, remote });
    t.is(found.length, 1);
    t.like(found[0], { family: 6, remote, cookie: native().socketCookie(fd) });
    t.true(native().destroySocket(path, found[0]!));
    t.false(native().destroySocket(path, found[0]!));
  } finally {
    server.close();
    native().closeFd(fd);
  }
});

kernelTest('connected UDP sockets are destroyed, IPv4 and mapped', (t) => {
  const path = makeNamespace();
  for (const [family, address] of [
    [4, loopback],
    [6, '::1'],
    [6, '::ffff:127.0.0.1'],
  ] as const) {
    const fd = native().socketIn(path, { family, protocol: 'UDP', connect: { address, port: 53 } });
    const [socket] = native().sockets(path, { protocol: 'UDP', family, remote: { address, port: 53 } });
    t.true(native().destroySocket(path, socket!), address);
    t.is(native().sockets(path, { protocol: 'UDP', family, remote: { address, port: 53 } }).length, 0);
    native().closeFd(fd);
  }
});

kernelTest('queries that make no sense are refused', (t) => {
  const path = makeNamespace();
  const query = { protocol: 'TCP', family: 4 } as const;
  t.is(failure(() => native().sockets(path, undefined as never)).code, 'EINVAL');
  t.is(failure(() => native().sockets(path, { ...query, remote: { address: '::1', port: 1 } })).code, 'EINVAL');
  t.is(failure(() => native().sockets(path, { ...query, storage: {} as never })).code, 'EINVAL');
  const object = native().openObject(compile('maps'), 'maps');
  object.load();
  t.is(failure(() => native().sockets(path, { ...query, storage: object.map('hash') })).operation, 'sock_diag');
  t.is(failure(() => native().sockets(`${path}-gone`, query)).code, 'ENOENT');
  t.is(failure(() => native().destroySocket(path, {} as never)).code, 'EINVAL');
});
