import { flagOf, mappingOf, mappingsOf, msOf, numberOf, textOf, textsOf } from './checked.js';
import type {
  ClientTls,
  ConnectionPool,
  OutlierDetection,
  PortPolicy,
  RetryBudget,
  TcpPool,
  TrafficPolicy,
} from './destination-rule.js';
import { at, fieldOf, type Raw } from './fields.js';
import { child, type Findings } from './findings.js';
import { loadBalancer, readLoadBalancer } from './parse-loadbalancer.js';
import {
  boolean,
  choice,
  count,
  duration,
  type Fields,
  host,
  integer,
  listOf,
  number,
  object,
  port,
  required,
  security,
  string,
  strings,
  unsigned,
  unsupported,
} from './schema.js';

/** TrafficPolicy of DestinationRule (istio/api, destination_rule.proto). */

const connectionPool = object({
  tcp: object({
    maxConnections: count,
    connectTimeout: duration(1),
    tcpKeepalive: object({ probes: unsigned, time: duration(1), interval: duration(1) }),
    maxConnectionDuration: duration(1),
    idleTimeout: duration(0),
  }),
  http: object({
    http1MaxPendingRequests: count,
    http2MaxRequests: count,
    maxRequestsPerConnection: count,
    maxRetries: count,
    idleTimeout: duration(0),
    h2UpgradePolicy: choice('DEFAULT', 'DO_NOT_UPGRADE', 'UPGRADE'),
    useClientProtocol: boolean,
    maxConcurrentStreams: count,
  }),
});

const outlierDetection = object({
  consecutiveErrors: count,
  splitExternalLocalOriginErrors: boolean,
  consecutiveLocalOriginFailures: unsigned,
  consecutiveGatewayErrors: unsigned,
  consecutive5xxErrors: unsigned,
  interval: duration(1),
  baseEjectionTime: duration(1),
  maxEjectionPercent: integer(0, 100),
  minHealthPercent: integer(0, 100),
});

const tls = object({
  mode: choice('DISABLE', 'SIMPLE', 'MUTUAL', 'ISTIO_MUTUAL'),
  clientCertificate: string,
  privateKey: string,
  caCertificates: string,
  credentialName: string,
  subjectAltNames: strings,
  sni: string,
  insecureSkipVerify: boolean,
  caCrl: security(string),
});

const portFields: Fields = { loadBalancer, connectionPool, outlierDetection, tls };

export const policyFields: Fields = {
  ...portFields,
  portLevelSettings: listOf(object({ ...portFields, port: required(object({ number: required(port) })) })),
  tunnel: security(
    object({ protocol: choice('CONNECT', 'POST'), targetHost: required(host), targetPort: required(port) }),
  ),
  proxyProtocol: unsupported(object({ version: choice('V1', 'V2') })),
  retryBudget: object({ percent: number(0, 100), minRetryConcurrency: unsigned }),
};

export function readTrafficPolicy(found: Findings, raw: Raw | undefined, path: string): TrafficPolicy | undefined {
  if (raw === undefined) return undefined;
  return {
    ...readPolicy(found, raw, path),
    portLevelSettings: readPorts(found, raw, path),
    retryBudget: readRetryBudget(mappingOf(raw, 'retryBudget')),
  };
}

function readPorts(found: Findings, raw: Raw, path: string): ReadonlyMap<number, PortPolicy> {
  const policies = new Map<number, PortPolicy>();
  for (const [index, entry] of mappingsOf(raw, 'portLevelSettings').entries()) {
    const place = at(child(path, 'portLevelSettings'), index);
    const number = numberOf(mappingOf(entry, 'port'), 'number')!;
    if (policies.has(number)) found.error('WEFT0211', `${place}.port.number`, `port ${number} has two policies`);
    policies.set(number, readPolicy(found, entry, place));
  }
  return policies;
}

function readPolicy(found: Findings, raw: Raw, path: string): PortPolicy {
  return {
    loadBalancer: readLoadBalancer(found, mappingOf(raw, 'loadBalancer'), child(path, 'loadBalancer')),
    connectionPool: readPool(found, mappingOf(raw, 'connectionPool'), child(path, 'connectionPool')),
    outlierDetection: readOutliers(found, mappingOf(raw, 'outlierDetection'), child(path, 'outlierDetection')),
    tls: readTls(found, mappingOf(raw, 'tls'), child(path, 'tls')),
  };
}

/** Istio reads a limit of 0 as its default. */
function limitOf(raw: Raw, key: string): number | undefined {
  return numberOf(raw, key) || undefined;
}

function readPool(found: Findings, raw: Raw | undefined, path: string): ConnectionPool | undefined {
  if (raw === undefined) return undefined;
  const tcp = mappingOf(raw, 'tcp');
  const keepalive = mappingOf(tcp, 'tcpKeepalive');
  return {
    tcp: tcp && {
      maxConnections: limitOf(tcp, 'maxConnections'),
      connectTimeoutMs: msOf(tcp, 'connectTimeout'),
      tcpKeepalive: keepalive && readKeepalive(found, keepalive, `${path}.tcp.tcpKeepalive`),
      maxConnectionDurationMs: msOf(tcp, 'maxConnectionDuration'),
      idleTimeoutMs: msOf(tcp, 'idleTimeout'),
    },
    http: readHttpPool(found, mappingOf(raw, 'http'), child(path, 'http')),
  };
}

/** Node sets the time of idleness; the rest is libuv's (uv__tcp_keepalive: TCP_KEEPINTVL 1, TCP_KEEPCNT 10). */
function readKeepalive(found: Findings, raw: Raw, path: string): TcpPool['tcpKeepalive'] {
  for (const key of ['probes', 'interval']) {
    if (fieldOf(raw, key) === undefined) continue;
    found.warning('WEFT0303', child(path, key), 'only the time can be set: the gateway sends 10 probes, one a second');
  }
  return { timeMs: msOf(raw, 'time') };
}

function readHttpPool(found: Findings, http: Raw | undefined, path: string): ConnectionPool['http'] {
  if (http === undefined) return undefined;
  const upgrade = textOf(http, 'h2UpgradePolicy');
  const useClientProtocol = flagOf(http, 'useClientProtocol');
  if (upgrade === 'UPGRADE' && useClientProtocol === true) {
    found.error('WEFT0212', `${path}.useClientProtocol`, 'h2UpgradePolicy is UPGRADE');
  }
  return {
    http1MaxPendingRequests: limitOf(http, 'http1MaxPendingRequests'),
    http2MaxRequests: limitOf(http, 'http2MaxRequests'),
    maxRequestsPerConnection: limitOf(http, 'maxRequestsPerConnection'),
    maxRetries: limitOf(http, 'maxRetries'),
    idleTimeoutMs: msOf(http, 'idleTimeout'),
    h2UpgradePolicy: upgrade === 'UPGRADE' || upgrade === 'DO_NOT_UPGRADE' ? upgrade : undefined,
    useClientProtocol,
    maxConcurrentStreams: limitOf(http, 'maxConcurrentStreams'),
  };
}

function readOutliers(found: Findings, raw: Raw | undefined, path: string): OutlierDetection | undefined {
  if (raw === undefined) return undefined;
  const old = limitOf(raw, 'consecutiveErrors');
  if (old !== undefined) {
    const fix = 'write consecutiveGatewayErrors or consecutive5xxErrors';
    found.warning('WEFT0308', `${path}.consecutiveErrors`, 'is now consecutiveGatewayErrors', fix);
  }
  const split = flagOf(raw, 'splitExternalLocalOriginErrors');
  const local = numberOf(raw, 'consecutiveLocalOriginFailures');
  if (local && split !== true) {
    const message = 'counts only with splitExternalLocalOriginErrors: true';
    found.error('WEFT0212', `${path}.consecutiveLocalOriginFailures`, message);
  }
  return {
    consecutive5xxErrors: numberOf(raw, 'consecutive5xxErrors') ?? (old === undefined ? undefined : 0),
    consecutiveGatewayErrors: numberOf(raw, 'consecutiveGatewayErrors') ?? old,
    splitExternalLocalOriginErrors: split,
    consecutiveLocalOriginFailures: local,
    intervalMs: msOf(raw, 'interval'),
    baseEjectionTimeMs: msOf(raw, 'baseEjectionTime'),
    maxEjectionPercent: numberOf(raw, 'maxEjectionPercent'),
    minHealthPercent: numberOf(raw, 'minHealthPercent'),
  };
}

const certificateFields = ['clientCertificate', 'privateKey', 'caCertificates'] as const;

function readTls(found: Findings, raw: Raw | undefined, path: string): ClientTls | undefined {
  if (raw === undefined) return undefined;
  const mode = textOf(raw, 'mode') ?? 'DISABLE';
  if (mode === 'ISTIO_MUTUAL') {
    found.error('WEFT0305', `${path}.mode`, 'Weft hands out no certificates: name your own with MUTUAL');
  }
  const settings: ClientTls = {
    mode: mode as ClientTls['mode'],
    clientCertificate: textOf(raw, 'clientCertificate'),
    privateKey: textOf(raw, 'privateKey'),
    caCertificates: textOf(raw, 'caCertificates'),
    credentialName: textOf(raw, 'credentialName'),
    subjectAltNames: textsOf(raw, 'subjectAltNames'),
    sni: textOf(raw, 'sni'),
    insecureSkipVerify: flagOf(raw, 'insecureSkipVerify'),
  };
  if (mode === 'SIMPLE' || mode === 'MUTUAL') checkTls(found, settings, path);
  return settings;
}

/** As Istio's ValidateTLS. */
function checkTls(found: Findings, settings: ClientTls, path: string): void {
  const { mode, credentialName, insecureSkipVerify } = settings;
  if (credentialName !== undefined) {
    for (const key of certificateFields) {
      if (settings[key] !== undefined) found.error('WEFT0212', `${path}.${key}`, 'there is a credentialName already');
    }
  } else if (mode === 'MUTUAL') {
    for (const key of ['clientCertificate', 'privateKey'] as const) {
      if (settings[key] === undefined)
        found.error('WEFT0208', `${path}.${key}`, 'MUTUAL needs it, or a credentialName');
    }
  }
  if (insecureSkipVerify !== true) return;
  if (settings.caCertificates !== undefined) {
    found.error('WEFT0212', `${path}.caCertificates`, 'insecureSkipVerify checks no certificate');
  }
  if (settings.subjectAltNames.length > 0) {
    found.error('WEFT0212', `${path}.subjectAltNames`, 'insecureSkipVerify checks no certificate');
  }
}

function readRetryBudget(raw: Raw | undefined): RetryBudget | undefined {
  if (raw === undefined) return undefined;
  const minRetryConcurrency = fieldOf(raw, 'minRetryConcurrency') as number | undefined;
  return { percent: numberOf(raw, 'percent') ?? 20, minRetryConcurrency: minRetryConcurrency ?? 3 };
}
