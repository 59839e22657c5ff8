import type { ExplainQuery } from '../api/items.js';
import { variantFor } from '../balance/variant.js';
import type { Explanation } from '../compile/explain.js';
import { explainHttp } from '../compile/explain-http.js';
import { matchTcp } from '../compile/l4-route.js';
import { requestPath } from '../compile/request-path.js';
import type { ClientView, RequestView } from '../compile/route.js';
import type { Snapshot, Target } from '../compile/snapshot.js';
import { methodRefusal } from '../gateway/http1/request-head.js';
import { ExplainedClusters } from './explained-clusters.js';
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
  const clusters = (request: RequestView | undefined): ExplainedClusters =>
    new ExplainedClusters({
      snapshot,
      reports: [...parts.requests.reports.values()],
      pod,
      family: target.family,
      request,
    });
  if (target.detection === 'opaque') return explainBytes(connection, target, client, clusters(undefined));
  const request = requestOf(query, target);
  if ('refusal' in request) {
    const { status, refusal } = request;
    return { ...connection, verdict: 'refuse', status, candidates: [], steps: [...connection.steps, refusal] };
  }
  const asked = clusters(request);
  const { rule, decided, status, candidates, steps } = explainHttp(
    { table: target.http, request, client, cluster: target.cluster },
    (cluster) => asked.sharesOf(cluster),
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
      ...asked.policies,
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
  asked: ExplainedClusters,
): Explanation {
  const view = { sni: '', source: '', destination: target.addresses[0], port: target.port };
  const rule = matchTcp(target.tcp, view, client);
  const destinations = rule?.destinations ?? [{ cluster: target.cluster, weight: 1 }];
  const total = destinations.reduce((sum, { weight }) => sum + weight, 0);
  const candidates = destinations.flatMap(({ cluster, weight }) =>
    (asked.sharesOf(cluster) ?? []).map((each) => ({
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
    steps: [
      ...connection.steps,
      ...tls,
      `${led}: ${destinations.map(({ cluster }) => cluster).join(', ')}`,
      ...asked.policies,
    ],
  };
}

/** What the gateway answers to bytes that it takes for no request, and why, as a sentence. */
interface Refused {
  readonly status: 400 | 405;
  readonly refusal: string;
}

function requestOf(query: ExplainQuery, target: Target): RequestView | Refused {
  const method = query.method || 'GET';
  const refused = methodRefusal(method);
  if (refused !== 0)
    return { status: refused, refusal: `the method ${JSON.stringify(method)} is refused over HTTP/1.1: ${refused}` };
  const [written = '', search] = (query.path || '/').split(/\?(.*)/s);
  const path = requestPath(written);
  if (path === undefined) return { status: 400, refusal: `the path ${JSON.stringify(written)} is refused: 400` };
  const fields = new Map<string, string>();
  for (const { name, value } of query.headers) {
    const lower = name.toLowerCase();
    const before = fields.get(lower);
    fields.set(lower, before === undefined ? value : `${before},${value}`);
  }
  return {
    method,
    scheme: 'http',
    authority: fields.get('host') ?? query.to,
    path,
    query: search ?? '',
    port: target.port,
    header: (name) => fields.get(name),
    isGrpc: fields.get('content-type')?.startsWith('application/grpc') === true,
  };
}
