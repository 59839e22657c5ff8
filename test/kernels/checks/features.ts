import { strict as assert } from 'node:assert';
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync } from 'node:fs';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { release } from 'node:os';
import { native } from '../../../agent/kernel/native.js';
import type { Check } from '../check.js';

/** Whether the running kernel is at least `major.minor`. */
export function kernelIsAtLeast(major: number, minor: number): boolean {
  const [ourMajor = 0, ourMinor = 0] = release().split('.').map(Number);
  return ourMajor > major || (ourMajor === major && ourMinor >= minor);
}

/** What Weft asks of a kernel, apart from its own programs. */
export const featureChecks: readonly Check[] = [
  {
    name: 'the addon loads',
    run() {
      assert.ok(native().possibleCpus() >= 1);
      assert.ok(native().monotonicNs() > 0n);
      return undefined;
    },
  },
  {
    name: 'a namespace has a cookie from 5.14 on',
    run() {
      execFileSync('ip', ['netns', 'add', 'cookie']);
      try {
        const cookie = (): bigint => native().netnsCookie('/run/netns/cookie');
        if (!kernelIsAtLeast(5, 14)) assert.throws(cookie, { code: 'ENOPROTOOPT' });
        else assert.notEqual(cookie(), native().netnsCookie('/proc/self/ns/net'));
      } finally {
        execFileSync('ip', ['netns', 'del', 'cookie']);
      }
      return undefined;
    },
  },
  {
    name: 'a directory on bpffs can be locked once',
    run() {
      const directory = '/sys/fs/bpf/locked';
      mkdirSync(directory);
      const held = native().lock(directory);
      assert.ok(held);
      assert.equal(native().lock(directory), null);
      held.release();
      const again = native().lock(directory);
      assert.ok(again);
      again.release();
      return undefined;
    },
  },
  {
    name: 'SOCK_DESTROY ends a connection (CONFIG_INET_DIAG_DESTROY)',
    async run(report) {
      const server = createServer().listen(0, '127.0.0.1');
      await once(server, 'listening');
      const { port } = server.address() as AddressInfo;
      const accepted = once(server, 'connection') as Promise<[Socket]>;
      const client = connect(port, '127.0.0.1');
      await once(client, 'connect');
      const [peer] = await accepted;
      peer.on('error', () => undefined);
      try {
        const remote = { address: '127.0.0.1', port };
        const [found] = native().sockets('/proc/self/ns/net', { protocol: 'TCP', family: 4, remote });
        assert.ok(found);
        const broken = once(client, 'error') as Promise<[NodeJS.ErrnoException]>;
        client.resume();
        assert.equal(native().destroySocket('/proc/self/ns/net', found), true);
        assert.equal((await broken)[0].code, 'ECONNABORTED');
        assert.equal(native().destroySocket('/proc/self/ns/net', found), false);
        report.fact('SOCK_DESTROY (CONFIG_INET_DIAG_DESTROY)', 'yes');
      } finally {
        client.destroy();
        peer.destroy();
        server.close();
      }
      return undefined;
    },
  },
];
