import { strict as assert } from 'node:assert';
import { readFileSync } from 'node:fs';
import { networkInterfaces } from 'node:os';
import type { Check } from '../check.js';

/** The guest's file systems and network are as a Kubernetes node has them, but for the way out. */
export const environmentChecks: readonly Check[] = [
  {
    name: 'bpffs and cgroup2 are mounted',
    run() {
      const mounts = readFileSync('/proc/self/mountinfo', 'utf8')
        .split('\n')
        .map((line) => line.split(' '));
      const typeAt = (path: string): string | undefined => {
        const fields = mounts.find((mount) => mount[4] === path);
        return fields?.[fields.indexOf('-') + 1];
      };
      assert.equal(typeAt('/sys/fs/bpf'), 'bpf');
      assert.equal(typeAt('/sys/fs/cgroup'), 'cgroup2');
      return undefined;
    },
  },
  {
    name: 'loopback is the only network device',
    run() {
      assert.deepEqual(Object.keys(networkInterfaces()), ['lo']);
      const devices = readFileSync('/proc/net/dev', 'utf8')
        .split('\n')
        .slice(2)
        .map((line) => line.split(':')[0]!.trim());
      assert.deepEqual(devices.filter(Boolean), ['lo']);
      return undefined;
    },
  },
  {
    name: 'the modules for veth and sock_diag are there',
    run() {
      const loaded = readFileSync('/proc/modules', 'utf8')
        .split('\n')
        .map((line) => line.split(' ')[0]);
      for (const name of ['veth', 'inet_diag', 'tcp_diag', 'udp_diag']) assert.ok(loaded.includes(name), name);
      return undefined;
    },
  },
];
