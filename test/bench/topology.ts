import { execFileSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { backendRange, clientAddress, serverAddress, serviceRange } from './mesh.js';
import { cgroupRoot, removeCgroup, type Scope } from './scope.js';

/** Two network namespaces joined by a veth pair, without a route to anywhere else. */
export interface Pair {
  /** Name of the client's namespace in /run/netns. */
  readonly clientName: string;
  /** Paths of the namespaces. */
  readonly client: string;
  readonly server: string;
}

/**
 * Makes a pair named after `name`. The server's side answers for every backend address of a mesh.
 * `services`: what the client's side does with a Service address nobody rewrites: `forward` sends it to the server's side, where it
 * is dropped (packet filters translate addresses after routing, so they need a route), `unreachable` fails the connect at once.
 */
export function makePair(scope: Scope, name: string, services: 'forward' | 'unreachable'): Pair {
  const clientName = `${scope.prefix}-${name}-c`;
  const serverName = `${scope.prefix}-${name}-s`;
  for (const namespace of [clientName, serverName]) {
    execFileSync('ip', ['netns', 'add', namespace]);
    scope.defer(() => execFileSync('ip', ['netns', 'delete', namespace]));
  }
  const inside = (namespace: string, lines: readonly string[]) =>
    execFileSync('ip', ['-n', namespace, '-batch', '-'], { input: `${lines.join('\n')}\n` });
  inside(clientName, [
    'link set lo up',
    `link add eth0 type veth peer name eth0 netns ${serverName}`,
    `address add ${clientAddress}/30 dev eth0`,
    'link set eth0 up',
  ]);
  inside(serverName, [
    'link set lo up',
    `address add ${serverAddress}/30 dev eth0`,
    'link set eth0 up',
    `route add local ${backendRange} dev lo`,
  ]);
  inside(clientName, [
    `route add ${backendRange} via ${serverAddress}`,
    services === 'forward' ? `route add ${serviceRange} via ${serverAddress}` : `route add unreachable ${serviceRange}`,
  ]);
  const client = `/run/netns/${clientName}`;
  execFileSync('nsenter', [
    `--net=${client}`,
    'sh',
    '-c',
    'echo 1024 65000 > /proc/sys/net/ipv4/ip_local_port_range; echo 1 > /proc/sys/net/ipv4/tcp_no_metrics_save',
  ]);
  return { clientName, client, server: `/run/netns/${serverName}` };
}

/** Makes a cgroup below the root of the tree and returns its directory. */
export function makeCgroup(scope: Scope, name: string): string {
  const directory = join(cgroupRoot(), `${scope.prefix}-${name}`);
  mkdirSync(directory);
  scope.defer(() => removeCgroup(directory));
  return directory;
}
