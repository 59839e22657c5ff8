import { type BalancerPolicy, ClusterBalancer, type Share } from './balancer.js';
import type { ClusterEndpoint } from './cluster.js';
import type { Ejection } from './health.js';
import type { Origin } from './locality.js';

/** What one process has seen of an endpoint. */
export interface Seen {
  readonly inFlight: number;
  /** ms; 0: no response yet. */
  readonly latencyMs: number;
  readonly ejection: Ejection | undefined;
}

/**
 * What share of the next picks each endpoint can expect, and why, in the endpoints' order: the mean over processes that balance by themselves, each with what it has
 * seen, by `ADDRESS:PORT`. Without any, as one that has seen nothing would pick. `hash`: of the pick's key, where the policy is a hash and the key is known; else the shares
 * of all keys.
 */
export function forecast(
  policy: BalancerPolicy,
  endpoints: readonly ClusterEndpoint[],
  origin: Origin,
  processes: readonly ReadonlyMap<string, Seen>[],
  hash?: number,
): readonly Share[] {
  const all = processes.length === 0 ? [new Map<string, Seen>()] : processes;
  const forecasts = all.map((seen) => {
    const balancer = new ClusterBalancer(policy, origin, () => 0, 0);
    balancer.update(endpoints, policy, 0);
    for (const member of balancer.members) {
      const known = seen.get(member.address);
      if (known !== undefined) balancer.adopt(member, known);
    }
    const shares = balancer.probabilities(0);
    if (hash === undefined || policy.balancing.type !== 'hash') return shares;
    const picked = balancer.pick({ hash, tried: [], now: 0 })?.member.endpoint;
    return shares.map((share) => ({ ...share, probability: share.endpoint === picked ? 1 : 0 }));
  });
  return forecasts[0]!.map((first, index) => {
    const here = forecasts.map((shares) => shares[index]!);
    const probability = here.reduce((sum, share) => sum + share.probability, 0) / here.length;
    return { ...first, probability, state: (here.find((share) => share.state !== 'ready') ?? first).state };
  });
}
