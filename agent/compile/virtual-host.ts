import type { IngressListener, IngressServer, VirtualHost } from './snapshot.js';

/** Host name of an authority, in lower case: without port, and IPv6 addresses with their brackets. */
export function hostOfAuthority(authority: string): string {
  const end = authority.startsWith('[') ? authority.indexOf(']') + 1 : authority.lastIndexOf(':');
  const host = end > 0 ? authority.slice(0, end) : authority;
  return (host.endsWith('.') ? host.slice(0, -1) : host).toLowerCase();
}

/**
 * How well a pattern (`*`, `*.REST`, or a name) fits a host: the higher, the closer; 0: not at all. `*.REST` stands for one
 * label or more.
 */
export function hostFit(pattern: string, host: string): number {
  if (pattern === '*') return 1;
  if (!pattern.startsWith('*')) return pattern === host ? exactFit : 0;
  return host.length > pattern.length - 1 && host.endsWith(pattern.slice(1)) ? pattern.length : 0;
}

/** More than any wildcard's: a DNS name has at most 253 characters. */
const exactFit = 1024;

/** The virtual host for a Host: exact before longer wildcards before `*`; of equals the first. Undefined: 404. */
export function virtualHostOf(hosts: readonly VirtualHost[], host: string): VirtualHost | undefined {
  return closest(hosts, ({ domains }) => domains, host);
}

/** The server of a listener for a Host, or for the name of a TLS handshake (empty: none was sent). */
export function serverOf(listener: IngressListener, host: string): IngressServer | undefined {
  return closest(listener.servers, ({ hosts }) => hosts, host);
}

/**
 * What serves a request of an HTTP listener, of all servers whose hosts fit: the closest virtual host, or the hosts of a
 * server that redirects everything to https; then the closest server, then the first. Undefined: 404.
 */
export function ingressHostOf(
  listener: IngressListener,
  host: string,
): { readonly server: IngressServer; readonly virtualHost: VirtualHost | undefined } | undefined {
  let best: { readonly server: IngressServer; readonly virtualHost: VirtualHost | undefined } | undefined;
  let bestFit = 0;
  for (const server of listener.servers) {
    const serverFit = closestFit(server.hosts, host);
    if (serverFit === 0) continue;
    const virtualHost = virtualHostOf(server.virtualHosts, host);
    if (virtualHost === undefined && !server.httpsRedirect) continue;
    const fit = closestFit(virtualHost?.domains ?? server.hosts, host) * (exactFit + 1) + serverFit;
    if (fit <= bestFit) continue;
    best = { server, virtualHost };
    bestFit = fit;
  }
  return best;
}

function closestFit(patterns: readonly string[], host: string): number {
  let best = 0;
  for (const pattern of patterns) best = Math.max(best, hostFit(pattern, host));
  return best;
}

function closest<T>(
  candidates: readonly T[],
  patternsOf: (candidate: T) => readonly string[],
  host: string,
): T | undefined {
  let best: T | undefined;
  let bestFit = 0;
  for (const candidate of candidates) {
    const fit = closestFit(patternsOf(candidate), host);
    if (fit <= bestFit) continue;
    best = candidate;
    bestFit = fit;
  }
  return best;
}
