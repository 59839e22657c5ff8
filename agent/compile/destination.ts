import { canonicalAddress } from '../model/address.js';
import type { Protocol, Service } from '../model/mesh.js';
import { serviceOfHost } from '../model/names.js';

/** What is wrong with a question, as data; `field` is the part of the query that it is about. */
export interface ExplainError {
  readonly code: 'unknown-pod' | 'unknown-service' | 'invalid-address' | 'invalid-port' | 'port-needed';
  readonly field: 'from' | 'to';
  readonly message: string;
}

/** What a client connects to. */
export interface Destination {
  /** Canonical; empty when the Service has no address of its own. */
  readonly address: string;
  /** 0 when nobody said one and it makes no difference. */
  readonly port: number;
  /** NS/NAME; empty when the address is no Service's. */
  readonly service: string;
  /** How it was understood, one sentence each. */
  readonly steps: readonly string[];
}

export interface ServiceNames {
  /** By NS/NAME. */
  service(key: string): Service | undefined;
  /** NS/NAME of the Services that stand for a host of ServiceEntries. */
  entriesOf(host: string): readonly string[];
  /** NS/NAME of the Service that has this canonical address. */
  serviceAt(address: string): string | undefined;
}

interface Target {
  readonly host: string;
  /** Undefined when omitted. */
  readonly port: number | undefined;
}

/**
 * What `to` means to a client in `namespace`: HOST, HOST:PORT, [IPv6]:PORT or a bare IPv6 address, where HOST is
 * an address or any cluster form of a Service's name. A port that is omitted is the Service's only one of the protocol.
 */
export function resolveDestination(
  to: string,
  namespace: string,
  protocol: Protocol,
  names: ServiceNames,
): Destination | ExplainError {
  const target = parseTarget(to);
  if ('code' in target) return target;
  const address = canonicalAddress(target.host);
  if (address !== undefined) return addressDestination(target, address, protocol, names);
  const key = keyOf(target.host, namespace, names);
  const service = key === undefined ? undefined : names.service(key);
  if (key === undefined || service === undefined) {
    const meaning =
      key === undefined
        ? 'is neither an address nor a name of a Service'
        : `would be Service ${key}, which does not exist`;
    return { code: 'unknown-service', field: 'to', message: `${target.host} ${meaning}` };
  }
  const named = `${target.host} names Service ${key}`;
  if (service.addresses.length === 0) {
    return { address: '', port: target.port ?? 0, service: key, steps: [`${named}, ${addressless(service)}`] };
  }
  const chosen = portOf(service, key, target.port, protocol);
  if ('code' in chosen) return chosen;
  const [first, ...others] = service.addresses;
  const also = others.length === 0 ? '' : ` (also ${others.join(', ')})`;
  return {
    address: first!,
    port: chosen.port,
    service: key,
    steps: [`${named}, whose address is ${first}${also}`, ...chosen.steps],
  };
}

/** A Service's goes before one that a ServiceEntry makes, and of these one of the client's own namespace before others. */
function keyOf(host: string, namespace: string, names: ServiceNames): string | undefined {
  const own = serviceOfHost(host, namespace);
  if (own !== undefined && names.service(own) !== undefined) return own;
  const entries = names.entriesOf(host);
  return entries.find((key) => key.startsWith(`${namespace}/`)) ?? entries[0] ?? own;
}

function addressDestination(
  target: Target,
  address: string,
  protocol: Protocol,
  names: ServiceNames,
): Destination | ExplainError {
  const mapped = target.host.includes(':') && !address.includes(':');
  const steps = mapped ? [`${target.host} is the IPv4 address ${address} in its mapped form`] : [];
  const key = names.serviceAt(address);
  const service = key === undefined ? undefined : names.service(key);
  if (key === undefined || service === undefined) {
    return { address, port: target.port ?? 0, service: '', steps: [...steps, `${address} is no Service's address`] };
  }
  const chosen = portOf(service, key, target.port, protocol);
  if ('code' in chosen) return chosen;
  return {
    address,
    port: chosen.port,
    service: key,
    steps: [...steps, `${address} is an address of Service ${key}`, ...chosen.steps],
  };
}

function addressless(service: Service): string {
  if (service.type === 'ExternalName') return 'an ExternalName: its name resolves to another one';
  return service.headless ? "a headless one: its name resolves to the Pods' own addresses" : 'which has no address';
}

function portOf(
  service: Service,
  key: string,
  port: number | undefined,
  protocol: Protocol,
): { readonly port: number; readonly steps: readonly string[] } | ExplainError {
  const listed = service.ports.map((each) => `${each.port}/${each.protocol}`).join(', ') || 'none';
  const own = service.ports.filter((each) => each.protocol === protocol);
  if (port !== undefined) {
    const known = own.some((each) => each.port === port);
    return { port, steps: known ? [] : [`Service ${key} has no port ${port}/${protocol}; it has ${listed}`] };
  }
  if (own.length === 1) return { port: own[0]!.port, steps: [`${own[0]!.port} is its only ${protocol} port`] };
  const message =
    own.length === 0
      ? `Service ${key} has no ${protocol} port; it has ${listed}`
      : `say which ${protocol} port of Service ${key}: it has ${listed}`;
  return { code: 'port-needed', field: 'to', message };
}

/** The host, which may be a name or an address, and the port that `to` is written with. */
export function parseTarget(to: string): Target | ExplainError {
  const text = to.trim();
  const bracketed = /^\[([^[\]]*)\](?::(.*))?$/.exec(text);
  if (bracketed) return withPort(bracketed[1]!, bracketed[2]);
  const first = text.indexOf(':');
  const isPlain = first < 0 || text.indexOf(':', first + 1) < 0;
  if (/[[\]]/.test(text) || (!isPlain && canonicalAddress(text) === undefined)) {
    const message = `${JSON.stringify(to)} is no HOST, HOST:PORT, IPv6 address or [IPv6]:PORT`;
    return { code: 'invalid-address', field: 'to', message };
  }
  return isPlain && first >= 0
    ? withPort(text.slice(0, first), text.slice(first + 1))
    : { host: text, port: undefined };
}

function withPort(host: string, text: string | undefined): Target | ExplainError {
  if (text === undefined) return { host, port: undefined };
  const port = /^[0-9]{1,5}$/.test(text) ? Number(text) : 0;
  if (port >= 1 && port <= 65_535) return { host, port };
  return { code: 'invalid-port', field: 'to', message: `${JSON.stringify(text)} is no port between 1 and 65535` };
}
