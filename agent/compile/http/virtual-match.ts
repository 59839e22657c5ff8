import type { VirtualHttpMatch } from '../../model/virtual-service.js';
import type { HttpMatch } from '../snapshot.js';

/** A match that everything fits. */
export const anyRequest: HttpMatch = {
  name: '',
  path: undefined,
  ignoreCase: false,
  scheme: undefined,
  method: undefined,
  authority: undefined,
  headers: [],
  withoutHeaders: [],
  query: [],
  port: undefined,
  sourceLabels: undefined,
  sourceNamespace: undefined,
  gateways: undefined,
  statPrefix: '',
};

export function virtualMatch(written: VirtualHttpMatch): HttpMatch {
  const { sourceLabels } = written;
  return {
    name: written.name ?? '',
    path: written.uri,
    ignoreCase: written.ignoreUriCase,
    scheme: written.scheme,
    method: written.method,
    authority: written.authority,
    headers: written.headers,
    withoutHeaders: written.withoutHeaders,
    query: written.queryParams,
    port: written.port,
    sourceLabels: Object.keys(sourceLabels).length === 0 ? undefined : sourceLabels,
    sourceNamespace: written.sourceNamespace,
    gateways: written.gateways,
    statPrefix: written.statPrefix ?? '',
  };
}

/** Whether requests that come to `port` by `gateway` could match, whoever sends them. */
export function isFor(match: HttpMatch, port: number, gateway: string): boolean {
  return (match.port ?? port) === port && (match.gateways === undefined || match.gateways.includes(gateway));
}
