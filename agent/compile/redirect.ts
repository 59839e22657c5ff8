import { changePath } from './path-change.js';
import type { HttpMatch, RedirectAction } from './snapshot.js';

/** What a redirect is made from: the request as it came. */
export interface RedirectedRequest {
  readonly scheme: string;
  readonly authority: string;
  /** Without the query. */
  readonly path: string;
  /** Without `?`. */
  readonly query: string;
  /** That the client addressed. */
  readonly port: number;
}

const defaultPorts: Readonly<Record<string, number>> = { http: 80, https: 443 };

/**
 * The Location of a redirect. Without a port of its own it keeps the request's authority as it is, but for a port that is the default of the
 * other scheme when the scheme changes (Envoy's RouteEntryImplBase::newUri); a new authority stands alone. The default port of the scheme is never
 * written. The query is kept unless the new path brings one.
 */
export function locationOf(action: RedirectAction, match: HttpMatch | undefined, request: RedirectedRequest): string {
  const scheme = action.scheme || request.scheme;
  const path = action.path === undefined ? request.path : changePath(action.path, match, request.path);
  const query = request.query === '' || path.includes('?') ? '' : `?${request.query}`;
  return `${scheme}://${authorityOf(action, request, scheme)}${path}${query}`;
}

function authorityOf(action: RedirectAction, request: RedirectedRequest, scheme: string): string {
  const authority = action.authority || request.authority;
  if (action.port === undefined) {
    if (action.authority !== '') return authority;
    const { host, port } = splitAuthority(authority);
    const leftover = port === defaultPorts[request.scheme] && scheme !== request.scheme;
    return leftover ? host : authority;
  }
  const { host } = splitAuthority(authority);
  const port = portOf(action.port, request.port, scheme);
  return port === undefined || port === defaultPorts[scheme] ? host : `${host}:${port}`;
}

function portOf(port: number | 'protocol' | 'request', requested: number, scheme: string): number | undefined {
  if (port === 'request') return requested;
  return port === 'protocol' ? defaultPorts[scheme] : port;
}

function splitAuthority(authority: string): { readonly host: string; readonly port: number | undefined } {
  const [, host = authority, port] = /^(\[[^\]]*\]|[^:]*):(\d+)$/.exec(authority) ?? [];
  return { host, port: port === undefined ? undefined : Number(port) };
}
