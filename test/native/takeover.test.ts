import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import { createInterface } from 'node:readline';
import { native } from '../../agent/kernel/native.js';
import { kernelTest } from '../kernel-test.js';

const listener = `const server = require('node:net').createServer();
server.listen({ host: '127.0.0.1', port: 0 }, () => console.log(server.address().port));`;

kernelTest(
  'listening sockets of a process that died are served by who took them, with what waits in their queue',
  async (t) => {
    const child = spawn(process.execPath, ['-e', listener], { stdio: ['ignore', 'pipe', 'inherit'] });
    t.teardown(() => child.kill('SIGKILL'));
    const [line] = (await once(createInterface({ input: child.stdout }), 'line')) as [string];
    const port = Number(line);
    t.deepEqual(native().takeListeners(child.pid!, port === 1 ? 2 : 1), []);
    const taken = native().takeListeners(child.pid!, port);
    t.is(taken.length, 1);
    child.kill('SIGSTOP');
    const waiting = connect({ host: '127.0.0.1', port });
    await once(waiting, 'connect');
    child.kill('SIGKILL');
    await once(child, 'exit');
    const server = createServer((socket) => socket.end('served')).listen({ fd: taken[0]! });
    t.teardown(() => server.close());
    const [answer] = (await once(waiting, 'data')) as [Buffer];
    t.is(String(answer), 'served');
  },
);

kernelTest('a process that is gone has no sockets to take', (t) => {
  const error = t.throws<Error & { code: string }>(() => native().takeListeners(2 ** 22 - 1, 80));
  t.is(error?.code, 'ESRCH');
});
