import { canonicalAddress, canonicalSubnet } from './address.js';
import { choiceOf, entriesOf, labelsOf, mappingOf, mappingsOf, numberOf, textOf, textsOf } from './checked.js';
import { at, fieldOf, type Raw } from './fields.js';
import { child, type Findings, quote } from './findings.js';
import type { Metadata } from './mesh.js';
import { isHost, isName } from './names.js';
import { readExportTo } from './parse-visibility.js';
import { checkShape } from './schema.js';
import * as istio from './schema-istio.js';
import type { ServiceEntry, ServiceEntryEndpoint, ServiceEntryPort } from './service-entry.js';

type Resolution = ServiceEntry['resolution'] | 'DYNAMIC_DNS';

/** networking.istio.io ServiceEntry, checked as Istio's own validation does (istio/istio, pkg/config/validation). */
export function parseServiceEntry(found: Findings, raw: Raw, meta: Metadata): ServiceEntry | undefined {
  const spec = (fieldOf(raw, 'spec') ?? {}) as Raw;
  checkShape(found, spec, istio.serviceEntry, 'spec');
  if (found.malformed) return undefined;
  const resolution = choiceOf<Resolution>(spec, 'resolution') ?? 'NONE';
  if (resolution === 'DYNAMIC_DNS') {
    found.warning('WEFT0310', 'spec.resolution', 'DYNAMIC_DNS is not supported', 'name the hosts, with resolution DNS');
    return undefined;
  }
  const hosts = readHosts(found, spec);
  const ports = readPorts(found, spec);
  const selector = mappingOf(spec, 'workloadSelector');
  const endpoints = mappingsOf(spec, 'endpoints');
  if (selector !== undefined && endpoints.length > 0) {
    found.error('WEFT0212', 'spec.workloadSelector', 'there are endpoints already');
  }
  checkResolution(found, resolution, hosts, endpoints);
  return {
    kind: 'ServiceEntry',
    meta,
    hosts,
    addresses: readAddresses(found, spec, resolution),
    ports,
    location: choiceOf<ServiceEntry['location']>(spec, 'location') ?? 'MESH_EXTERNAL',
    resolution,
    endpoints: endpoints.map((endpoint, index) =>
      readEndpoint(found, endpoint, at('spec.endpoints', index), resolution, ports),
    ),
    workloadSelector: selector && labelsOf(selector, 'labels'),
    exportTo: readExportTo(found, spec, meta.namespace),
    subjectAltNames: textsOf(spec, 'subjectAltNames'),
  };
}

function readHosts(found: Findings, spec: Raw): readonly string[] {
  const hosts = textsOf(spec, 'hosts');
  if (hosts.length === 0) found.error('WEFT0208', 'spec.hosts', 'needs at least one host');
  const star = hosts.indexOf('*');
  if (star >= 0) found.error('WEFT0218', at('spec.hosts', star), '* is no host of a ServiceEntry');
  return hosts;
}

const protocols = ['HTTP', 'HTTPS', 'HTTP2', 'GRPC', 'GRPC-WEB', 'MONGO', 'REDIS', 'MYSQL', 'TCP', 'TLS', 'UDP'];

function readPorts(found: Findings, spec: Raw): readonly ServiceEntryPort[] {
  const names = new Set<string>();
  const numbers = new Set<number>();
  return mappingsOf(spec, 'ports').map((port, index) => {
    const path = at('spec.ports', index);
    const number = numberOf(port, 'number')!;
    const name = textOf(port, 'name') ?? '';
    if (name === '') found.error('WEFT0208', `${path}.name`, 'is required');
    else if (!isName('label1123', name)) {
      found.error('WEFT0204', `${path}.name`, `must be the name of a port, not ${quote(name)}`);
    }
    if (names.has(name)) found.error('WEFT0211', `${path}.name`, `there is a port ${quote(name)} already`);
    if (numbers.has(number)) found.error('WEFT0211', `${path}.number`, `there is a port ${number} already`);
    names.add(name);
    numbers.add(number);
    const written = textOf(port, 'protocol') ?? 'TCP';
    const protocol = written.toUpperCase();
    if (!protocols.includes(protocol)) {
      found.error('WEFT0206', `${path}.protocol`, `must be one of ${protocols.join(', ')}, not ${quote(written)}`);
    }
    return { number, protocol, name, targetPort: numberOf(port, 'targetPort') };
  });
}

function readAddresses(found: Findings, spec: Raw, resolution: Resolution): readonly string[] {
  return textsOf(spec, 'addresses').map((text, index) => {
    const path = at('spec.addresses', index);
    const subnet = canonicalSubnet(text);
    if (subnet === undefined) found.error('WEFT0209', path, `must be an address or ADDRESS/BITS, not ${quote(text)}`);
    else if (subnet.includes('/') && resolution !== 'NONE' && resolution !== 'STATIC') {
      found.error('WEFT0212', path, `a block of addresses cannot have the resolution ${resolution}`);
    }
    return subnet ?? text;
  });
}

function checkResolution(
  found: Findings,
  resolution: Resolution,
  hosts: readonly string[],
  endpoints: readonly Raw[],
): void {
  if (resolution === 'NONE') {
    if (endpoints.length > 0) found.error('WEFT0212', 'spec.endpoints', 'the resolution NONE has no endpoints');
    return;
  }
  if (resolution === 'STATIC') return;
  if (resolution === 'DNS_ROUND_ROBIN' && endpoints.length > 1) {
    found.error('WEFT0212', 'spec.endpoints', 'the resolution DNS_ROUND_ROBIN has one endpoint at most');
  }
  if (endpoints.length > 0) return;
  for (const [index, host] of hosts.entries()) {
    if (!host.startsWith('*')) continue;
    found.error('WEFT0212', at('spec.hosts', index), `${quote(host)} cannot be resolved: name endpoints`);
  }
}

function readEndpoint(
  found: Findings,
  raw: Raw,
  path: string,
  resolution: Resolution,
  ports: readonly ServiceEntryPort[],
): ServiceEntryEndpoint {
  const named = entriesOf<number>(raw, 'ports');
  for (const [name] of named) {
    if (ports.some((port) => port.name === name)) continue;
    found.error('WEFT0212', child(`${path}.ports`, name), `the entry has no port ${quote(name)}`);
  }
  return {
    address: readEndpointAddress(found, raw, path, resolution),
    ports: new Map(named),
    labels: labelsOf(raw, 'labels'),
    locality: textOf(raw, 'locality'),
    weight: (fieldOf(raw, 'weight') as number | undefined) || 1,
  };
}

function readEndpointAddress(found: Findings, raw: Raw, path: string, resolution: Resolution): string {
  const text = textOf(raw, 'address') ?? '';
  const address = canonicalAddress(text);
  const place = child(path, 'address');
  if (address !== undefined) return address;
  if (text === '') found.error('WEFT0208', place, 'is required');
  else if (text.startsWith('unix://')) found.error('WEFT0313', place, 'UNIX sockets are not supported');
  else if (resolution === 'STATIC') found.error('WEFT0209', place, `must be an IP address, not ${quote(text)}`);
  else if (!isHost(text) || text.startsWith('*')) {
    found.error('WEFT0218', place, `must be an IP address or a DNS name, not ${quote(text)}`);
  }
  return text;
}
