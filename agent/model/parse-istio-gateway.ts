import { canonicalAddress } from './address.js';
import { flagOf, labelsOf, mappingOf, mappingsOf, numberOf, textOf, textsOf } from './checked.js';
import { at, fieldOf, type Raw } from './fields.js';
import { child, type Findings, quote } from './findings.js';
import type {
  GatewayHost,
  GatewayProtocol,
  GatewayServer,
  IstioGateway,
  ServerTls,
  TlsVersion,
} from './istio-gateway.js';
import type { Metadata } from './mesh.js';
import { isHost, isName } from './names.js';
import { checkShape } from './schema.js';
import * as istio from './schema-istio.js';

/** networking.istio.io Gateway, checked as Istio's own validation does (istio/istio, pkg/config/validation). */
export function parseIstioGateway(found: Findings, raw: Raw, meta: Metadata): IstioGateway | undefined {
  const spec = (fieldOf(raw, 'spec') ?? {}) as Raw;
  checkShape(found, spec, istio.gateway, 'spec');
  if (found.malformed) return undefined;
  const servers = mappingsOf(spec, 'servers');
  if (servers.length === 0) found.error('WEFT0208', 'spec.servers', 'needs at least one server');
  const names = new Set<string>();
  return {
    kind: 'Gateway',
    meta,
    selector: labelsOf(spec, 'selector'),
    servers: servers.map((server, index) => {
      const path = at('spec.servers', index);
      const name = textOf(server, 'name');
      if (name !== undefined && names.has(name))
        found.error('WEFT0211', `${path}.name`, `${quote(name)} is there twice`);
      if (name !== undefined) names.add(name);
      return readServer(found, server, path, meta.namespace);
    }),
  };
}

const protocols: readonly GatewayProtocol[] = [
  'HTTP',
  'HTTPS',
  'GRPC',
  'GRPC-WEB',
  'HTTP2',
  'MONGO',
  'REDIS',
  'MYSQL',
  'TCP',
  'TLS',
];
const encrypted: readonly GatewayProtocol[] = ['HTTPS', 'TLS'];
const overHttp: readonly GatewayProtocol[] = ['HTTP', 'HTTP2', 'GRPC', 'GRPC-WEB'];

function readServer(found: Findings, raw: Raw, path: string, namespace: string): GatewayServer {
  const port = mappingOf(raw, 'port')!;
  const protocol = readProtocol(found, port, `${path}.port`);
  if (numberOf(port, 'targetPort') !== undefined) {
    found.warning('WEFT0312', `${path}.port.targetPort`, 'means nothing in a Gateway');
  }
  const bind = textOf(raw, 'bind') ?? '';
  const address = bind === '' ? '' : canonicalAddress(bind);
  if (address === undefined) found.error('WEFT0209', `${path}.bind`, `must be an IP address, not ${quote(bind)}`);
  const tls = readServerTls(found, mappingOf(raw, 'tls'), `${path}.tls`);
  checkEncryption(found, protocol, tls, path);
  const hosts = textsOf(raw, 'hosts');
  if (hosts.length === 0) found.error('WEFT0208', `${path}.hosts`, 'needs at least one host');
  return {
    name: textOf(raw, 'name'),
    port: { number: numberOf(port, 'number')!, name: textOf(port, 'name'), protocol },
    bind: address ?? '',
    hosts: hosts.map((host, index) => readHost(found, host, at(`${path}.hosts`, index), namespace)),
    tls,
  };
}

function readProtocol(found: Findings, port: Raw, path: string): GatewayProtocol {
  const written = textOf(port, 'protocol');
  const protocol = written?.toUpperCase() as GatewayProtocol | undefined;
  if (protocol === undefined) found.error('WEFT0208', `${path}.protocol`, 'is required');
  else if (!protocols.includes(protocol)) {
    found.error('WEFT0206', `${path}.protocol`, `must be one of ${protocols.join(', ')}, not ${quote(written)}`);
  }
  return protocol ?? 'TCP';
}

/** `HOST` or `NAMESPACE/HOST`, NAMESPACE possibly `*` or `.`. */
function readHost(found: Findings, text: string, path: string, own: string): GatewayHost {
  const slash = text.indexOf('/');
  const namespace = slash < 0 ? '*' : text.slice(0, slash);
  const host = text.slice(slash + 1);
  if (namespace !== '*' && namespace !== '.' && !isName('label1123', namespace)) {
    found.error('WEFT0218', path, `${quote(namespace)} is neither *, . nor a namespace`);
  }
  if (!isHost(host)) found.error('WEFT0218', path, `must be a DNS name, not ${quote(host)}`);
  return { namespace: namespace === '.' ? own : namespace, host };
}

function checkEncryption(found: Findings, protocol: GatewayProtocol, tls: ServerTls | undefined, path: string): void {
  if (encrypted.includes(protocol)) {
    if (tls === undefined) found.error('WEFT0208', `${path}.tls`, `the protocol ${protocol} needs it`);
    else if (tls.httpsRedirect) found.error('WEFT0212', `${path}.tls.httpsRedirect`, 'is for plain HTTP');
    return;
  }
  if (tls === undefined) return;
  if (!overHttp.includes(protocol)) found.error('WEFT0212', `${path}.tls`, `the protocol ${protocol} is not encrypted`);
  else if (tls.mode !== 'PASSTHROUGH' || tls.files.length + tls.credentialNames.length > 0) {
    found.error('WEFT0212', `${path}.tls`, `of the protocol ${protocol} only httpsRedirect may be said`);
  }
}

type Mode = 'PASSTHROUGH' | 'SIMPLE' | 'MUTUAL' | 'OPTIONAL_MUTUAL' | 'AUTO_PASSTHROUGH' | 'ISTIO_MUTUAL';

function readServerTls(found: Findings, raw: Raw | undefined, path: string): ServerTls | undefined {
  if (raw === undefined) return undefined;
  const mode = (textOf(raw, 'mode') ?? 'PASSTHROUGH') as Mode;
  if (mode === 'ISTIO_MUTUAL' || mode === 'AUTO_PASSTHROUGH') {
    found.error('WEFT0305', `${path}.mode`, `${mode} is not supported: it needs certificates of Istio`);
  }
  const settings: ServerTls = {
    httpsRedirect: flagOf(raw, 'httpsRedirect') ?? false,
    mode: mode as ServerTls['mode'],
    files: readFiles(found, raw, path),
    credentialNames: readCredentials(found, raw, path),
    caCertificates: textOf(raw, 'caCertificates'),
    caCertCredentialName: textOf(raw, 'caCertCredentialName'),
    subjectAltNames: textsOf(raw, 'subjectAltNames'),
    minProtocolVersion: readVersion(found, raw, path, 'minProtocolVersion'),
    maxProtocolVersion: readVersion(found, raw, path, 'maxProtocolVersion'),
    cipherSuites: textsOf(raw, 'cipherSuites'),
  };
  if (mode === 'SIMPLE' || mode === 'MUTUAL' || mode === 'OPTIONAL_MUTUAL') checkCertificates(found, settings, path);
  if (settings.minProtocolVersion === 'TLSV1_3' && settings.maxProtocolVersion === 'TLSV1_2') {
    found.error('WEFT0212', `${path}.maxProtocolVersion`, 'is below minProtocolVersion');
  }
  return settings;
}

function readFiles(found: Findings, raw: Raw, path: string): ServerTls['files'] {
  const pair = (holder: Raw, place: string) => {
    const [certificate, key] = [textOf(holder, 'serverCertificate'), textOf(holder, 'privateKey')];
    if (certificate === undefined && key === undefined) return [];
    if (certificate === undefined) found.error('WEFT0208', `${place}.serverCertificate`, 'a privateKey needs it');
    if (key === undefined) found.error('WEFT0208', `${place}.privateKey`, 'a serverCertificate needs it');
    return [{ certificate: certificate ?? '', key: key ?? '' }];
  };
  const files = pair(raw, path);
  for (const [index, entry] of mappingsOf(raw, 'tlsCertificates').entries()) {
    const place = at(`${path}.tlsCertificates`, index);
    if (files.length > 0 && textOf(raw, 'serverCertificate') !== undefined) {
      found.error('WEFT0212', place, 'there is a serverCertificate already');
    }
    files.push(...pair(entry, place));
  }
  return files;
}

function readCredentials(found: Findings, raw: Raw, path: string): readonly string[] {
  const one = textOf(raw, 'credentialName');
  const several = textsOf(raw, 'credentialNames');
  if (one !== undefined && several.length > 0) {
    found.error('WEFT0212', `${path}.credentialNames`, 'there is a credentialName already');
  }
  const places = one === undefined ? several.map((_, index) => at(`${path}.credentialNames`, index)) : [];
  const names = one === undefined ? several : [one];
  for (const [index, name] of names.entries()) {
    if (isName('subdomain', name)) continue;
    const place = places[index] ?? child(path, 'credentialName');
    found.error('WEFT0204', place, `must be the name of a Secret, not ${quote(name)}`);
  }
  return names;
}

function checkCertificates(found: Findings, settings: ServerTls, path: string): void {
  const { mode, files, credentialNames, caCertificates, caCertCredentialName } = settings;
  if (files.length + credentialNames.length === 0) {
    found.error('WEFT0208', path, `${mode} needs credentialName, or serverCertificate and privateKey`);
  }
  if (files.length > 0 && credentialNames.length > 0) {
    found.error('WEFT0212', path, 'has both a credentialName and files');
  }
  if (mode === 'SIMPLE' || caCertificates !== undefined || caCertCredentialName !== undefined) return;
  if (credentialNames.length === 0) found.error('WEFT0208', `${path}.caCertificates`, `${mode} needs it`);
}

/** Versions before TLS 1.2 are not spoken: as a minimum they mean 1.2. */
function readVersion(
  found: Findings,
  raw: Raw,
  path: string,
  key: 'minProtocolVersion' | 'maxProtocolVersion',
): TlsVersion | undefined {
  const version = textOf(raw, key);
  if (version === undefined || version === 'TLS_AUTO') return undefined;
  if (version === 'TLSV1_2' || version === 'TLSV1_3') return version;
  if (key === 'maxProtocolVersion') found.error('WEFT0313', child(path, key), 'TLS before 1.2 is not spoken');
  else found.warning('WEFT0312', child(path, key), 'TLS before 1.2 is not spoken: the minimum is 1.2');
  return undefined;
}
