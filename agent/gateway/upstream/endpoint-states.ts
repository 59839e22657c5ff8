import type { EndpointState } from './attempt.js';
import type { ClusterTraffic } from './cluster-traffic.js';

/**
 * One row for each endpoint of each cluster that had traffic, over all clients' policies, as it is at `now` (monotonic, ms): ejections whose time is over have
 * ended, also where nobody asked since.
 */
export function statesOf(clusters: ReadonlyMap<string, ClusterTraffic>, now: number): readonly EndpointState[] {
  const states: EndpointState[] = [];
  for (const [cluster, { traffic }] of clusters) {
    const rows = new Map<string, EndpointState>();
    for (const each of traffic) {
      const avoided = each.balancer.avoided(now);
      for (const member of each.balancer.members) {
        const { address, health, latency, inFlight } = member;
        const row = rows.get(address);
        rows.set(address, {
          cluster,
          address,
          name: member.endpoint.name,
          inFlight: inFlight + (row?.inFlight ?? 0),
          latencyMs: Math.max(latency.value, row?.latencyMs ?? 0),
          ejected: avoided.has(member) || (row?.ejected ?? false),
          ejection: health.lastEjection ?? row?.ejection ?? '',
          ejections: health.ejections + (row?.ejections ?? 0),
          connections: each.connectionsOf(member) + (row?.connections ?? 0),
        });
      }
    }
    states.push(...rows.values());
  }
  return states;
}
