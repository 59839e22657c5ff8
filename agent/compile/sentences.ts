import { Gateway, Policy } from '../tables/layout.gen.js';
import { drawnSlots, type Pick, type PickSubject, scanSlots } from './pick.js';
import type { BackendState } from './plan.js';

/** How many backends a sentence names before it counts the rest. */
const shownNames = 5;

export function policyName(policy: number): string {
  return Object.entries(Policy).find(([, value]) => value === policy)?.[0] ?? `number ${policy}`;
}

/** What the pick did and why. `nameOf` gives a backend id's name. */
export function pickSteps(pick: Pick, subject: PickSubject, nameOf: (id: number) => string): readonly string[] {
  const { frontend, service } = subject;
  switch (pick.reason) {
    case 'gateway':
      return ["the gateway decides by request: connect() leads to its listener in the Pod's network namespace"];
    case 'gateway_down':
      return [`${whyDown(subject)}, and the Service is closed then: the connection is refused`];
    case 'passthrough':
      return ['PASSTHROUGH leaves the address as it is'];
    case 'no_backend':
      return ['no backend is usable: the connection is refused'];
    case 'max_connections':
      return [
        `${service?.inflight} connections are in flight and maxConnections is ${frontend.maxConnections}: refused`,
      ];
    case 'table_broken':
      return ['a row that the table names is missing: the connection is refused'];
    case 'affinity': {
      const [held] = pick.probabilities.keys();
      return [
        ...bypassStep(subject),
        `sessionAffinity (${frontend.affinitySeconds} s): its last pick, ${nameOf(held!)}, again`,
      ];
    }
    case 'picked':
      return [
        ...bypassStep(subject),
        ...affinityStep(subject),
        ...limitStep(subject),
        pickStep(pick, subject, nameOf),
        ...brokenStep(pick),
      ];
  }
}

function whyDown({ gateway }: PickSubject): string {
  return gateway.serves ? 'the gateway has no listener for the Pod yet' : 'the gateway does not serve';
}

function bypassStep(subject: PickSubject): readonly string[] {
  if (!subject.connection || subject.frontend.gateway === Gateway.NONE) return [];
  return [`${whyDown(subject)}: the connection is balanced without it`];
}

function affinityStep({ frontend, affinity, nowNs }: PickSubject): readonly string[] {
  if (frontend.affinitySeconds === 0) return [];
  const title = `sessionAffinity (${frontend.affinitySeconds} s)`;
  if (affinity === undefined) return [`${title}: no earlier pick of this client`];
  const seconds = (nowNs - affinity.usedNs) / 1_000_000_000n;
  const expired = seconds >= BigInt(frontend.affinitySeconds);
  return [
    `${title}: the last pick, ${seconds} s ago, ${expired ? 'has expired' : 'is not among the backends any more'}`,
  ];
}

function limitStep({ frontend, service, connection }: PickSubject): readonly string[] {
  if (frontend.maxConnections === 0 || !connection) return [];
  return [`${service?.inflight ?? 0} of at most ${frontend.maxConnections} connections are in flight`];
}

function pickStep(pick: Pick, subject: PickSubject, nameOf: (id: number) => string): string {
  const { frontend, slots, hash } = subject;
  switch (frontend.policy) {
    case Policy.ROUND_ROBIN:
      return `in turn, exactly by weight over ${frontend.weightTotal} picks; the next is ${nameOf(pick.next!)}`;
    case Policy.RANDOM:
      return `at random by weight among ${slots.length}`;
    case Policy.MAGLEV: {
      const [picked] = pick.probabilities.keys();
      return `hash ${hash} of the client's address is entry ${hash % frontend.ringSize} of ${frontend.ringSize}: ${nameOf(picked!)}`;
    }
    default:
      return slots.length <= scanSlots
        ? `the fewest connections in flight for its weight, of all ${slots.length}; equals at random by weight`
        : `the fewest connections in flight for its weight, of ${drawnSlots} drawn by weight from ${slots.length}`;
  }
}

function brokenStep(pick: Pick): readonly string[] {
  let sum = 0;
  for (const share of pick.probabilities.values()) sum += share;
  const broken = 1 - sum;
  if (broken < 1e-9) return [];
  return [`${(100 * broken).toFixed(2)} % of picks are refused: their backend's row is missing`];
}

const exclusionReasons: Readonly<Partial<Record<BackendState, string>>> = {
  unready: 'not ready',
  drained: 'drained',
  weightless: 'manual weight 0',
  'other-node': 'on another node, and traffic stays on this one',
  'other-zone': 'in another zone, and traffic stays in this one',
  standby: 'terminating while another is ready',
};

/** One sentence for each state that excludes backends, naming the first few of them. */
export function exclusionSteps(
  candidates: readonly { readonly backend: string; readonly state: string }[],
): readonly string[] {
  return Object.entries(exclusionReasons).flatMap(([state, reason]) => {
    const excluded = candidates.filter((each) => each.state === state).map((each) => each.backend);
    if (excluded.length === 0) return [];
    const more = excluded.length > shownNames ? ` and ${excluded.length - shownNames} more` : '';
    return [`not used, ${reason}: ${excluded.slice(0, shownNames).join(', ')}${more}`];
  });
}
