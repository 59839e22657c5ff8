import { changePath } from '../../compile/path-change.js';
import type { HttpMatch, RedirectAction } from '../../compile/snapshot.js';
import type { ReceivedRequest } from './received.js';

/**
 * The Location of a redirect. A part that the rule does not name is the request's. A port is shown unless it is the scheme's own: `port` says which;
 * without one a new authority has none, and the request's own keeps its port, but for the old scheme's default where the scheme changes (Envoy,
 * RouteEntryImplBase::newUri). The query stays, unless the new path has one.
 */
export function locationOf(action: RedirectAction, match: HttpMatch | undefined, request: ReceivedRequest): string {
  const scheme = action.scheme === '' ? request.scheme : action.scheme.toLowerCase();
  const path = action.path === undefined ? request.path : changePath(action.path, match, request.path);
  const query = request.query === '' || path.includes('?') ? '' : `?${request.query}`;
  return `${scheme}://${authorityOf(action, scheme, request)}${path}${query}`;
}

function authorityOf({ authority, port }: RedirectAction, scheme: string, request: ReceivedRequest): string {
  const own = splitAuthority(request.authority);
  const host = authority === '' ? own.host : authority;
  if (port === 'protocol') return splitAuthority(host).host;
  if (port === 'request') return withPort(splitAuthority(host).host, request.port, scheme);
  if (port !== undefined) return withPort(splitAuthority(host).host, port, scheme);
  if (authority !== '' || own.port === '') return host;
  const isOldDefault = scheme !== request.scheme && own.port === String(defaultPort(request.scheme));
  return isOldDefault ? host : request.authority;
}

function withPort(host: string, port: number, scheme: string): string {
  return port === defaultPort(scheme) ? host : `${host}:${port}`;
}

function defaultPort(scheme: string): number {
  return scheme === 'https' ? 443 : 80;
}

/** Host (IPv6 in brackets) and port, empty without one. */
function splitAuthority(authority: string): { readonly host: string; readonly port: string } {
  const parts = /^(\[[^\]]*\]|[^:]*):(\d*)$/.exec(authority);
  return parts === null ? { host: authority, port: '' } : { host: parts[1]!, port: parts[2]! };
}
