import type { Cluster, ClusterEndpoint, ClusterPolicy, HashKey } from '../balance/cluster.js';
import { forecast, type Seen } from '../balance/forecast.js';
import type { Ejection } from '../balance/health.js';
import { addressOf } from '../balance/member.js';
import { variantFor } from '../balance/variant.js';
import type { ExplainedCandidate } from '../compile/explain.js';
import { sourceHash } from '../compile/maglev.js';
import type { RequestView } from '../compile/route.js';
import type { ClientPod, Snapshot } from '../compile/snapshot.js';
import type { WorkerReport } from '../gateway/messages.js';
import { hashChoice } from '../gateway/proxy/hash-key.js';
import type { EndpointState } from '../gateway/upstream/attempt.js';
import { canonicalAddress } from '../model/address.js';

export interface ClusterQuestion {
  readonly snapshot: Snapshot;
  /** What each worker last said of itself. */
  readonly reports: readonly WorkerReport[];
  /** Who asks; undefined: no Pod of the snapshot. */
  readonly pod: ClientPod | undefined;
  /** Of the Service port that was asked for. */
  readonly family: 4 | 6;
  /** Undefined: bytes that nobody reads. */
  readonly request: RequestView | undefined;
}

/** The clusters that a question leads to: what their balancing does with it, and by which policy. */
export class ExplainedClusters {
  readonly #question: ClusterQuestion;
  /** By cluster. */
  readonly #policies = new Map<string, string>();

  constructor(question: ClusterQuestion) {
    this.#question = question;
  }

  /** One sentence for each cluster whose shares were asked for: `policy ROUND_ROBIN by DestinationRule NS/NAME`. */
  get policies(): readonly string[] {
    if (this.#policies.size === 1) return [...this.#policies.values()];
    return Array.from(this.#policies, ([cluster, sentence]) => `${cluster}: ${sentence}`);
  }

  /**
   * Each worker balances by itself: an endpoint's share is the mean over those that use it. Where a key is hashed and the question has it, all of it is the endpoint's
   * that the key belongs to. Undefined: there is no such cluster.
   */
  sharesOf(key: string): readonly ExplainedCandidate[] | undefined {
    const { snapshot, reports, pod } = this.#question;
    const cluster = snapshot.clusters[key];
    if (cluster === undefined) return undefined;
    const states = reports.map((report) => report.endpoints.filter((each) => each.cluster === key));
    const { members, policy } = cluster.variants[variantFor(cluster.variants, pod)]!;
    const endpoints = resolved(cluster, members, states.flat());
    const origin = { locality: snapshot.locality, node: snapshot.node, labels: pod?.labels ?? {} };
    const hash = this.#hashFor(policy);
    const isResolved = endpoints.every(({ address }) => canonicalAddress(address) !== undefined);
    const shares = forecast(policy, endpoints, origin, states.map(seenBy), isResolved ? hash : undefined);
    const candidates = shares.map(({ endpoint, probability, state }) => ({
      backend: endpoint.name,
      address: addressOf(endpoint),
      probability,
      state,
    }));
    this.#policies.set(key, policySentence(policy, hash, isResolved ? candidates : []));
    return candidates;
  }

  /** As workers hash a request, or an L4 connection. Undefined: nothing is hashed, or the question lacks the key. */
  #hashFor({ balancing }: ClusterPolicy): number | undefined {
    if (balancing.type !== 'hash') return undefined;
    const { pod, family, request } = this.#question;
    const address = pod?.addresses.find((each) => each.includes(':') === (family === 6));
    if (balancing.key.type === 'sourceIp') return address === undefined ? undefined : sourceHash(address);
    if (request === undefined) return undefined;
    const { hash, setCookie } = hashChoice(balancing.key, request, '', () => 0);
    return setCookie === '' ? hash : undefined;
  }
}

/** The endpoints of a variant, each DNS name as the addresses that workers know for it; the name itself where none knows any. */
function resolved(
  { endpoints, resolution }: Cluster,
  members: readonly number[] | undefined,
  states: readonly EndpointState[],
): readonly ClusterEndpoint[] {
  const chosen = members?.map((index) => endpoints[index]!) ?? endpoints;
  if (resolution !== 'dns') return chosen;
  return chosen.flatMap((endpoint) => {
    if (canonicalAddress(endpoint.address) !== undefined) return [endpoint];
    const known = new Set(states.filter(({ name }) => name === endpoint.name).map(({ address }) => address));
    const tail = `:${endpoint.port}`;
    const addresses = [...known].filter((each) => each.endsWith(tail)).map((each) => each.slice(0, -tail.length));
    if (addresses.length === 0) return [endpoint];
    return addresses.map((address) => ({ ...endpoint, address: address.replace(/^\[|\]$/g, '') }));
  });
}

function seenBy(states: readonly EndpointState[]): ReadonlyMap<string, Seen> {
  return new Map(
    states.map(({ address, inFlight, latencyMs, ejected, ejection }): [string, Seen] => [
      address,
      { inFlight, latencyMs, ejection: ejected ? (ejection as Ejection) : undefined },
    ]),
  );
}

function policySentence(
  { balancing, source }: ClusterPolicy,
  hash: number | undefined,
  candidates: readonly ExplainedCandidate[],
): string {
  if (balancing.type !== 'hash') return `policy ${balancing.type.toUpperCase().replace('-', '_')} by ${source}`;
  const { algorithm, key } = balancing;
  const name = algorithm.type === 'ringHash' ? 'RING_HASH' : 'MAGLEV';
  const owners = candidates.filter(({ probability }) => probability > 0).map(({ backend }) => backend);
  const what = hash === undefined ? unknownKey(key) : 'always the same one of these';
  const one = hash !== undefined && owners.length > 0 ? `this one belongs to ${owners.join(' or ')}` : what;
  return `policy ${name} of ${keyName(key)} by ${source}: ${one}`;
}

function keyName(key: HashKey): string {
  switch (key.type) {
    case 'header':
      return `header ${key.name}`;
    case 'query':
      return `query parameter ${key.name}`;
    case 'cookie':
      return `cookie ${key.name}`;
    case 'sourceIp':
      return "the client's address";
  }
}

function unknownKey(key: HashKey): string {
  if (key.type === 'sourceIp') return "always the same one of these, but the client's address is not known";
  const without = 'there is none, so that any of these is picked';
  return key.type === 'cookie' && key.ttlMs !== undefined ? `${without}, and a cookie made for it` : without;
}
