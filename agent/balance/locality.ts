import type { ClusterEndpoint, Locality, LocalityPolicy } from './cluster.js';

/** Who sends: what localities and labels of endpoints are compared with. */
export interface Origin {
  readonly locality: Locality;
  readonly node: string;
  readonly labels: Readonly<Record<string, string>>;
}

/** A priority level or a locality of `distribute`. */
export interface Tier<Member> {
  readonly name: string;
  /** Levels: 0 is asked first. Undefined: `weight` decides. */
  readonly priority: number | undefined;
  readonly weight: number;
  readonly members: readonly Member[];
}

/** Envoy's overprovisioning factor: a level counts as whole while 1/1.4 of it is healthy. */
const overprovisioning = 1.4;

/**
 * The tiers of a cluster by localityLbSetting, as Istio makes Envoy's priorities and locality weights of it (pilot/pkg/networking/core/loadbalancer): `distribute`, else,
 * only where outlier detection is configured, failoverPriority's levels, each of them split by region, zone and subzone. One tier without a setting. Endpoints
 * that `distribute` does not name are in none.
 */
export function tiersOf<Member extends { readonly endpoint: ClusterEndpoint }>(
  members: readonly Member[],
  policy: LocalityPolicy | undefined,
  failover: boolean,
  origin: Origin,
): readonly Tier<Member>[] {
  if (policy === undefined || members.length === 0) return [whole(members)];
  if (policy.distribute.length > 0) return distributed(members, policy, origin);
  if (!failover) return [whole(members)];
  const levels = new Map<number, Member[]>();
  for (const member of members) {
    const level = levelOf(member.endpoint, policy, origin);
    const there = levels.get(level);
    if (there === undefined) levels.set(level, [member]);
    else there.push(member);
  }
  return [...levels.keys()]
    .sort((a, b) => a - b)
    .map((level, priority) => ({ name: `priority ${priority}`, priority, weight: 1, members: levels.get(level)! }));
}

function whole<Member>(members: readonly Member[]): Tier<Member> {
  return { name: 'all', priority: 0, weight: 1, members };
}

function distributed<Member extends { readonly endpoint: ClusterEndpoint }>(
  members: readonly Member[],
  policy: LocalityPolicy,
  origin: Origin,
): readonly Tier<Member>[] {
  const rule = policy.distribute.find(({ from }) => isWithin(origin.locality, from));
  if (rule === undefined) return [whole(members)];
  const left = new Set(members);
  return Object.entries(rule.to).map(([to, weight]) => {
    const here = [...left].filter(({ endpoint }) => isWithin(endpoint.locality, to));
    for (const member of here) left.delete(member);
    return { name: to, priority: undefined, weight, members: here };
  });
}

/** `pattern`: REGION/ZONE/SUBZONE with `*`; what is missing is any. */
export function isWithin(locality: Locality, pattern: string): boolean {
  const [region = '', zone = '', subzone = ''] = pattern.split('/');
  return (
    (region === '*' || region === locality.region) &&
    (zone === '*' || zone === '' || zone === locality.zone) &&
    (subzone === '*' || subzone === '' || subzone === locality.subzone)
  );
}

/** Lower is nearer. With failoverPriority alone, its labels decide; with `failover` too, localities split their levels. */
function levelOf(endpoint: ClusterEndpoint, policy: LocalityPolicy, origin: Origin): number {
  if (policy.failoverPriority.length === 0) return localityLevel(endpoint.locality, policy, origin.locality);
  const level = labelLevel(endpoint, policy.failoverPriority, origin);
  return policy.failover.length === 0 ? level : level * 5 + localityLevel(endpoint.locality, policy, origin.locality);
}

/** 0: the same subzone, 1: zone, 2: region, 3: another region, 4: another one than `failover` names. All are alike while nobody knows where we are. */
function localityLevel(there: Locality, policy: LocalityPolicy, here: Locality): number {
  if (here.region === '') return 0;
  if (there.region === here.region) {
    if (there.zone !== here.zone) return 2;
    return there.subzone === here.subzone ? 0 : 1;
  }
  const rule = policy.failover.find(({ from }) => from === here.region);
  return rule === undefined || rule.to === there.region ? 3 : 4;
}

/** 0: all labels are those of the sender (or those that are named); N: the first of N differs. */
function labelLevel(endpoint: ClusterEndpoint, names: readonly string[], origin: Origin): number {
  const own = { locality: origin.locality, node: origin.node, labels: origin.labels };
  for (const [index, text] of names.entries()) {
    const equals = text.indexOf('=');
    const name = equals < 0 ? text : text.slice(0, equals);
    const wanted = equals < 0 ? labelOf(own, name) : text.slice(equals + 1);
    if (labelOf(endpoint, name) !== wanted) return names.length - index;
  }
  return 0;
}

/** A label of the Pod, or of its Node where topology says it. Empty when there is none. */
export function labelOf(of: Pick<ClusterEndpoint, 'locality' | 'node' | 'labels'>, name: string): string {
  const label = of.labels[name];
  if (label !== undefined) return label;
  if (name === 'topology.kubernetes.io/region') return of.locality.region;
  if (name === 'topology.kubernetes.io/zone') return of.locality.zone;
  if (name === 'topology.istio.io/subzone') return of.locality.subzone;
  return name === 'kubernetes.io/hostname' ? of.node : '';
}

/**
 * The share of the traffic of each tier, by how many of its members are healthy: Envoy's priority load (load_balancing/priority) and locality weights
 * (load_balancing/locality_weight). Sums to 1, or all 0 when nobody is healthy.
 */
export function tierShares(
  tiers: readonly Pick<Tier<unknown>, 'priority' | 'weight'>[],
  healthy: readonly number[],
): number[] {
  const availability = healthy.map((share) => Math.min(1, share * overprovisioning));
  if (tiers.some((tier) => tier.priority === undefined)) {
    return normalised(tiers.map((tier, index) => tier.weight * availability[index]!));
  }
  const all = Math.min(
    1,
    availability.reduce((sum, each) => sum + each, 0),
  );
  let left = 1;
  return availability.map((each) => {
    const share = all === 0 ? 0 : Math.min(left, each / all);
    left -= share;
    return share < 1e-12 ? 0 : share;
  });
}

function normalised(weights: readonly number[]): number[] {
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  return weights.map((weight) => (total === 0 ? 0 : weight / total));
}
