import { type CompiledSnapshot, compileSnapshot } from '../../agent/compile/compile-snapshot.js';
import { changePath } from '../../agent/compile/path-change.js';
import { noOverrides } from '../../agent/compile/plan.js';
import { type ClientView, compileTable, matchHttp } from '../../agent/compile/route.js';
import type { HeaderChange, HttpMatch, HttpRule, RouteAction, RouteTable } from '../../agent/compile/snapshot.js';
import { hostOfAuthority, ingressHostOf } from '../../agent/compile/virtual-host.js';
import { Cors } from '../../agent/gateway/proxy/cors.js';
import { abortOf } from '../../agent/gateway/proxy/fault.js';
import { locationOf } from '../../agent/gateway/proxy/location.js';
import { ReceivedRequest } from '../../agent/gateway/proxy/received.js';
import { Catalog } from '../../agent/model/catalog.js';
import { serviceOfHost } from '../../agent/model/names.js';
import type { ObjectFinding } from '../../agent/model/references.js';
import { readManifest } from '../../agent/sources/manifest.js';
import { castOf } from './cast.js';
import type { Expected, Row } from './row.js';

/** What the compiled rules say about a row's request; every part that is known is there. */
export type Outcome = Omit<Expected, 'has'> & { readonly compiled?: HttpRule };

export interface Compiled {
  readonly catalog: Catalog;
  readonly snapshot: CompiledSnapshot;
  readonly findings: readonly ObjectFinding[];
}

/** The cast and these manifests, compiled. Throws when they are not valid. */
export async function compiled(manifests: string): Promise<Compiled> {
  const { objects, problems } = await readManifest('table.yaml', `${castOf()}---\n${manifests}`);
  const errors = problems.filter(({ severity }) => severity === 'error');
  if (errors.length > 0) throw new Error(JSON.stringify(errors, undefined, 1));
  const catalog = new Catalog();
  catalog.apply(objects.map((object) => ({ type: 'put', object })));
  const { snapshot, findings } = compileSnapshot(catalog, {
    node: 'here',
    directoryMode: true,
    gatewayLabels: { istio: 'ingressgateway' },
    accessLog: false,
    overrides: () => noOverrides,
    readPem: () => ({ ok: false, error: 'there are no files' }),
  });
  return { catalog, snapshot, findings };
}

/** A row's request, and the rules that it is matched against. */
export interface Asked {
  readonly table: RouteTable;
  readonly client: ClientView;
  readonly request: ReceivedRequest;
  /** Of the Service; empty for ingress. */
  readonly cluster: string;
}

type Addressee = Omit<Asked, 'request'> & { readonly port: number };

/** `l4`: the port is not the gateway's; `unknown`: no server has the host; `redirect`: every request is sent to https. */
export function askedOf(row: Row, { catalog, snapshot }: Compiled): Asked | 'l4' | 'unknown' | 'redirect' {
  const authority = row.request?.headers?.host ?? row.to;
  const addressee =
    row.ingress === undefined ? meshAddressee(row, catalog, snapshot) : ingressAddressee(row, authority, snapshot);
  if (addressee === undefined) return row.ingress === undefined ? 'l4' : 'unknown';
  return addressee === 'redirect' ? addressee : { ...addressee, request: requestOf(row, authority, addressee.port) };
}

export function outcomeOf(row: Row, mesh: Compiled): Outcome {
  const asked = askedOf(row, mesh);
  if (asked === 'l4') return { l4: true };
  if (asked === 'unknown') return { status: 404 };
  if (asked === 'redirect') return { status: 301 };
  const { table, request, client, cluster } = asked;
  const verdict = matchHttp(compileTable(table), request, client);
  switch (verdict.type) {
    case 'default':
      return { rule: '', shares: { [cluster]: 1 } };
    case 'no-match':
      return { status: 404 };
    case 'rule': {
      const { rule, match } = verdict;
      return { rule: rule.name, compiled: rule, ...effectOf(rule, match, request, mesh.snapshot, row) };
    }
  }
}

function meshAddressee(row: Row, catalog: Catalog, snapshot: CompiledSnapshot): Addressee | undefined {
  const from = row.from ?? 'default/client';
  const pod = catalog.pod(from)!;
  const [host, port] = row.to.split(':');
  const key = serviceOfHost(host!, pod.meta.namespace);
  const target = snapshot.targets[`${key}:${port}/TCP/4`];
  if (target === undefined || target.detection === 'opaque') return undefined;
  const client = { namespace: pod.meta.namespace, labels: pod.meta.labels, gateway: 'mesh' };
  return { table: target.http, client, port: target.port, cluster: target.cluster };
}

function ingressAddressee(row: Row, authority: string, snapshot: CompiledSnapshot): Addressee | 'redirect' | undefined {
  const listener = snapshot.ingress[row.ingress!];
  const found = listener && ingressHostOf(listener, hostOfAuthority(authority));
  if (found === undefined) return undefined;
  const { server, virtualHost } = found;
  if (server.httpsRedirect) return 'redirect';
  if (virtualHost === undefined) return undefined;
  const client = { namespace: '', labels: {}, gateway: server.gateway };
  return { table: virtualHost.table, client, port: row.ingress!, cluster: '' };
}

function requestOf({ request }: Row, authority: string, port: number): ReceivedRequest {
  const { method = 'GET', path = '/', headers = {} } = request ?? {};
  const fields = Object.entries(headers).filter(([name]) => name !== 'host');
  const head = { method, scheme: 'http', authority, target: path, fields: fields.flat() };
  return new ReceivedRequest(head as unknown as ConstructorParameters<typeof ReceivedRequest>[0], port);
}

function effectOf(
  rule: HttpRule,
  match: HttpMatch | undefined,
  request: ReceivedRequest,
  snapshot: CompiledSnapshot,
  row: Row,
): Outcome {
  const { action } = rule;
  const preflight = rule.cors && new Cors(rule.cors).decide(request);
  const answered = { ...changed({}, [rule.headers.response]), ...corsMarks(rule, request) };
  if (action.type !== 'route' && preflight?.type === 'answer') {
    return { status: 200, answered: mapped(preflight.fields) };
  }
  switch (action.type) {
    case 'direct':
      return { status: action.status, body: Buffer.from(action.body, 'base64').toString(), answered };
    case 'redirect':
      return { status: action.status, location: locationOf(action, match, request), answered };
    case 'route': {
      const aborted = rule.fault && abortOf(rule.fault, () => 0.5);
      if (aborted !== undefined) return { status: aborted.status };
      if (preflight?.type === 'answer') return { status: 200, answered: mapped(preflight.fields) };
      const shares = sharesOf(action, snapshot);
      const [only, ...others] = Object.keys(shares);
      const status = others.length === 0 && only?.startsWith('status ') ? Number(only.slice(7)) : undefined;
      return { shares, ...(status === undefined ? sent(rule, action, match, request, row) : { status }) };
    }
  }
}

function mapped(fields: readonly string[]): Record<string, string> {
  const result: Record<string, string> = {};
  for (let index = 0; index < fields.length; index += 2) result[fields[index]!] = fields[index + 1]!;
  return result;
}

/** What CORS adds to an answer that is no preflight's. */
function corsMarks(rule: HttpRule, request: ReceivedRequest): Record<string, string> {
  const cors = rule.cors && new Cors(rule.cors);
  const decision = cors?.decide(request);
  const fields: string[] = [];
  if (decision?.type === 'forward' && decision.origin !== '') cors!.mark(decision.origin, fields);
  return mapped(fields);
}

function sharesOf({ destinations }: RouteAction, snapshot: CompiledSnapshot): Record<string, number> {
  const total = destinations.reduce((sum, { weight }) => sum + weight, 0);
  if (total === 0) return { 'status 500': 1 };
  const shares: Record<string, number> = {};
  for (const { cluster, weight, failWith } of destinations) {
    if (weight === 0) continue;
    const failed = failWith ?? (snapshot.clusters[cluster] === undefined ? 503 : undefined);
    const key = failed === undefined ? cluster : `status ${failed}`;
    shares[key] = (shares[key] ?? 0) + weight / total;
  }
  return shares;
}

/** What a backend of the first destination gets, and what its answer gets. */
function sent(
  rule: HttpRule,
  action: RouteAction,
  match: HttpMatch | undefined,
  request: ReceivedRequest,
  row: Row,
): Outcome {
  const destination = action.destinations.find(({ weight }) => weight > 0)!;
  const rewrite = { ...action.rewrite, ...destination.rewrite };
  const change = destination.rewrite?.path ?? action.rewrite?.path;
  const path = change === undefined ? request.path : changePath(change, match, request.path);
  return {
    sent: {
      path: request.query === '' ? path : `${path}?${request.query}`,
      authority: rewrite.authority || request.authority,
      headers: changed(row.request?.headers ?? {}, [destination.headers.request, rule.headers.request]),
    },
    answered: {
      ...changed({}, [destination.headers.response, rule.headers.response]),
      ...corsMarks(rule, request),
    },
  };
}

function changed(
  headers: Readonly<Record<string, string>>,
  changes: readonly HeaderChange[],
): Record<string, string | undefined> {
  const result: Record<string, string | undefined> = { ...headers };
  for (const { remove, set, add } of changes) {
    for (const name of remove) delete result[name.toLowerCase()];
    for (const [name, value] of set) result[name.toLowerCase()] = value;
    for (const [name, value] of add) {
      const before = result[name.toLowerCase()];
      result[name.toLowerCase()] = before === undefined ? value : `${before}, ${value}`;
    }
  }
  return result;
}
