import { existsSync } from 'node:fs';
import { allPods, type CastPlace, hub, node, outside, uplink } from './cast.js';
import { run } from './command.js';
import { netnsOf, type Run } from './run.js';

/** Names of all network namespaces of a run, without the run's own. */
export const namespaces: readonly string[] = [hub, node.name, outside.name, ...allPods.map((pod) => pod.name)];

/**
 * Makes the pods' network namespaces and the node's, and joins them by a bridge in a namespace of its own; a cable
 * leads from the node to the one outside. No namespace has a route out and the machine's own has no leg in it; Service
 * addresses have no route at all.
 */
export async function buildTopology(demo: Run, signal: AbortSignal): Promise<void> {
  for (const name of namespaces) {
    signal.throwIfAborted();
    await run(['ip', 'netns', 'add', netnsOf(demo, name)]);
  }
  signal.throwIfAborted();
  const legs = [...allPods, node];
  await ip(demo, hub, ['link add br0 type bridge', 'link set br0 up', ...legs.flatMap((leg) => cable(demo, leg))]);
  await ip(demo, node.name, [`link add ${uplink.name} type veth peer name eth0 netns ${netnsOf(demo, outside.name)}`]);
  await ip(demo, node.name, [...addresses(node, 'eth0'), ...addresses(uplink, uplink.name)]);
  for (const place of [...allPods, outside]) {
    signal.throwIfAborted();
    await ip(demo, place.name, addresses(place, 'eth0'));
  }
}

/** False where the kernel runs without IPv6. */
export function hasIPv6(): boolean {
  return existsSync('/proc/net/if_inet6');
}

function cable(demo: Run, { name }: CastPlace): string[] {
  return [
    `link add ${name} type veth peer name eth0 netns ${netnsOf(demo, name)}`,
    `link set ${name} master br0`,
    `link set ${name} up`,
  ];
}

function addresses({ ipv4, ipv6 }: CastPlace, device: string): string[] {
  const second = hasIPv6() ? [`addr add ${ipv6}/64 dev ${device} nodad`] : [];
  return ['link set lo up', `addr add ${ipv4}/24 dev ${device}`, ...second, `link set ${device} up`];
}

async function ip(demo: Run, place: string, lines: readonly string[]): Promise<void> {
  await run(['ip', '-n', netnsOf(demo, place), '-batch', '-'], `${lines.join('\n')}\n`);
}
