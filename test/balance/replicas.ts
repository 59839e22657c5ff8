import type { Member } from '../../agent/balance/member.js';
import type { Random } from '../../agent/balance/picker.js';

export interface Load {
  /** Of each replica, relative to the service time. */
  readonly speeds: readonly number[];
  /** Mean of the exponential service time at speed 1, ms. */
  readonly serviceMs: number;
  /** Of the whole capacity. */
  readonly utilisation: number;
  readonly requests: number;
  readonly random: Random;
}

interface Job {
  readonly arrived: number;
  readonly load: number;
  work: number;
}

/** A balancer as the simulation sees it. */
export interface Subject {
  readonly members: readonly Member[];
  pick(now: number): Member;
  done(member: Member, ms: number, load: number, now: number): void;
}

/**
 * Poisson arrivals to replicas that serve one request after the other. Returns the latencies of all requests but the first tenth, in ms, sorted, and how many
 * each replica got.
 */
export function simulate(
  subject: Subject,
  load: Load,
): { readonly latencies: Float64Array; readonly served: readonly number[] } {
  const capacity = load.speeds.reduce((sum, speed) => sum + speed, 0);
  const gap = load.serviceMs / (capacity * load.utilisation);
  const exponential = (mean: number) => -mean * Math.log(1 - load.random());
  const queues: Job[][] = load.speeds.map(() => []);
  const ends = load.speeds.map(() => Number.POSITIVE_INFINITY);
  const index = new Map(subject.members.map((member, i) => [member, i]));
  const served = load.speeds.map(() => 0);
  const latencies: number[] = [];
  let next = exponential(gap);
  let arrived = 0;
  let finished = 0;
  while (finished < load.requests) {
    let server = 0;
    for (let i = 1; i < ends.length; i++) if (ends[i]! < ends[server]!) server = i;
    if (arrived < load.requests && next <= ends[server]!) {
      const member = subject.pick(next);
      const i = index.get(member)!;
      const work = exponential(load.serviceMs) / load.speeds[i]!;
      if (queues[i]!.push({ arrived: next, load: member.inFlight, work }) === 1) ends[i] = next + work;
      member.inFlight++;
      served[i]!++;
      arrived++;
      next += exponential(gap);
      continue;
    }
    const now = ends[server]!;
    const job = queues[server]!.shift()!;
    const member = subject.members[server]!;
    member.inFlight--;
    ends[server] = queues[server]!.length === 0 ? Number.POSITIVE_INFINITY : now + queues[server]![0]!.work;
    subject.done(member, now - job.arrived, job.load, now);
    if (++finished > load.requests / 10) latencies.push(now - job.arrived);
  }
  return { latencies: Float64Array.from(latencies).sort(), served };
}

/** `share` in [0, 1] of sorted values. */
export function quantile(sorted: Float64Array, share: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))]!;
}
