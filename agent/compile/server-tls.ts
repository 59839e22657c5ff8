import type { ServerTls as WrittenTls } from '../model/istio-gateway.js';
import type { CertificateReference, ReferenceGrant } from '../model/kubernetes-gateway.js';
import { rootNamespace } from '../model/root-namespace.js';
import { type Credentials, pemOf, secretOf, type Unusable } from './credentials.js';
import type { ServerTls } from './snapshot.js';

type Certificate = ServerTls['certificates'][number];

const versions = { TLSV1_2: 'TLSv1.2', TLSV1_3: 'TLSv1.3' } as const;

const clientCertificates = { SIMPLE: 'none', MUTUAL: 'required', OPTIONAL_MUTUAL: 'optional' } as const;

/** What an Istio Gateway of `namespace` serves TLS by. Its Secrets may also lie in the root namespace, where Istio's gateways run. */
export function istioServerTls(tls: WrittenTls, namespace: string, credentials: Credentials): ServerTls | Unusable {
  if (tls.mode === 'PASSTHROUGH') return { field: 'mode', message: 'PASSTHROUGH does not end TLS' };
  const clientCertificate = clientCertificates[tls.mode];
  const certificates = certificatesOf(tls, namespace, credentials);
  if ('field' in certificates) return certificates;
  const authorities = clientCertificate === 'none' ? '' : authoritiesOf(tls, namespace, credentials);
  if (typeof authorities !== 'string') return authorities;
  return {
    certificates,
    authorities,
    clientCertificate,
    subjectAltNames: tls.subjectAltNames,
    minVersion: versions[tls.minProtocolVersion ?? 'TLSV1_2'],
    maxVersion: versions[tls.maxProtocolVersion ?? 'TLSV1_3'],
    cipherSuites: tls.cipherSuites,
  };
}

function certificatesOf(
  tls: WrittenTls,
  namespace: string,
  credentials: Credentials,
): readonly Certificate[] | Unusable {
  const found: Certificate[] = [];
  for (const name of tls.credentialNames) {
    const certificate = secretCertificate(located(name, namespace, credentials), 'credentialName', credentials);
    if ('field' in certificate) return certificate;
    found.push(certificate);
  }
  if (found.length > 0) return found;
  for (const file of tls.files) {
    const certificate = pemOf(file.certificate, 'serverCertificate', credentials);
    if (typeof certificate !== 'string') return certificate;
    const key = pemOf(file.key, 'privateKey', credentials);
    if (typeof key !== 'string') return key;
    found.push({ certificate, key });
  }
  return found.length > 0 ? found : { field: 'credentialName', message: 'names no certificate' };
}

/** NS/NAME of a Secret of the Gateway's namespace, or where there is none, of the root namespace. */
function located(name: string, namespace: string, { secret }: Credentials): string {
  const own = `${namespace}/${name}`;
  const root = `${rootNamespace}/${name}`;
  return secret(own) === undefined && secret(root) !== undefined ? root : own;
}

function secretCertificate(key: string, field: string, credentials: Credentials): Certificate | Unusable {
  const secret = secretOf(key, field, credentials);
  if ('field' in secret) return secret;
  if (secret.certificate !== undefined && secret.key !== undefined) {
    return { certificate: secret.certificate, key: secret.key };
  }
  return { field, message: `Secret ${key} lacks a ${secret.certificate === undefined ? 'certificate' : 'key'}` };
}

/** Client certificates are checked against the file, caCertCredentialName, or the Secret's own `ca.crt`, else that of NAME-cacert. */
function authoritiesOf(tls: WrittenTls, namespace: string, credentials: Credentials): string | Unusable {
  const names = tls.caCertCredentialName === undefined ? tls.credentialNames : [tls.caCertCredentialName];
  for (const name of names) {
    for (const each of [name, `${name}-cacert`]) {
      const ca = credentials.secret(located(each, namespace, credentials))?.ca;
      if (ca !== undefined) return ca;
    }
  }
  if (tls.caCertificates !== undefined) return pemOf(tls.caCertificates, 'caCertificates', credentials);
  return { field: 'caCertificates', message: 'client certificates need an authority, and none is there' };
}

/** Why a listener's certificate cannot be had; `reason` of its ResolvedRefs condition (Gateway API). */
export interface UnresolvedCertificate extends Unusable {
  readonly reason: 'InvalidCertificateRef' | 'RefNotPermitted';
}

/** What a Gateway API listener of `namespace` serves TLS by; all its certificates must be there. */
export function listenerTls(
  references: readonly CertificateReference[],
  namespace: string,
  grants: Iterable<ReferenceGrant>,
  credentials: Credentials,
): ServerTls | UnresolvedCertificate {
  const invalid = (field: string, message: string) => ({ field, message, reason: 'InvalidCertificateRef' as const });
  if (references.length === 0) return invalid('certificateRefs', 'a listener that ends TLS needs a certificate');
  const certificates: Certificate[] = [];
  for (const [index, reference] of references.entries()) {
    const field = `certificateRefs[${index}]`;
    if (reference.group !== '' || reference.kind !== 'Secret') {
      return invalid(field, `a certificate is a Secret, not a ${reference.kind}`);
    }
    const key = `${reference.namespace}/${reference.name}`;
    if (reference.namespace !== namespace && !isGranted(reference, namespace, grants)) {
      const message = `no ReferenceGrant of ${reference.namespace} lets a Gateway of ${namespace} refer to Secret ${key}`;
      return { field, message, reason: 'RefNotPermitted' };
    }
    const certificate = secretCertificate(key, field, credentials);
    if ('field' in certificate) return { ...certificate, reason: 'InvalidCertificateRef' };
    certificates.push(certificate);
  }
  return {
    certificates,
    authorities: '',
    clientCertificate: 'none',
    subjectAltNames: [],
    minVersion: 'TLSv1.2',
    maxVersion: 'TLSv1.3',
    cipherSuites: [],
  };
}

function isGranted(reference: CertificateReference, namespace: string, grants: Iterable<ReferenceGrant>): boolean {
  for (const { meta, from, to } of grants) {
    if (meta.namespace !== reference.namespace) continue;
    const isFrom = from.some(
      (each) => each.group === 'gateway.networking.k8s.io' && each.kind === 'Gateway' && each.namespace === namespace,
    );
    const isTo = to.some(
      (each) =>
        each.group === '' && each.kind === 'Secret' && (each.name === undefined || each.name === reference.name),
    );
    if (isFrom && isTo) return true;
  }
  return false;
}
