import { canonicalSubnet } from './address.js';
import { flagOf, labelsOf, mappingOf, mappingsOf, numberOf, textOf, textsOf } from './checked.js';
import { at, fieldOf, type Raw } from './fields.js';
import { child, type Findings, quote } from './findings.js';
import type { Metadata } from './mesh.js';
import { isHost, isName, wildcardCovers } from './names.js';
import { readNamedMatches, readOptionalMatch } from './parse-match.js';
import { readHttpRoute } from './parse-virtual-route.js';
import { readExportTo } from './parse-visibility.js';
import { readWeights } from './parse-weights.js';
import { checkShape } from './schema.js';
import * as istio from './schema-istio.js';
import type {
  VirtualHttpMatch,
  VirtualService,
  VirtualTcpMatch,
  VirtualTcpRoute,
  VirtualTlsMatch,
  VirtualTlsRoute,
} from './virtual-service.js';

/** networking.istio.io VirtualService, checked as Istio's own validation does (istio/istio, pkg/config/validation). */
export function parseVirtualService(found: Findings, raw: Raw, meta: Metadata): VirtualService | undefined {
  const spec = (fieldOf(raw, 'spec') ?? {}) as Raw;
  checkShape(found, spec, istio.virtualService, 'spec');
  if (found.malformed) return undefined;
  if (meta.annotations['weft.dev/rollout'] !== undefined) {
    found.warning('WEFT0303', child('metadata.annotations', 'weft.dev/rollout'), 'is not enforced by this version');
  }
  const hosts = textsOf(spec, 'hosts');
  const delegate = hosts.length === 0;
  const gateways = readGateways(found, spec, 'spec', meta.namespace) ?? (delegate ? [] : ['mesh']);
  if (delegate) checkDelegate(found, spec);
  else checkHosts(found, hosts, gateways);
  return {
    kind: 'VirtualService',
    meta,
    hosts,
    gateways,
    http: readHttp(found, spec, delegate, meta.namespace),
    tls: mappingsOf(spec, 'tls').map((route, index) =>
      readTls(found, route, at('spec.tls', index), hosts, meta.namespace),
    ),
    tcp: mappingsOf(spec, 'tcp').map((route, index) => readTcp(found, route, at('spec.tcp', index), meta.namespace)),
    exportTo: readExportTo(found, spec, meta.namespace),
  };
}

/** One without hosts is only delegated to. */
function checkDelegate(found: Findings, spec: Raw): void {
  for (const key of ['gateways', 'tls', 'tcp']) {
    const entries = fieldOf(spec, key) as readonly unknown[] | undefined;
    if (entries !== undefined && entries.length > 0) {
      found.error('WEFT0212', child('spec', key), 'a VirtualService without hosts is delegated to and has http alone');
    }
  }
  if (mappingsOf(spec, 'http').length === 0) found.error('WEFT0208', 'spec.http', 'a delegate needs http routes');
}

function checkHosts(found: Findings, hosts: readonly string[], gateways: readonly string[]): void {
  const seen = new Set<string>();
  for (const [index, host] of hosts.entries()) {
    const path = at('spec.hosts', index);
    if (host === '*' && gateways.includes('mesh')) {
      found.error('WEFT0218', path, '* is for Gateways alone: in the mesh each host is a Service');
    }
    if (seen.has(host.toLowerCase())) found.error('WEFT0211', path, `${quote(host)} is there twice`);
    seen.add(host.toLowerCase());
  }
}

/** `mesh` and NAMESPACE/NAME; undefined when omitted. */
function readGateways(found: Findings, raw: Raw, path: string, namespace: string): readonly string[] | undefined {
  const written = textsOf(raw, 'gateways');
  if (written.length === 0) return undefined;
  return written.map((name, index) => {
    const place = at(child(path, 'gateways'), index);
    if (name === 'mesh') return name;
    const parts = name.split('/');
    if (parts.length === 2 && isName('label1123', parts[0]!) && isName('subdomain', parts[1]!)) return name;
    if (parts.length !== 1 || !isName('subdomain', name)) {
      found.error('WEFT0204', place, `must be mesh, NAME or NAMESPACE/NAME, not ${quote(name)}`);
      return name;
    }
    return gatewayOfHost(found, name, place) ?? `${namespace}/${name}`;
  });
}

/** NAME.NS.svc.cluster.local, which Istio once took for NS/NAME. */
function gatewayOfHost(found: Findings, name: string, path: string): string | undefined {
  const old = /^([^.]+)\.([^.]+)\.svc\.cluster\.local$/.exec(name);
  if (old === null) return undefined;
  const key = `${old[2]}/${old[1]}`;
  found.warning('WEFT0308', path, 'Gateways are named as NAMESPACE/NAME', `write ${key}`);
  return key;
}

function readHttp(found: Findings, spec: Raw, delegate: boolean, namespace: string): VirtualService['http'] {
  const rules = mappingsOf(spec, 'http');
  if (rules.length + mappingsOf(spec, 'tls').length + mappingsOf(spec, 'tcp').length === 0 && !delegate) {
    found.error('WEFT0208', 'spec', 'needs http, tls or tcp routes');
  }
  return rules.map((rule, index) => {
    const path = at('spec.http', index);
    const match = mappingsOf(rule, 'match').map((each, number) =>
      readHttpMatch(found, each, at(`${path}.match`, number), namespace),
    );
    if (delegate || mappingOf(rule, 'delegate') !== undefined) refuseRegexes(found, match, path);
    return { ...readHttpRoute(found, rule, path, delegate, namespace), match };
  });
}

/** Istio cannot say of two regexes whether one is within the other, which merging a delegate's rules needs. */
function refuseRegexes(found: Findings, matches: readonly VirtualHttpMatch[], path: string): void {
  for (const [index, match] of matches.entries()) {
    const refuse = (key: string) =>
      found.error('WEFT0212', child(at(`${path}.match`, index), key), 'a delegated rule must not match by regex');
    for (const key of ['uri', 'scheme', 'method', 'authority'] as const) if (match[key]?.type === 'regex') refuse(key);
    for (const key of ['headers', 'withoutHeaders', 'queryParams'] as const) {
      if (match[key].some(([, each]) => each.type === 'regex')) refuse(key);
    }
  }
}

/** Istio ignores header matches of these names, which have fields of their own. */
const ownFields = new Set(['uri', 'scheme', 'method', 'authority']);

function readHttpMatch(found: Findings, raw: Raw, path: string, namespace: string): VirtualHttpMatch {
  const sourceNamespace = textOf(raw, 'sourceNamespace');
  checkNamespace(found, sourceNamespace, path);
  const headers = readNamedMatches(found, raw, path, 'headers', true).filter(([name]) => {
    if (!ownFields.has(name)) return true;
    found.warning('WEFT0312', child(`${path}.headers`, name), `is ignored: ${name} has a field of its own`);
    return false;
  });
  return {
    name: textOf(raw, 'name'),
    uri: readOptionalMatch(found, raw, path, 'uri'),
    scheme: readOptionalMatch(found, raw, path, 'scheme'),
    method: readOptionalMatch(found, raw, path, 'method'),
    authority: readOptionalMatch(found, raw, path, 'authority'),
    headers,
    withoutHeaders: readNamedMatches(found, raw, path, 'withoutHeaders', true),
    queryParams: readNamedMatches(found, raw, path, 'queryParams', false),
    ignoreUriCase: flagOf(raw, 'ignoreUriCase') ?? false,
    port: numberOf(raw, 'port'),
    sourceLabels: labelsOf(raw, 'sourceLabels'),
    sourceNamespace,
    gateways: readGateways(found, raw, path, namespace),
    statPrefix: textOf(raw, 'statPrefix'),
  };
}

function checkNamespace(found: Findings, namespace: string | undefined, path: string): void {
  if (namespace === undefined || isName('label1123', namespace)) return;
  found.error('WEFT0204', `${path}.sourceNamespace`, `must be a namespace, not ${quote(namespace)}`);
}

function readTls(
  found: Findings,
  raw: Raw,
  path: string,
  hosts: readonly string[],
  namespace: string,
): VirtualTlsRoute {
  const matches = mappingsOf(raw, 'match');
  if (matches.length === 0) found.error('WEFT0208', `${path}.match`, 'a tls route needs a match with sniHosts');
  return {
    match: matches.map((match, index) => readTlsMatch(found, match, at(`${path}.match`, index), hosts, namespace)),
    route: readConnectionRoute(found, raw, path),
  };
}

function readConnectionRoute(found: Findings, raw: Raw, path: string): VirtualTcpRoute['route'] {
  const route = readWeights(found, raw, path).map(({ destination, weight }) => ({ destination, weight }));
  if (route.length === 0) found.error('WEFT0208', `${path}.route`, 'is required');
  return route;
}

function readTlsMatch(
  found: Findings,
  raw: Raw,
  path: string,
  hosts: readonly string[],
  namespace: string,
): VirtualTlsMatch {
  const sniHosts = textsOf(raw, 'sniHosts');
  if (sniHosts.length === 0) found.error('WEFT0208', `${path}.sniHosts`, 'needs at least one name');
  for (const [index, name] of sniHosts.entries()) {
    const place = at(`${path}.sniHosts`, index);
    if (!isHost(name)) found.error('WEFT0218', place, `must be a DNS name, not ${quote(name)}`);
    else if (!hosts.some((host) => isWithin(name, host))) {
      found.error('WEFT0212', place, `${quote(name)} is within none of the hosts`);
    }
  }
  return { sniHosts, ...readConnectionMatch(found, raw, path, namespace) };
}

/** Whether every name that `name` stands for is one of `host`'s. */
function isWithin(name: string, host: string): boolean {
  const [inner, outer] = [name.toLowerCase(), host.toLowerCase()];
  return inner === outer || wildcardCovers(outer, inner.startsWith('*.') ? inner.slice(1) : inner);
}

function readTcp(found: Findings, raw: Raw, path: string, namespace: string): VirtualTcpRoute {
  return {
    match: mappingsOf(raw, 'match').map((match, index) =>
      readTcpMatch(found, match, at(`${path}.match`, index), namespace),
    ),
    route: readConnectionRoute(found, raw, path),
  };
}

function readTcpMatch(found: Findings, raw: Raw, path: string, namespace: string): VirtualTcpMatch {
  const subnet = textOf(raw, 'sourceSubnet');
  return {
    sourceSubnet: subnet === undefined ? undefined : readSubnet(found, subnet, `${path}.sourceSubnet`),
    ...readConnectionMatch(found, raw, path, namespace),
  };
}

function readConnectionMatch(
  found: Findings,
  raw: Raw,
  path: string,
  namespace: string,
): Omit<VirtualTcpMatch, 'sourceSubnet'> {
  const sourceNamespace = textOf(raw, 'sourceNamespace');
  checkNamespace(found, sourceNamespace, path);
  return {
    destinationSubnets: textsOf(raw, 'destinationSubnets').map((subnet, index) =>
      readSubnet(found, subnet, at(`${path}.destinationSubnets`, index)),
    ),
    port: numberOf(raw, 'port'),
    sourceLabels: labelsOf(raw, 'sourceLabels'),
    sourceNamespace,
    gateways: readGateways(found, raw, path, namespace),
  };
}

function readSubnet(found: Findings, text: string, path: string): string {
  const subnet = canonicalSubnet(text);
  if (subnet === undefined) found.error('WEFT0209', path, `must be an address or ADDRESS/BITS, not ${quote(text)}`);
  return subnet ?? text;
}
