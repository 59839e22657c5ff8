import { Adaptive } from './adaptive.js';
import type { ClusterEndpoint, ClusterPolicy } from './cluster.js';
import type { Seen } from './forecast.js';
import { finishHash } from './hash.js';
import { OutlierDetector } from './health.js';
import { Lease, type Ledger } from './lease.js';
import { LeastRequest } from './least-request.js';
import { type Origin, tierShares, tiersOf } from './locality.js';
import { MaglevHash } from './maglev-hash.js';
import { addressOf, Member } from './member.js';
import { isFault, type Outcome } from './outcome.js';
import { isTried, type Picker, type PickerState, type PickQuery, type Random } from './picker.js';
import { RingHash } from './ring-hash.js';
import { type RoundPosition, RoundRobin } from './round-robin.js';
import { Turns } from './turns.js';
import { warmupFactor } from './warmup.js';
import { WeightedRandom } from './weighted-random.js';

/** What balancing goes by. */
export type BalancerPolicy = Pick<ClusterPolicy, 'balancing' | 'locality' | 'warmup' | 'outlier'>;

/** Why an endpoint has its share. */
export type MemberState = 'ready' | 'warming' | 'ejected' | 'standby' | 'other-locality';

export interface Share {
  readonly endpoint: ClusterEndpoint;
  /** Of the next pick. */
  readonly probability: number;
  readonly state: MemberState;
}

/** Weights are in hundredths while some are warming up. */
const warmScale = 100;
/** Steps of a warm-up, and how short they can be. */
const warmSteps = 50;
const leastWarmStepMs = 100;

/** How much of the way a response moves what is typical. */
const typicalStep = 0.02;

/** Members that are picked from, in one tier. */
interface Group {
  readonly name: string;
  readonly share: number;
  readonly members: readonly Member[];
  readonly picker: Picker;
}

/** What a tier keeps while its members come and go. */
interface Memory {
  readonly turns: Turns;
  readonly position: RoundPosition;
}

/** Balances over the endpoints of one cluster, for the clients of one policy. */
export class ClusterBalancer implements Ledger {
  #origin: Origin;
  readonly #random: Random;
  readonly #state: PickerState;
  readonly #typical = { value: 1, load: 0 };
  readonly #memories = new Map<string, Memory>();
  readonly #detector: OutlierDetector;
  #hasTypical = false;
  #policy: BalancerPolicy;
  #members = new Map<string, Member>();
  #groups: readonly Group[] = [];
  #states = new Map<Member, MemberState>();
  /** The groups hold until then, ms. */
  #validUntil = Number.NEGATIVE_INFINITY;
  #isFirst = true;

  /** `random` draws from [0, 1); `now` is monotonic, in ms. */
  constructor(policy: BalancerPolicy, origin: Origin, random: Random, now: number) {
    this.#policy = policy;
    this.#origin = origin;
    this.#random = random;
    this.#state = { random, typical: this.#typical };
    this.#detector = new OutlierDetector(policy.outlier, policy.balancing.type === 'adaptive', now);
  }

  get members(): Iterable<Member> {
    return this.#members.values();
  }

  /** What is known of an address stays. Returns the members that are gone. */
  update(
    endpoints: readonly ClusterEndpoint[],
    policy: BalancerPolicy,
    now: number,
    origin: Origin = this.#origin,
  ): readonly Member[] {
    const before = this.#members;
    const after = new Map<string, Member>();
    for (const endpoint of endpoints) {
      const address = addressOf(endpoint);
      const there = after.get(address);
      if (there !== undefined) {
        there.endpoint = { ...there.endpoint, weight: there.endpoint.weight + endpoint.weight };
        continue;
      }
      const known = before.get(address);
      if (known !== undefined) known.endpoint = endpoint;
      after.set(address, known ?? new Member(endpoint, this.#isFirst ? undefined : now));
    }
    this.#isFirst &&= endpoints.length === 0;
    this.#members = after;
    this.#policy = policy;
    this.#origin = origin;
    const healths = [...after.values()].map((member) => member.health);
    this.#detector.update(policy.outlier, policy.balancing.type === 'adaptive', healths, now);
    this.#validUntil = Number.NEGATIVE_INFINITY;
    return [...before.values()].filter((member) => !after.has(member.address));
  }

  /** Undefined: no endpoint can be used. Members that were tried are picked again only when there is no other. */
  pick(query: PickQuery): Lease | undefined {
    if (query.now >= this.#validUntil) this.#regroup(query.now);
    const groups = this.#groups;
    if (groups.length === 0) return undefined;
    const group = groups.length === 1 ? groups[0]! : this.#draw(query);
    let member = group.picker.pick(query);
    if (member === undefined) {
      const other = groups.find((each) => each.members.some((candidate) => !isTried(candidate, query)));
      member = other?.picker.pick(query) ?? group.picker.pick({ hash: query.hash, tried: [], now: query.now });
    }
    return member === undefined ? undefined : new Lease(this, member);
  }

  #draw(query: PickQuery): Group {
    const groups = this.#groups;
    const hash = this.#policy.balancing.type === 'hash' ? query.hash : undefined;
    let point = hash === undefined ? this.#random() : finishHash(hash ^ 0x5bd1_e995) / 2 ** 32;
    for (const group of groups) {
      if (point < group.share) return group;
      point -= group.share;
    }
    return groups.at(-1)!;
  }

  /** Of `Lease.settle`. */
  settled(lease: Lease, outcome: Outcome, latency: number | undefined, now: number): void {
    const { member } = lease;
    member.inFlight--;
    if (outcome.type === 'cancelled') return;
    if (outcome.type !== 'response' || isFault(outcome.status)) {
      member.latency.fault(this.#typical.value, now);
      Turns.forfeit(member);
    } else if (latency !== undefined) {
      member.latency.success(latency, lease.load, now);
      this.#learn(latency, lease.load / Math.max(member.weight, 1));
    }
    if (this.#members.get(member.address) !== member) return;
    if (this.#detector.record(member.health, outcome, now)) this.#validUntil = Number.NEGATIVE_INFINITY;
  }

  #learn(latency: number, load: number): void {
    const typical = this.#typical;
    typical.load += (load - typical.load) * typicalStep;
    if (this.#hasTypical) typical.value += (latency - typical.value) * typicalStep;
    else typical.value = Math.max(latency, 0.01);
    this.#hasTypical = true;
  }

  /** Takes over what another process has seen of a member. Before any pick. */
  adopt(member: Member, seen: Seen): void {
    member.inFlight = seen.inFlight;
    if (seen.latencyMs > 0) {
      member.latency.adopt(seen.latencyMs, seen.inFlight);
      this.#learn(seen.latencyMs, seen.inFlight / Math.max(member.endpoint.weight, 1));
    }
    member.health.ejection = seen.ejection;
  }

  /** Ejected members that are not used at `now`, however long ago the last pick was. */
  avoided(now: number): ReadonlySet<Member> {
    const isBack = this.#detector.sweep(now);
    if (isBack || this.#validUntil === Number.NEGATIVE_INFINITY) this.#regroup(now);
    return new Set([...this.#states].flatMap(([member, state]) => (state === 'ejected' ? [member] : [])));
  }

  /** What share of the picks each endpoint gets now, and why. In the endpoints' order. */
  probabilities(now: number): readonly Share[] {
    this.#regroup(now);
    const shares = new Map<Member, number>();
    for (const group of this.#groups) {
      const within = group.picker.shares(now);
      for (const [index, member] of group.members.entries()) shares.set(member, group.share * within[index]!);
    }
    return [...this.#members.values()].map((member) => ({
      endpoint: member.endpoint,
      probability: shares.get(member) ?? 0,
      state: this.#states.get(member)!,
    }));
  }

  #regroup(now: number): void {
    this.#detector.sweep(now);
    const members = [...this.#members.values()];
    const isWarming = this.#weigh(members, now);
    const weighty = members.filter((member) => member.weight > 0);
    const ready = weighty.filter((member) => member.endpoint.state === 'ready');
    const used = ready.length > 0 ? ready : weighty;
    const healthy = used.reduce((count, member) => count + (member.health.isEjected ? 0 : 1), 0);
    const isPanic = used.length > 0 && this.#detector.isPanic(healthy, used.length);
    const isUsable = (member: Member) => isPanic || !member.health.isEjected;

    const tiers = tiersOf(used, this.#policy.locality, this.#policy.outlier !== undefined, this.#origin);
    const usable = tiers.map((tier) => tier.members.filter(isUsable));
    const shares = tierShares(
      tiers,
      tiers.map((tier, index) => (tier.members.length === 0 ? 0 : usable[index]!.length / tier.members.length)),
    );
    const groups: Group[] = [];
    for (const [index, tier] of tiers.entries()) {
      if (shares[index] === 0) continue;
      const picker = this.#picker(tier.name, usable[index]!);
      groups.push({ name: tier.name, share: shares[index]!, members: usable[index]!, picker });
    }
    this.#groups = groups;
    this.#states = statesOf(members, used, groups, isPanic, (member) => this.#isWarming(member, now));
    this.#validUntil = Math.min(
      this.#detector.nextReturn,
      isWarming ? now + this.#warmStepMs : Number.POSITIVE_INFINITY,
    );
  }

  /** Gives each member its weight after warm-up. True: some are warming up. */
  #weigh(members: readonly Member[], now: number): boolean {
    const isWarming = members.some((member) => this.#isWarming(member, now));
    for (const member of members) {
      const { weight } = member.endpoint;
      if (!isWarming || weight === 0) member.weight = weight;
      else if (!this.#isWarming(member, now)) member.weight = weight * warmScale;
      else
        member.weight = Math.max(
          1,
          Math.round(weight * warmScale * warmupFactor(this.#policy.warmup!, now - member.joined!)),
        );
    }
    return isWarming;
  }

  #isWarming(member: Member, now: number): boolean {
    return (
      this.#policy.warmup !== undefined &&
      member.joined !== undefined &&
      now - member.joined < this.#policy.warmup.durationMs
    );
  }

  get #warmStepMs(): number {
    return Math.max(leastWarmStepMs, this.#policy.warmup!.durationMs / warmSteps);
  }

  #picker(tier: string, members: readonly Member[]): Picker {
    const { balancing } = this.#policy;
    const memory = this.#memory(tier, members);
    if (balancing.type === 'hash') {
      const { algorithm } = balancing;
      return algorithm.type === 'ringHash'
        ? new RingHash(members, algorithm.minimumRingSize, this.#random)
        : new MaglevHash(members, algorithm.tableSize, this.#random);
    }
    if (balancing.type === 'round-robin') return new RoundRobin(members, memory.position);
    if (balancing.type === 'least-request') return new LeastRequest(members, memory.turns, this.#random);
    if (balancing.type === 'adaptive') return new Adaptive(members, memory.turns, this.#state);
    return new WeightedRandom(members, this.#random);
  }

  #memory(tier: string, members: readonly Member[]): Memory {
    let memory = this.#memories.get(tier);
    if (memory === undefined) {
      memory = { turns: new Turns(), position: { fraction: this.#random() } };
      this.#memories.set(tier, memory);
    }
    for (const member of members) {
      if (member.hasTurn) continue;
      member.hasTurn = true;
      memory.turns.enter(member, this.#random());
    }
    return memory;
  }
}

function statesOf(
  members: readonly Member[],
  used: readonly Member[],
  groups: readonly Group[],
  isPanic: boolean,
  isWarming: (member: Member) => boolean,
): Map<Member, MemberState> {
  const inUse = new Set(used);
  const near = new Set(groups.flatMap((group) => group.members));
  return new Map(
    members.map((member): [Member, MemberState] => {
      if (!inUse.has(member)) return [member, member.endpoint.state === 'standby' ? 'standby' : 'ready'];
      if (member.health.isEjected && !isPanic) return [member, 'ejected'];
      if (!near.has(member)) return [member, 'other-locality'];
      return [member, isWarming(member) ? 'warming' : 'ready'];
    }),
  );
}
