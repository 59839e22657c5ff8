/** What a rule sends requests to. */
export interface ClusterName {
  /** NAME.NS.svc.cluster.local, or a ServiceEntry's host. */
  readonly host: string;
  readonly port: number;
  /** Empty: the host itself. */
  readonly subset: string;
}

/** `HOST:PORT` or `HOST:PORT|SUBSET`, the key of a cluster. */
export function clusterKeyOf(host: string, port: number, subset = ''): string {
  return subset === '' ? `${host}:${port}` : `${host}:${port}|${subset}`;
}

export function clusterNameOf(key: string): ClusterName {
  const bar = key.indexOf('|');
  const place = bar < 0 ? key : key.slice(0, bar);
  const colon = place.lastIndexOf(':');
  return {
    host: place.slice(0, colon),
    port: Number(place.slice(colon + 1)),
    subset: bar < 0 ? '' : key.slice(bar + 1),
  };
}
