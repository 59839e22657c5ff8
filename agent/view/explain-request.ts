import type { ExplainQuery } from '../api/items.js';
import { forecast, type Seen } from '../balance/forecast.js';
import type { Ejection } from '../balance/health.js';
import { addressOf } from '../balance/member.js';
import { variantFor } from '../balance/variant.js';
import type { ExplainedCandidate, Explanation } from '../compile/explain.js';
import { explainHttp } from '../compile/explain-http.js';
import { matchTcp } from '../compile/l4-route.js';
import { requestPath } from '../compile/request-path.js';
import type { ClientView, RequestView } from '../compile/route.js';
import type { ClientPod, Snapshot, Target } from '../compile/snapshot.js';
import type { ViewParts } from './parts.js';

/** What the gateway does with a request over a connection that the programs lead to it. */
export function explainRequest(
  parts: Pick<ViewParts, 'supervisor' | 'requests'>,
  query: ExplainQuery,
  connection: Explanation,
): Explanation {
  const { snapshot } = parts.supervisor;
  const target = targetOf(snapshot, connection);
  if (target === undefined)
    return { ...connection, status: 0, steps: [...connection.steps, 'the gateway has no rules for this port yet'] };
  const pod = snapshot.clients[query.from];
  const client: ClientView = {
    namespace: query.from.slice(0, query.from.indexOf('/')),
    labels: pod?.labels ?? {},
    gateway: 'mesh',
  };
  const sharesOf = (cluster: string): readonly ExplainedCandidate[] | undefined =>
    shares(parts, snapshot, cluster, pod);
  if (target.detection === 'opaque') return explainBytes(connection, target, client, sharesOf);
  const request = requestOf(query, target);
  if (typeof request === 'string')
    return { ...connection, verdict: 'refuse', status: 400, candidates: [], steps: [...connection.steps, request] };
  const { rule, decided, status, candidates, steps } = explainHttp(
    { table: target.http, request, client, cluster: target.cluster },
    sharesOf,
  );
  const cluster = decided?.action.type === 'route' ? undefined : snapshot.clusters[target.cluster];
  const policy = cluster?.variants[variantFor(cluster.variants, pod)]?.policy.source ?? '';
  const isServed = candidates.some(({ probability }) => probability > 0);
  const told = status ?? (isServed ? 0 : 503);
  return {
    ...connection,
    verdict: told === 0 ? 'redirect' : decided === undefined || told >= 500 ? 'refuse' : 'answer',
    rule: rule || (status === undefined ? policy : ''),
    candidates,
    next: '',
    status: told,
    steps: [
      ...connection.steps,
      `the request is ${request.method} ${request.authority}${request.path}`,
      ...steps,
      ...(status === undefined && !isServed ? ['no endpoint can be used: 503'] : []),
    ],
  };
}

function targetOf({ targets }: Snapshot, { service, port }: Explanation): Target | undefined {
  return targets[`${service}:${port}/TCP/4`] ?? targets[`${service}:${port}/TCP/6`];
}

function explainBytes(
  connection: Explanation,
  target: Target,
  client: ClientView,
  sharesOf: (cluster: string) => readonly ExplainedCandidate[] | undefined,
): Explanation {
  const view = { sni: '', source: '', destination: target.addresses[0], port: target.port };
  const rule = matchTcp(target.tcp, view, client);
  const destinations = rule?.destinations ?? [{ cluster: target.cluster, weight: 1 }];
  const total = destinations.reduce((sum, { weight }) => sum + weight, 0);
  const candidates = destinations.flatMap(({ cluster, weight }) =>
    (sharesOf(cluster) ?? []).map((each) => ({
      ...each,
      probability: total === 0 ? 0 : (each.probability * weight) / total,
    })),
  );
  const tls = target.tls.length === 0 ? [] : [`${target.tls.length} tls rules look at the server name of TLS first`];
  const led = rule === undefined ? 'no tcp rule is for this client' : `${rule.name} leads it`;
  return {
    ...connection,
    rule: rule?.name ?? '',
    candidates,
    next: '',
    status: 0,
    steps: [...connection.steps, ...tls, `${led}: ${destinations.map(({ cluster }) => cluster).join(', ')}`],
  };
}

/** What is wrong with the question, as a sentence, instead of a request that cannot be. */
function requestOf(query: ExplainQuery, target: Target): RequestView | string {
  const [written = '', search] = (query.path || '/').split(/\?(.*)/s);
  const path = requestPath(written);
  if (path === undefined) return `the path ${JSON.stringify(written)} is refused: 400`;
  const fields = new Map<string, string>();
  for (const { name, value } of query.headers) {
    const lower = name.toLowerCase();
    const before = fields.get(lower);
    fields.set(lower, before === undefined ? value : `${before},${value}`);
  }
  return {
    method: query.method || 'GET',
    scheme: 'http',
    authority: fields.get('host') ?? query.to,
    path,
    query: search ?? '',
    port: target.port,
    header: (name) => fields.get(name),
    isGrpc: fields.get('content-type')?.startsWith('application/grpc') === true,
  };
}

/** Each worker balances by itself: an endpoint's share is the mean over those that use it. */
function shares(
  { requests }: Pick<ViewParts, 'requests'>,
  snapshot: Snapshot,
  key: string,
  client: ClientPod | undefined,
): readonly ExplainedCandidate[] | undefined {
  const cluster = snapshot.clusters[key];
  if (cluster === undefined) return undefined;
  const { members, policy } = cluster.variants[variantFor(cluster.variants, client)]!;
  const endpoints = members === undefined ? cluster.endpoints : members.map((index) => cluster.endpoints[index]!);
  const origin = { locality: snapshot.locality, node: snapshot.node, labels: client?.labels ?? {} };
  const processes = [...requests.reports.values()].map(
    (report) =>
      new Map(
        report.endpoints
          .filter((each) => each.cluster === key)
          .map(({ address, inFlight, latencyMs, ejected, ejection }): [string, Seen] => [
            address,
            { inFlight, latencyMs, ejection: ejected ? (ejection as Ejection) : undefined },
          ]),
      ),
  );
  return forecast(policy, endpoints, origin, processes).map(({ endpoint, probability, state }) => ({
    backend: endpoint.name,
    address: addressOf(endpoint),
    probability,
    state,
  }));
}
