import type { Cluster } from '../../balance/cluster.js';
import { variantFor } from '../../balance/variant.js';
import type { RequestHead } from '../exchange.js';
import type { AttemptQuery } from '../upstream/attempt.js';
import type { Call } from './call.js';
import { happens } from './fault.js';
import { setField } from './fields.js';
import { grpcTimeoutMs, grpcTimeoutText } from './grpc.js';
import { type HashChoice, hashChoice, noHash } from './hash-key.js';
import { type LocalAnswer, noCluster, plainAnswer } from './local-answer.js';
import { MirroredRequest, mirrorHead } from './mirror.js';
import { forwardedFields, outgoingHead, rewrittenHead } from './outgoing.js';
import { type DestinationPlan, drawDestination, type RoutePlan } from './rule-plan.js';

/** Where a request goes. */
export interface Route {
  readonly plan: RoutePlan;
  readonly destination: DestinationPlan;
  readonly cluster: Cluster;
  /** As it goes on the first time. */
  readonly head: RequestHead;
  readonly hash: HashChoice;
  /** ms, of a gRPC call; undefined: none. */
  readonly deadlineMs: number | undefined;
}

/** Every destination has weight 0, or there is none (Gateway API: 500). */
const noDestination: LocalAnswer = plainAnswer(500, 'NC', '');

/** Chooses a destination by weight and makes the request that goes there; or the answer when it can go nowhere. */
export function routeOf(call: Call, action: RoutePlan): Route | LocalAnswer {
  const destination = drawDestination(action);
  if (destination === undefined) return noDestination;
  call.cluster = destination.cluster;
  if (destination.failWith !== undefined) return destination.failWith;
  const cluster = call.snapshot.clusters[destination.cluster];
  if (cluster === undefined) return noCluster;
  const { balancing } = cluster.variants[variantFor(cluster.variants, call.client)]!.policy;
  const { address } = call.downstream;
  const hash = balancing.type === 'hash' ? hashChoice(balancing.key, call.request, address, call.parts.random) : noHash;
  const head = headFor(call, destination);
  const deadlineMs = deadlineOf(call, action, head);
  return { plan: action, destination, cluster, head, hash, deadlineMs };
}

function headFor(call: Call, { request: changes, rewrite }: DestinationPlan): RequestHead {
  const { request, downstream, match } = call;
  const fields = forwardedFields(request, downstream, call.requestId);
  if (changes.length === 0 && rewrite === undefined) {
    return outgoingHead(request.head, fields, request.authority, request.head.target);
  }
  return rewrittenHead(request, fields, changes, rewrite, match, call.formatContext(undefined));
}

/** The client's deadline; the backend is told of the rule's timeout where that is shorter. */
function deadlineOf({ request }: Call, { timeoutMs }: RoutePlan, { fields }: RequestHead): number | undefined {
  if (!request.isGrpc) return undefined;
  const own = request.grpcTimeout === '' ? undefined : grpcTimeoutMs(request.grpcTimeout);
  if (timeoutMs !== undefined && (own === undefined || timeoutMs < own)) {
    setField(fields, 'grpc-timeout', grpcTimeoutText(timeoutMs));
  }
  return own;
}

/** Copies for the route's mirrors, begun. */
export function mirrorsOf(call: Call, { destination, head, plan }: Route): MirroredRequest[] {
  const begun: MirroredRequest[] = [];
  for (const { cluster, percent } of destination.mirrors) {
    if (!happens(percent, call.parts.random) || call.snapshot.clusters[cluster] === undefined) continue;
    const query: AttemptQuery = {
      snapshot: call.snapshot,
      cluster,
      downstream: call.downstream,
      client: call.client,
      head: mirrorHead(head),
      hash: undefined,
      tried: [],
      isRetry: false,
    };
    const mirror = MirroredRequest.begin(call.parts, query, call.body.isEmpty, plan.timeoutMs);
    if (mirror !== undefined) begun.push(mirror);
  }
  return begun;
}
