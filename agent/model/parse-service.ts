import { familyOfAddress } from './address.js';
import {
  at,
  checkAddress,
  checkKnown,
  fieldOf,
  type Raw,
  readBoolean,
  readChoice,
  readEntry,
  readInteger,
  readLabels,
  readList,
  readName,
  readRaw,
  readString,
  readStrings,
} from './fields.js';
import { child, type Findings, quote } from './findings.js';
import { fitted, interned, noLabels } from './intern.js';
import type { Metadata, Protocol, Service, ServicePort } from './mesh.js';
import { isName, nameForms } from './names.js';

const specFields: ReadonlySet<string> = new Set([
  'allocateLoadBalancerNodePorts',
  'clusterIP',
  'clusterIPs',
  'externalIPs',
  'externalName',
  'externalTrafficPolicy',
  'healthCheckNodePort',
  'internalTrafficPolicy',
  'ipFamilies',
  'ipFamilyPolicy',
  'loadBalancerClass',
  'loadBalancerIP',
  'loadBalancerSourceRanges',
  'ports',
  'publishNotReadyAddresses',
  'selector',
  'sessionAffinity',
  'sessionAffinityConfig',
  'trafficDistribution',
  'type',
]);
const portFields: ReadonlySet<string> = new Set(['appProtocol', 'name', 'nodePort', 'port', 'protocol', 'targetPort']);
const types = ['ClusterIP', 'NodePort', 'LoadBalancer', 'ExternalName'] as const;
const protocols = ['TCP', 'UDP', 'SCTP'] as const;

/** v1 Service, validated and defaulted as the API server does (core/v1 ServiceSpec). */
export function parseService(found: Findings, raw: Raw, meta: Metadata): Service | undefined {
  const spec = readRaw(found, raw, '', 'spec');
  if (spec === undefined) {
    found.error('WEFT0208', 'spec', 'a Service needs a spec');
    return undefined;
  }
  checkKnown(found, spec, 'spec', specFields);
  const type = readChoice(found, spec, 'spec', 'type', types) ?? 'ClusterIP';
  const external = type === 'ExternalName';
  const externalName = external ? readExternalName(found, spec) : '';
  const clusterIps = external ? [] : readClusterIps(found, spec);
  const headless = !external && clusterIps === 'None';
  const selector = readLabels(found, spec, 'spec', 'selector');
  const ports = fitted(readPorts(found, spec, !headless && !external));
  const addresses = clusterIps === 'None' || external ? [] : addressesOf(found, raw, spec, clusterIps);
  if (type === 'NodePort') {
    found.warning('WEFT0303', 'spec.type', 'node ports are not opened by Weft; its cluster address is served');
  }
  return {
    kind: 'Service',
    meta,
    type,
    addresses: headless ? [] : fitted(addresses),
    externalName,
    headless,
    selector: selector === noLabels ? undefined : selector,
    ports,
    internalTrafficPolicy: readChoice(found, spec, 'spec', 'internalTrafficPolicy', ['Cluster', 'Local']) ?? 'Cluster',
    trafficDistribution: readDistribution(found, spec),
    affinitySeconds: readAffinity(found, spec),
    publishNotReadyAddresses: readBoolean(found, spec, 'spec', 'publishNotReadyAddresses') ?? false,
  };
}

/** Without a final dot; empty when there is none. */
function readExternalName(found: Findings, spec: Raw): string {
  const name = readString(found, spec, 'spec', 'externalName');
  if (name === undefined) {
    if (fieldOf(spec, 'externalName') === undefined) {
      found.error('WEFT0208', 'spec.externalName', 'a Service of type ExternalName needs it');
    }
  } else if (!isName('subdomain', name.endsWith('.') ? name.slice(0, -1) : name)) {
    found.error('WEFT0204', 'spec.externalName', `must be ${nameForms.subdomain}, not ${quote(name)}`);
  }
  const clusterIp = readString(found, spec, 'spec', 'clusterIP');
  if (clusterIp !== undefined && clusterIp !== '' && clusterIp !== 'None') {
    found.error('WEFT0212', 'spec.clusterIP', 'a Service of type ExternalName has no address');
  }
  return (name ?? '').replace(/\.$/, '');
}

/** clusterIP and clusterIPs, which must agree: at most one address a family, the first in both. */
function readClusterIps(found: Findings, spec: Raw): readonly string[] | 'None' {
  const single = readString(found, spec, 'spec', 'clusterIP') ?? '';
  const listed = readStrings(found, spec, 'spec', 'clusterIPs');
  const first = listed[0] ?? single;
  if (single !== '' && listed.length > 0 && single !== first) {
    found.error('WEFT0212', 'spec.clusterIPs[0]', `must equal spec.clusterIP (${quote(single)})`);
  }
  if (first === 'None') {
    if (listed.length > 1) found.error('WEFT0212', 'spec.clusterIPs', 'None stands alone');
    return 'None';
  }
  if (first === '') {
    if (!found.failed) found.error('WEFT0214', 'spec.clusterIP', 'the Service has no address');
    return [];
  }
  if (listed.length > 2) found.error('WEFT0212', 'spec.clusterIPs', 'at most one address a family');
  const addresses: string[] = [];
  for (const [index, text] of (listed.length > 0 ? listed : [single]).entries()) {
    const path = listed.length > 0 && !(index === 0 && single !== '') ? `spec.clusterIPs[${index}]` : 'spec.clusterIP';
    const address = checkAddress(found, text, path, true);
    if (address !== undefined) addresses.push(address);
  }
  if (addresses.length === 2 && familyOfAddress(addresses[0]!) === familyOfAddress(addresses[1]!)) {
    found.error('WEFT0212', 'spec.clusterIPs', 'the two addresses must be of different families');
  }
  checkFamilies(found, spec, addresses);
  return addresses;
}

function checkFamilies(found: Findings, spec: Raw, addresses: readonly string[]): void {
  readChoice(found, spec, 'spec', 'ipFamilyPolicy', ['SingleStack', 'PreferDualStack', 'RequireDualStack']);
  for (const [index, family] of readList(found, spec, 'spec', 'ipFamilies').entries()) {
    const path = `spec.ipFamilies[${index}]`;
    const address = addresses[index];
    if (family !== 'IPv4' && family !== 'IPv6') {
      found.error('WEFT0206', path, `must be IPv4 or IPv6, not ${quote(family)}`);
    } else if (address !== undefined && `IPv${familyOfAddress(address)}` !== family) {
      found.error('WEFT0212', path, `${address} is not of the family ${family}`);
    }
  }
}

/** All addresses of a Service that has a cluster address, in the order of mesh.ts, each once. */
function addressesOf(found: Findings, raw: Raw, spec: Raw, clusterIps: readonly string[]): readonly string[] {
  const externalIps = readList(found, spec, 'spec', 'externalIPs');
  const status = readRaw(found, raw, '', 'status');
  if (externalIps.length === 0 && status === undefined) return clusterIps;
  const addresses = new Set(clusterIps);
  for (const [index, text] of externalIps.entries()) {
    const address = checkAddress(found, text, `spec.externalIPs[${index}]`);
    if (address !== undefined) addresses.add(address);
  }
  if (status !== undefined) for (const address of ingressOf(found, spec, status)) addresses.add(address);
  return [...addresses];
}

/** The load balancer's addresses that nodes answer for: not those of ipMode Proxy (KEP-1860), nor with source ranges. */
function ingressOf(found: Findings, spec: Raw, status: Raw): readonly string[] {
  const balancer = readRaw(found, status, 'status', 'loadBalancer');
  if (balancer === undefined) return [];
  const addresses: string[] = [];
  for (const [index, value] of readList(found, balancer, 'status.loadBalancer', 'ingress').entries()) {
    const path = at('status.loadBalancer.ingress', index);
    const ingress = readEntry(found, value, path);
    if (ingress === undefined) continue;
    const ip = readString(found, ingress, path, 'ip');
    if (ip === undefined || ip === '') continue;
    const address = checkAddress(found, ip, child(path, 'ip'));
    const mode = readChoice(found, ingress, path, 'ipMode', ['VIP', 'Proxy']);
    if (address !== undefined && mode !== 'Proxy') addresses.push(address);
  }
  if (addresses.length > 0 && readStrings(found, spec, 'spec', 'loadBalancerSourceRanges').length > 0) {
    found.warning(
      'WEFT0303',
      'spec.loadBalancerSourceRanges',
      'the load balancer’s addresses are therefore left alone',
    );
    return [];
  }
  return addresses;
}

function readPorts(found: Findings, spec: Raw, required: boolean): readonly ServicePort[] {
  const list = readList(found, spec, 'spec', 'ports');
  if (list.length === 0 && required && !found.failed) {
    found.error('WEFT0208', 'spec.ports', 'a Service with an address needs at least one port');
  }
  const ports: ServicePort[] = [];
  for (let index = 0; index < list.length; index++) {
    const path = at('spec.ports', index);
    const raw = readEntry(found, list[index], path);
    if (raw === undefined) continue;
    checkKnown(found, raw, path, portFields);
    const port = readPort(found, raw, path, list.length > 1);
    if (port !== undefined) ports.push(port);
  }
  checkDuplicates(found, list);
  return ports;
}

/** Undefined also for a port that is valid but left alone (SCTP). */
function readPort(found: Findings, raw: Raw, path: string, named: boolean): ServicePort | undefined {
  const name = readName(found, raw, path, 'name', 'label1123') ?? '';
  if (name === '' && named && (fieldOf(raw, 'name') ?? '') === '') {
    found.error('WEFT0208', child(path, 'name'), 'of several ports each needs a name');
  }
  const port = readInteger(found, raw, path, 'port', 1, 65535);
  if (port === undefined && fieldOf(raw, 'port') === undefined) {
    found.error('WEFT0208', child(path, 'port'), 'a port needs a number');
  }
  readInteger(found, raw, path, 'nodePort', 0, 65535);
  const protocol = readProtocol(found, raw, path);
  const targetPort = readTargetPort(found, raw, path) ?? port;
  const appProtocol = readName(found, raw, path, 'appProtocol', 'qualified') ?? '';
  if (port === undefined || targetPort === undefined || protocol === undefined) return undefined;
  return { name: interned(name), port, protocol, targetPort, appProtocol: interned(appProtocol) };
}

/** TCP when absent; undefined for SCTP (a warning) and for what is no protocol (an error). */
export function readProtocol(found: Findings, raw: Raw, path: string): Protocol | undefined {
  if (fieldOf(raw, 'protocol') === undefined) return 'TCP';
  const protocol = readChoice(found, raw, path, 'protocol', protocols);
  if (protocol === 'SCTP') {
    found.warning('WEFT0307', child(path, 'protocol'), 'SCTP is not balanced; the port is left alone');
    return undefined;
  }
  return protocol;
}

function readTargetPort(found: Findings, raw: Raw, path: string): number | string | undefined {
  const value = fieldOf(raw, 'targetPort');
  if (value === undefined) return undefined;
  if (typeof value !== 'string') {
    const port = readInteger(found, raw, path, 'targetPort', 0, 65535);
    return port === 0 ? undefined : port;
  }
  if (value === '') return undefined;
  const name = readName(found, raw, path, 'targetPort', 'portName');
  return name && interned(name);
}

/** By name, and by number and protocol, over all ports as written. */
function checkDuplicates(found: Findings, list: readonly unknown[]): void {
  if (list.length < 2) return;
  const seen = new Set<string>();
  for (const [index, value] of list.entries()) {
    const { name, port, protocol = 'TCP' } = (value ?? {}) as Raw;
    const path = at('spec.ports', index);
    if (typeof name === 'string' && name !== '') {
      if (seen.has(name)) found.error('WEFT0211', child(path, 'name'), `another port has the name ${quote(name)} too`);
      seen.add(name);
    }
    if (typeof port !== 'number' || typeof protocol !== 'string') continue;
    const identity = `${port}/${protocol}`;
    if (seen.has(identity)) found.error('WEFT0211', child(path, 'port'), `another port is ${quote(identity)} too`);
    seen.add(identity);
  }
}

function readDistribution(found: Findings, spec: Raw): Service['trafficDistribution'] {
  const choices = ['PreferSameZone', 'PreferSameNode', 'PreferClose'] as const;
  const value = readChoice(found, spec, 'spec', 'trafficDistribution', choices);
  return value === 'PreferClose' ? 'PreferSameZone' : value;
}

/** Seconds; 10 800 unless sessionAffinityConfig.clientIP.timeoutSeconds says otherwise. */
function readAffinity(found: Findings, spec: Raw): number {
  const affinity = readChoice(found, spec, 'spec', 'sessionAffinity', ['ClientIP', 'None']);
  const path = 'spec.sessionAffinityConfig';
  const config = readRaw(found, spec, 'spec', 'sessionAffinityConfig');
  const client = config && readRaw(found, config, path, 'clientIP');
  const seconds = client && readInteger(found, client, `${path}.clientIP`, 'timeoutSeconds', 1, 86_400);
  if (affinity === 'ClientIP') return seconds ?? 10_800;
  if (client !== undefined) found.error('WEFT0212', path, 'must not be set unless spec.sessionAffinity is ClientIP');
  return 0;
}
