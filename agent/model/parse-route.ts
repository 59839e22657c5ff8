import { mappingOf, mappingsOf, msOf, numberOf, textOf, textsOf } from './checked.js';
import { at, fieldOf, type Raw } from './fields.js';
import { type Findings, quote } from './findings.js';
import type { Metadata } from './mesh.js';
import { isName } from './names.js';
import { readBackend, readGrpcFilters, readHttpFilters } from './parse-route-filter.js';
import { checkRoutePath, readGrpcMatches, readHttpMatches } from './parse-route-match.js';
import type {
  GrpcRoute,
  GrpcRouteRule,
  HttpRoute,
  HttpRouteFilter,
  HttpRouteMatch,
  HttpRouteRule,
  ParentReference,
  PathModifier,
} from './route.js';
import { checkShape, type Shape } from './schema.js';
import * as gatewayApi from './schema-gatewayapi.js';

/** gateway.networking.k8s.io HTTPRoute and GRPCRoute, with the checks of their CRDs. */

export function parseHttpRoute(found: Findings, raw: Raw, meta: Metadata): HttpRoute | undefined {
  const spec = readSpec(found, raw, gatewayApi.httpRoute);
  if (spec === undefined) return undefined;
  const written = mappingsOf(spec, 'rules');
  const rules = (written.length === 0 ? [{}] : written).map((rule, index) =>
    readHttpRule(found, rule, at('spec.rules', index), meta.namespace),
  );
  return { kind: 'HTTPRoute', meta, ...readBinding(found, spec, meta.namespace), rules };
}

export function parseGrpcRoute(found: Findings, raw: Raw, meta: Metadata): GrpcRoute | undefined {
  const spec = readSpec(found, raw, gatewayApi.grpcRoute);
  if (spec === undefined) return undefined;
  const rules = mappingsOf(spec, 'rules').map((rule, index) =>
    readGrpcRule(found, rule, at('spec.rules', index), meta.namespace),
  );
  return { kind: 'GRPCRoute', meta, ...readBinding(found, spec, meta.namespace), rules };
}

function readSpec(found: Findings, raw: Raw, shape: Shape): Raw | undefined {
  const spec = (fieldOf(raw, 'spec') ?? {}) as Raw;
  checkShape(found, spec, shape, 'spec');
  return found.malformed ? undefined : spec;
}

function readBinding(
  found: Findings,
  spec: Raw,
  namespace: string,
): { readonly parentRefs: readonly ParentReference[]; readonly hostnames: readonly string[] } {
  const hostnames = textsOf(spec, 'hostnames').map((name, index) => {
    if (name === '*') found.error('WEFT0218', at('spec.hostnames', index), '* is no host name: leave hostnames out');
    return name.toLowerCase();
  });
  return { parentRefs: mappingsOf(spec, 'parentRefs').map((each) => readParent(each, namespace)), hostnames };
}

function readParent(raw: Raw, namespace: string): ParentReference {
  return {
    group: (fieldOf(raw, 'group') as string | undefined) ?? 'gateway.networking.k8s.io',
    kind: textOf(raw, 'kind') ?? 'Gateway',
    namespace: textOf(raw, 'namespace') ?? namespace,
    name: textOf(raw, 'name') ?? '',
    sectionName: textOf(raw, 'sectionName'),
    port: numberOf(raw, 'port'),
  };
}

function readHttpRule(found: Findings, raw: Raw, path: string, namespace: string): HttpRouteRule {
  const matches = readHttpMatches(found, raw, `${path}.matches`);
  const filters = readHttpFilters(found, raw, path, namespace);
  checkPrefixes(found, filters, matches, path);
  const backendRefs = mappingsOf(raw, 'backendRefs').map((backend, index) => {
    const place = at(`${path}.backendRefs`, index);
    const own = readHttpFilters(found, backend, place, namespace);
    checkPrefixes(found, own, matches, place);
    return {
      ...readBackend(found, backend, place, namespace),
      weight: numberOf(backend, 'weight') ?? 1,
      filters: own,
    };
  });
  if (backendRefs.length > 0 && filters.some(({ type }) => type === 'RequestRedirect')) {
    found.error('WEFT0212', `${path}.backendRefs`, 'a rule that redirects has no backends');
  }
  return {
    name: readName(found, raw, path),
    matches,
    filters,
    backendRefs,
    timeouts: readTimeouts(found, mappingOf(raw, 'timeouts'), `${path}.timeouts`),
    retry: readRetry(mappingOf(raw, 'retry')),
  };
}

function readName(found: Findings, raw: Raw, path: string): string | undefined {
  const name = textOf(raw, 'name');
  if (name !== undefined && !isName('subdomain', name)) {
    found.error('WEFT0204', `${path}.name`, `must be the name of a section, not ${quote(name)}`);
  }
  return name;
}

/** ReplacePrefixMatch needs to know which prefix: the rule has exactly one match, by PathPrefix. */
function checkPrefixes(
  found: Findings,
  filters: readonly HttpRouteFilter[],
  matches: readonly HttpRouteMatch[],
  path: string,
): void {
  for (const [index, filter] of filters.entries()) {
    const modifier = modifierOf(filter);
    if (modifier === undefined) continue;
    const place = at(`${path}.filters`, index);
    if (modifier.type === 'ReplaceFullPath') {
      checkRoutePath(found, modifier.replaceFullPath, place, false);
      continue;
    }
    checkRoutePath(found, modifier.replacePrefixMatch, place, false);
    if (matches.length !== 1 || matches[0]!.path.type !== 'PathPrefix') {
      found.error('WEFT0212', place, 'ReplacePrefixMatch needs exactly one match, of type PathPrefix');
    }
  }
}

function modifierOf(filter: HttpRouteFilter): PathModifier | undefined {
  if (filter.type === 'RequestRedirect') return filter.requestRedirect.path;
  return filter.type === 'URLRewrite' ? filter.urlRewrite.path : undefined;
}

function readTimeouts(found: Findings, raw: Raw | undefined, path: string): HttpRouteRule['timeouts'] {
  if (raw === undefined) return undefined;
  const [requestMs, backendRequestMs] = [msOf(raw, 'request'), msOf(raw, 'backendRequest')];
  if (requestMs && backendRequestMs !== undefined && backendRequestMs > requestMs) {
    found.error('WEFT0212', `${path}.backendRequest`, 'is longer than the timeout of the whole request');
  }
  return { requestMs, backendRequestMs };
}

function readRetry(raw: Raw | undefined): HttpRouteRule['retry'] {
  if (raw === undefined) return undefined;
  const codes = (fieldOf(raw, 'codes') ?? []) as readonly number[];
  return { codes, attempts: numberOf(raw, 'attempts'), backoffMs: msOf(raw, 'backoff') };
}

function readGrpcRule(found: Findings, raw: Raw, path: string, namespace: string): GrpcRouteRule {
  return {
    name: readName(found, raw, path),
    matches: readGrpcMatches(found, raw, `${path}.matches`),
    filters: readGrpcFilters(found, raw, path, namespace),
    backendRefs: mappingsOf(raw, 'backendRefs').map((backend, index) => {
      const place = at(`${path}.backendRefs`, index);
      return {
        ...readBackend(found, backend, place, namespace),
        weight: numberOf(backend, 'weight') ?? 1,
        filters: readGrpcFilters(found, backend, place, namespace),
      };
    }),
  };
}
