import type { UpstreamTls } from '../balance/cluster.js';
import type { ClientTls } from '../model/destination-rule.js';
import type { Secret } from '../model/secret.js';
import type { Credentials } from './credentials.js';
import { pemOf, secretOf, type Unusable } from './credentials.js';

/**
 * TLS towards a destination, with its files and Secret read; undefined for mode DISABLE. `namespace`: of the DestinationRule. A CA is
 * the Secret's `ca.crt`, else that of the Secret NAME-cacert, else the system's (Istio's credentialName).
 */
export function upstreamTlsOf(
  tls: ClientTls,
  namespace: string,
  subjectAltNames: readonly string[],
  credentials: Credentials,
): UpstreamTls | Unusable | undefined {
  if (tls.mode === 'DISABLE') return undefined;
  const material =
    tls.credentialName === undefined
      ? fromFiles(tls, credentials)
      : fromSecret(tls, `${namespace}/${tls.credentialName}`, credentials);
  if ('field' in material) return material;
  return {
    sni: tls.sni ?? '',
    ...material,
    subjectAltNames: tls.subjectAltNames.length > 0 ? tls.subjectAltNames : subjectAltNames,
    insecureSkipVerify: tls.insecureSkipVerify ?? false,
  };
}

type Material = Pick<UpstreamTls, 'authorities' | 'certificate' | 'key'>;

function fromFiles(tls: ClientTls, credentials: Credentials): Material | Unusable {
  const isMutual = tls.mode === 'MUTUAL';
  const authorities = tls.caCertificates === 'system' ? undefined : tls.caCertificates;
  const wanted = [
    ['caCertificates', authorities],
    ['clientCertificate', isMutual ? tls.clientCertificate : undefined],
    ['privateKey', isMutual ? tls.privateKey : undefined],
  ] as const;
  const texts: string[] = [];
  for (const [field, path] of wanted) {
    const text = path === undefined ? '' : pemOf(path, field, credentials);
    if (typeof text !== 'string') return text;
    texts.push(text);
  }
  return { authorities: texts[0]!, certificate: texts[1]!, key: texts[2]! };
}

function fromSecret(tls: ClientTls, key: string, credentials: Credentials): Material | Unusable {
  const secret = secretOf(key, 'credentialName', credentials);
  const authorities = credentials.secret(`${key}-cacert`)?.ca;
  if ('field' in secret) return tls.mode === 'SIMPLE' && authorities !== undefined ? trusting(authorities) : secret;
  const trusted = trusting(secret.ca ?? authorities ?? '');
  if (tls.mode === 'SIMPLE') return trusted;
  return withKey(secret, key, trusted);
}

function trusting(authorities: string): Material {
  return { authorities, certificate: '', key: '' };
}

function withKey({ certificate, key }: Secret, name: string, trusted: Material): Material | Unusable {
  if (certificate !== undefined && key !== undefined) return { ...trusted, certificate, key };
  return {
    field: 'credentialName',
    message: `Secret ${name} lacks a ${certificate === undefined ? 'certificate' : 'key'}`,
  };
}
