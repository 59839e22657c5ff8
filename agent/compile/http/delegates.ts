import type { NamedMatch, StringMatch } from '../../model/matches.js';
import { keyOf } from '../../model/mesh.js';
import type { VirtualHttpMatch, VirtualHttpRoute, VirtualService } from '../../model/virtual-service.js';
import type { Report } from './input.js';

/** An entry of `spec.http` that has an action of its own, where it stands. */
export interface PlacedRoute {
  readonly owner: VirtualService;
  readonly index: number;
  readonly route: VirtualHttpRoute;
}

/**
 * The rules of a VirtualService, with those of delegates in the place of the rules that delegate (istio/istio,
 * pilot/pkg/model/virtualservice.go): what a delegate's rule does not say it has from the root's; its matches are joined with
 * the root's, and a rule with a match that is within none of the root's is left out. `delegate` gives a VirtualService by
 * NS/NAME.
 */
export function placedRoutes(
  root: VirtualService,
  delegate: (key: string) => VirtualService | undefined,
  report: Report,
): readonly PlacedRoute[] {
  return root.http.flatMap((route, index) => {
    if (route.delegate === undefined) return [{ owner: root, index, route }];
    const path = `spec.http[${index}].delegate`;
    const key = `${route.delegate.namespace}/${route.delegate.name}`;
    const owner = delegate(key);
    if (owner === undefined || owner.hosts.length > 0) return [];
    if (owner.exportTo !== undefined && !owner.exportTo.includes(root.meta.namespace)) {
      report(root, 'WEFT0510', path, `VirtualService ${key} is not exported to namespace ${root.meta.namespace}`);
      return [];
    }
    return owner.http.flatMap((inner, at) => {
      const match = joinedMatches(route.match, inner.match);
      if (match !== undefined && answersItself(inner))
        reportIdle(root, index, `http[${at}] of VirtualService ${key}`, report);
      if (match !== undefined) return [{ owner, index: at, route: joinedRoute(route, inner, match) }];
      const message = `matches what http[${index}] of VirtualService ${keyOf(root)} does not`;
      report(owner, 'WEFT0510', `spec.http[${at}].match`, message);
      return [];
    });
  });
}

/** Nothing is forwarded. */
export function answersItself({ redirect, directResponse }: VirtualHttpRoute): boolean {
  return redirect !== undefined || directResponse !== undefined;
}

/** What a root says of requests that go on, to a delegate's rule that answers them. */
function reportIdle(root: VirtualService, index: number, by: string, report: Report): void {
  const { rewrite, corsPolicy, mirrors, timeoutMs, retries, headers } = root.http[index]!;
  const idle = [
    ...(rewrite === undefined ? [] : ['rewrite']),
    ...(corsPolicy === undefined ? [] : ['corsPolicy']),
    ...mirrors.map(({ path }) => path),
    ...(timeoutMs === undefined ? [] : ['timeout']),
    ...(retries === undefined ? [] : ['retries']),
    ...(headers?.request === undefined ? [] : ['headers.request']),
  ];
  for (const field of idle) {
    report(root, 'WEFT0303', `spec.http[${index}].${field}`, `has no effect on ${by}, which forwards nothing`);
  }
}

function joinedRoute(
  root: VirtualHttpRoute,
  inner: VirtualHttpRoute,
  match: readonly VirtualHttpMatch[],
): VirtualHttpRoute {
  return {
    ...inner,
    match,
    name: joinedName(root.name, inner.name),
    rewrite: inner.rewrite ?? root.rewrite,
    timeoutMs: inner.timeoutMs ?? root.timeoutMs,
    retries: inner.retries ?? root.retries,
    fault: inner.fault ?? root.fault,
    mirrors: inner.mirrors.length > 0 ? inner.mirrors : root.mirrors,
    corsPolicy: inner.corsPolicy ?? root.corsPolicy,
    headers: inner.headers ?? root.headers,
  };
}

function joinedName(root: string | undefined, inner: string | undefined): string | undefined {
  return root === undefined || inner === undefined ? (inner ?? root) : `${root}-${inner}`;
}

/** Undefined: one of the inner matches is within none of the root's. */
function joinedMatches(
  root: readonly VirtualHttpMatch[],
  inner: readonly VirtualHttpMatch[],
): readonly VirtualHttpMatch[] | undefined {
  if (root.length === 0) return inner;
  if (inner.length === 0) return root;
  const joined: VirtualHttpMatch[] = [];
  for (const each of inner) {
    const within = root.filter((outer) => !contradict(outer, each));
    if (within.length === 0) return undefined;
    joined.push(...within.map((outer) => joinedMatch(outer, each)));
  }
  return joined;
}

function joinedMatch(root: VirtualHttpMatch, inner: VirtualHttpMatch): VirtualHttpMatch {
  return {
    ...inner,
    name: joinedName(root.name, inner.name),
    uri: inner.uri ?? root.uri,
    scheme: inner.scheme ?? root.scheme,
    method: inner.method ?? root.method,
    authority: inner.authority ?? root.authority,
    headers: joinedNamed(root.headers, inner.headers),
    withoutHeaders: joinedNamed(root.withoutHeaders, inner.withoutHeaders),
    queryParams: joinedNamed(root.queryParams, inner.queryParams),
    port: inner.port ?? root.port,
    sourceLabels: { ...root.sourceLabels, ...inner.sourceLabels },
    sourceNamespace: inner.sourceNamespace ?? root.sourceNamespace,
    gateways: inner.gateways ?? root.gateways,
    statPrefix: inner.statPrefix ?? root.statPrefix,
  };
}

function joinedNamed(root: readonly NamedMatch[], inner: readonly NamedMatch[]): readonly NamedMatch[] {
  return [...new Map([...root, ...inner])];
}

function contradict(root: VirtualHttpMatch, inner: VirtualHttpMatch): boolean {
  return (
    (['uri', 'scheme', 'method', 'authority'] as const).some((field) => outside(root[field], inner[field])) ||
    (['headers', 'withoutHeaders', 'queryParams'] as const).some((field) => outsideNamed(root[field], inner[field])) ||
    root.ignoreUriCase !== inner.ignoreUriCase ||
    (root.port !== undefined && inner.port !== undefined && root.port !== inner.port) ||
    (root.sourceNamespace !== undefined &&
      inner.sourceNamespace !== undefined &&
      root.sourceNamespace !== inner.sourceNamespace)
  );
}

function outsideNamed(root: readonly NamedMatch[], inner: readonly NamedMatch[]): boolean {
  const wanted = new Map(root);
  return inner.some(([name, match]) => outside(wanted.get(name), match));
}

/** Whether texts that `inner` matches are not matched by `root`. Of regexes nobody can say. */
function outside(root: StringMatch | undefined, inner: StringMatch | undefined): boolean {
  if (root === undefined || inner === undefined || root.type === 'present') return false;
  if (inner.type === 'present' || root.type === 'regex' || inner.type === 'regex') return true;
  if (root.type === 'exact') return inner.type !== 'exact' || inner.value !== root.value;
  return !inner.value.startsWith(root.value);
}
