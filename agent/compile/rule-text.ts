import type { HttpMatch, HttpRule, PathChange, PathMatch, Rewrite, RouteAction, StringMatch } from './snapshot.js';

/** `prefix /api`; `is set` for presence. */
export function showStringMatch(match: StringMatch | PathMatch): string {
  switch (match.type) {
    case 'present':
      return 'is set';
    case 'elements':
      return `below ${match.value}`;
    default:
      return `${match.type} ${match.value}`;
  }
}

/** All conditions of a match, joined by `and`; `everything` without one. */
export function showMatch(match: HttpMatch): string {
  const parts: string[] = [];
  if (match.path !== undefined)
    parts.push(`path ${showStringMatch(match.path)}${match.ignoreCase ? ' (any case)' : ''}`);
  for (const name of ['method', 'scheme', 'authority'] as const) {
    const wanted = match[name];
    if (wanted !== undefined) parts.push(`${name} ${showStringMatch(wanted)}`);
  }
  for (const [name, wanted] of match.headers) parts.push(`header ${name} ${showStringMatch(wanted)}`);
  for (const [name, wanted] of match.withoutHeaders) parts.push(`no header ${name} ${showStringMatch(wanted)}`);
  for (const [name, wanted] of match.query) parts.push(`query ${name} ${showStringMatch(wanted)}`);
  if (match.port !== undefined) parts.push(`port ${match.port}`);
  if (match.sourceNamespace !== undefined) parts.push(`from namespace ${match.sourceNamespace}`);
  for (const [name, value] of Object.entries(match.sourceLabels ?? {})) parts.push(`from label ${name}=${value}`);
  if (match.gateways !== undefined) parts.push(`by gateway ${match.gateways.join(' or ')}`);
  return parts.length === 0 ? 'everything' : parts.join(' and ');
}

/** The matches of a rule, joined by `or`. */
export function showMatches({ matches, grpcOnly }: Pick<HttpRule, 'matches' | 'grpcOnly'>): string {
  const text = matches.length === 0 ? 'everything' : matches.map(showMatch).join(' or ');
  return grpcOnly ? `gRPC: ${text}` : text;
}

function showPathChange(change: PathChange): string {
  return change.type === 'regex' ? `path s/${change.match}/${change.value}/` : `path ${change.type} ${change.value}`;
}

function showRewrite(rewrite: Rewrite | undefined): readonly string[] {
  if (rewrite === undefined) return [];
  const parts = [
    ...(rewrite.path === undefined ? [] : [showPathChange(rewrite.path)]),
    ...(rewrite.authority === '' ? [] : [`authority ${rewrite.authority}`]),
  ];
  return parts.length === 0 ? [] : [`rewrite ${parts.join(', ')}`];
}

function showDestinations({ destinations }: RouteAction): string {
  if (destinations.length === 0) return 'status 500: no destination';
  const total = destinations.reduce((sum, { weight }) => sum + weight, 0);
  const shares = destinations.map(({ cluster, weight, failWith }) => {
    const share = destinations.length === 1 ? '' : ` ${((weight / total) * 100).toFixed(1).replace(/\.0$/, '')}%`;
    return failWith === undefined ? `${cluster}${share}` : `status ${failWith}${share}`;
  });
  return shares.join(', ');
}

function showRoute(action: RouteAction): readonly string[] {
  const { retries, timeoutMs, mirrors, rewrite } = action;
  return [
    showDestinations(action),
    ...showRewrite(rewrite),
    ...(timeoutMs === undefined ? [] : [`timeout ${timeoutMs} ms`]),
    ...(retries === undefined || retries.attempts === 0 ? [] : [`${retries.attempts} retries`]),
    ...mirrors.map(({ cluster, percent }) => `mirror ${percent}% to ${cluster}`),
  ];
}

/** What a rule does, in one line. */
export function showAction({ action, fault, cors }: Pick<HttpRule, 'action' | 'fault' | 'cors'>): string {
  const faults = [
    ...(fault?.delay === undefined ? [] : [`delay ${fault.delay.delayMs} ms for ${fault.delay.percent}%`]),
    ...(fault?.abort === undefined
      ? []
      : [`abort ${fault.abort.status ?? `grpc ${fault.abort.grpcStatus}`} for ${fault.abort.percent}%`]),
    ...(cors === undefined ? [] : ['CORS']),
  ];
  switch (action.type) {
    case 'route':
      return [...showRoute(action), ...faults].join('; ');
    case 'redirect': {
      const path = action.path === undefined ? '' : ` ${showPathChange(action.path)}`;
      const where = [action.scheme, action.authority, action.port ?? ''].filter((part) => part !== '').join(' ');
      return [`redirect ${action.status}${where === '' ? '' : ` to ${where}`}${path}`, ...faults].join('; ');
    }
    case 'direct':
      return [`answer ${action.status}`, ...faults].join('; ');
  }
}
