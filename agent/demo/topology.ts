import { existsSync } from 'node:fs';
import { allPods, type CastPod, hub } from './cast.js';
import { run } from './command.js';
import { netnsOf, type Run } from './run.js';

/**
 * Makes the pods' network namespaces and joins them by a bridge in a namespace of its own. No namespace has a route
 * out and the machine's own has no leg in it; Service addresses have no route at all.
 */
export async function buildTopology(demo: Run, signal: AbortSignal): Promise<void> {
  for (const name of [hub, ...allPods.map((pod) => pod.name)]) {
    signal.throwIfAborted();
    await run(['ip', 'netns', 'add', netnsOf(demo, name)]);
  }
  signal.throwIfAborted();
  await ip(demo, hub, ['link add br0 type bridge', 'link set br0 up', ...allPods.flatMap((pod) => cable(demo, pod))]);
  for (const pod of allPods) {
    signal.throwIfAborted();
    await ip(demo, pod.name, addresses(pod));
  }
}

/** False where the kernel runs without IPv6. */
export function hasIPv6(): boolean {
  return existsSync('/proc/net/if_inet6');
}

function cable(demo: Run, pod: CastPod): string[] {
  return [
    `link add ${pod.name} type veth peer name eth0 netns ${netnsOf(demo, pod.name)}`,
    `link set ${pod.name} master br0`,
    `link set ${pod.name} up`,
  ];
}

function addresses(pod: CastPod): string[] {
  const ipv6 = hasIPv6() ? [`addr add ${pod.ipv6}/64 dev eth0 nodad`] : [];
  return ['link set lo up', `addr add ${pod.ipv4}/24 dev eth0`, ...ipv6, 'link set eth0 up'];
}

async function ip(demo: Run, pod: string, lines: readonly string[]): Promise<void> {
  await run(['ip', '-n', netnsOf(demo, pod), '-batch', '-'], `${lines.join('\n')}\n`);
}
