import { writeFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { join } from 'node:path';
import { native } from './native.js';

/**
 * `canary-child.js CGROUP ADDRESS PORT`: in the cgroup and in a network namespace of its own, listens, prints the port,
 * and at the first line of input connects to ADDRESS:PORT, which is redirected to the listener or nowhere.
 */
const [cgroup, address, port] = process.argv.slice(2);
if (!cgroup || !address || !port) throw new Error('usage: canary-child.js CGROUP ADDRESS PORT');
writeFileSync(join(cgroup, 'cgroup.procs'), String(process.pid));
native().unshareNetwork();

const answer = (text: string): void => {
  process.stdout.write(`${text}\n`, () => process.exit(0));
};
const server = createServer((accepted) => {
  accepted.destroy();
  answer('redirected');
});
server.listen(0, '127.0.0.1', () => {
  const own = server.address();
  process.stdout.write(`${typeof own === 'object' && own ? own.port : 0}\n`);
});
process.stdin.once('data', () => {
  connect({ host: address, port: Number(port) }).once('error', (error) =>
    answer(`a connection to ${address}:${port} was not redirected: ${error.message}`),
  );
});
