import { canonicalAddress, familyOfAddress, specialAddress } from './address.js';
import {
  at,
  checkAddress,
  checkKnown,
  fieldOf,
  isRaw,
  type Raw,
  readBoolean,
  readEntry,
  readInteger,
  readList,
  readName,
  readRaw,
  readString,
} from './fields.js';
import { child, type Findings, quote } from './findings.js';
import { fitted, interned } from './intern.js';
import type { Endpoint, EndpointPort, EndpointSlice, Family, Metadata } from './mesh.js';
import { readProtocol } from './parse-service.js';

const endpointFields: ReadonlySet<string> = new Set([
  'addresses',
  'conditions',
  'deprecatedTopology',
  'hints',
  'hostname',
  'nodeName',
  'targetRef',
  'zone',
]);
const conditionFields: ReadonlySet<string> = new Set(['ready', 'serving', 'terminating']);
const portFields: ReadonlySet<string> = new Set(['appProtocol', 'name', 'port', 'protocol']);

/** discovery.k8s.io/v1 EndpointSlice. One of addressType FQDN is left alone, as kube-proxy does. */
export function parseEndpointSlice(found: Findings, raw: Raw, meta: Metadata): EndpointSlice | undefined {
  const family = readFamily(found, raw);
  if (family === undefined) return undefined;
  const ports = readPorts(found, raw);
  const list = readList(found, raw, '', 'endpoints');
  const endpoints: Endpoint[] = [];
  for (let index = 0; index < list.length; index++) {
    const path = at('endpoints', index);
    const entry = readEntry(found, list[index], path);
    const endpoint = entry && readEndpoint(found, entry, path, family);
    if (endpoint !== undefined) endpoints.push(endpoint);
  }
  const service = meta.labels['kubernetes.io/service-name'] ?? '';
  return { kind: 'EndpointSlice', meta, service, family, ports, endpoints: fitted(endpoints) };
}

function readFamily(found: Findings, raw: Raw): Family | undefined {
  const type = readString(found, raw, '', 'addressType');
  if (type === 'IPv4') return 4;
  if (type === 'IPv6') return 6;
  if (type === 'FQDN') {
    found.warning(
      'WEFT0310',
      'addressType',
      'endpoints that are names are not balanced',
      'use addressType IPv4 or IPv6',
    );
  } else if (type !== undefined) {
    found.error('WEFT0206', 'addressType', `must be IPv4, IPv6 or FQDN, not ${quote(type)}`);
  } else if (fieldOf(raw, 'addressType') === undefined) {
    found.error('WEFT0208', 'addressType', 'an EndpointSlice needs it');
  }
  return undefined;
}

function readPorts(found: Findings, raw: Raw): readonly EndpointPort[] {
  const list = readList(found, raw, '', 'ports');
  const ports: EndpointPort[] = [];
  const names = new Set<string>();
  for (let index = 0; index < list.length; index++) {
    const path = at('ports', index);
    const entry = readEntry(found, list[index], path);
    if (entry === undefined) continue;
    checkKnown(found, entry, path, portFields);
    const name = readName(found, entry, path, 'name', 'label1123') ?? '';
    if (names.has(name)) found.error('WEFT0211', child(path, 'name'), `another port has the name ${quote(name)} too`);
    names.add(name);
    const port = readInteger(found, entry, path, 'port', 1, 65535);
    const protocol = readProtocol(found, entry, path);
    if (port === undefined && fieldOf(entry, 'port') === undefined) {
      found.warning(
        'WEFT0310',
        child(path, 'port'),
        'a port without a number (all ports) is left alone',
        'name the port',
      );
    }
    if (port !== undefined && protocol !== undefined) ports.push({ name: interned(name), port, protocol });
  }
  return fitted(ports);
}

/** The hot path of parsing: fields are read directly, and typed readers are asked only where something is wrong. */
function readEndpoint(found: Findings, raw: Raw, path: string, family: Family): Endpoint | undefined {
  checkKnown(found, raw, path, endpointFields);
  const { conditions, hints, nodeName, zone, targetRef } = raw;
  const address = readAddress(found, raw, path, family);
  let ready = true;
  let serving: boolean | undefined;
  let terminating = false;
  if (isRaw(conditions)) {
    const place = `${path}.conditions`;
    checkKnown(found, conditions, place, conditionFields);
    ready = flag(found, conditions, place, 'ready', conditions.ready) ?? true;
    serving = flag(found, conditions, place, 'serving', conditions.serving);
    terminating = flag(found, conditions, place, 'terminating', conditions.terminating) ?? false;
  } else readRaw(found, raw, path, 'conditions');
  const hinted = hints === undefined ? undefined : readRaw(found, raw, path, 'hints');
  const node = typeof nodeName === 'string' ? nodeName : (readString(found, raw, path, 'nodeName') ?? '');
  const place = typeof zone === 'string' ? zone : (readString(found, raw, path, 'zone') ?? '');
  const pod = targetRef === undefined ? '' : readTarget(found, raw, path);
  if (address === undefined) return undefined;
  return {
    address,
    ready,
    serving: serving ?? ready,
    terminating,
    node: interned(node),
    zone: interned(place),
    pod,
    forZones: hinted && readHints(found, hinted, `${path}.hints`, 'forZones'),
    forNodes: hinted && readHints(found, hinted, `${path}.hints`, 'forNodes'),
  };
}

function flag(found: Findings, raw: Raw, path: string, key: string, value: unknown): boolean | undefined {
  return typeof value === 'boolean' ? value : readBoolean(found, raw, path, key);
}

/** The first of the addresses, which stand for one another (discovery/v1 Endpoint.addresses); all are checked. */
function readAddress(found: Findings, raw: Raw, path: string, family: Family): string | undefined {
  const list = Array.isArray(raw.addresses) ? raw.addresses : readList(found, raw, path, 'addresses');
  if (list.length === 0 && !found.failed) {
    found.error('WEFT0208', child(path, 'addresses'), 'an endpoint needs an address');
  }
  let first: string | undefined;
  for (let index = 0; index < list.length; index++) {
    const address = goodAddress(list[index]) ?? checkAddress(found, list[index], `${path}.addresses[${index}]`);
    if (address === undefined) continue;
    if (familyOfAddress(address) !== family) {
      found.error('WEFT0212', `${path}.addresses[${index}]`, `${address} is not of addressType IPv${family}`);
    }
    first ??= address;
  }
  return first;
}

/** The canonical address where nothing is wrong with it. */
function goodAddress(value: unknown): string | undefined {
  const address = typeof value === 'string' ? canonicalAddress(value) : undefined;
  return address === undefined || specialAddress(address) !== undefined ? undefined : address;
}

/** The name of the Pod that targetRef points to, empty when it points to none. */
function readTarget(found: Findings, raw: Raw, path: string): string {
  const target = isRaw(raw.targetRef) ? raw.targetRef : readRaw(found, raw, path, 'targetRef');
  if (target === undefined) return '';
  const { kind, name } = target;
  if (kind === 'Pod' && typeof name === 'string') return name;
  const place = `${path}.targetRef`;
  readString(found, target, place, 'kind');
  readString(found, target, place, 'name');
  return '';
}

function readHints(found: Findings, hints: Raw, path: string, key: string): readonly string[] | undefined {
  const list = readList(found, hints, path, key);
  if (list.length === 0) return undefined;
  const names: string[] = [];
  for (const [index, value] of list.entries()) {
    const place = at(child(path, key), index);
    const entry = readEntry(found, value, place);
    const name = entry && readString(found, entry, place, 'name');
    if (name !== undefined) names.push(interned(name));
    else if (entry !== undefined && fieldOf(entry, 'name') === undefined) {
      found.error('WEFT0208', child(place, 'name'), 'a hint needs a name');
    }
  }
  return names;
}
