import { X509Certificate } from 'node:crypto';
import { isIP, type Socket } from 'node:net';
import {
  checkServerIdentity,
  connect,
  createSecureContext,
  type PeerCertificate,
  type SecureContext,
  type TLSSocket,
} from 'node:tls';
import type { UpstreamTls } from '../../balance/cluster.js';

const contexts = new WeakMap<UpstreamTls, SecureContext>();

/** Throws on PEM text that is none. */
function contextOf(settings: UpstreamTls): SecureContext {
  let context = contexts.get(settings);
  if (context === undefined) {
    context = createSecureContext({
      ca: settings.authorities === '' ? undefined : settings.authorities,
      cert: settings.certificate === '' ? undefined : settings.certificate,
      key: settings.key === '' ? undefined : settings.key,
      minVersion: 'TLSv1.2',
    });
    contexts.set(settings, context);
  }
  return context;
}

/**
 * TLS over a connected socket, as DestinationRule's modes SIMPLE and MUTUAL say. `host`: what the request asked for; it is the SNI where the settings have none, and then,
 * without subjectAltNames, the certificate must be for it. `protocol`: what ALPN offers, empty for none. The handshake goes on after the return: `secureConnect`
 * or `error`.
 */
export function secure(
  socket: Socket,
  settings: UpstreamTls,
  host: string,
  protocol: 'h2' | 'http/1.1' | '',
): TLSSocket {
  const name = settings.sni === '' ? host : settings.sni;
  return connect({
    socket,
    secureContext: contextOf(settings),
    servername: isIP(name) === 0 ? name : '',
    ALPNProtocols: protocol === '' ? undefined : [protocol],
    rejectUnauthorized: !settings.insecureSkipVerify,
    checkServerIdentity: (_, certificate) => identityError(settings, host, certificate),
  });
}

/** As Istio verifies: one of subjectAltNames; without these the host that was asked for, unless an SNI is written. */
function identityError(settings: UpstreamTls, host: string, certificate: PeerCertificate): Error | undefined {
  if (settings.insecureSkipVerify) return undefined;
  if (settings.subjectAltNames.length > 0) {
    const names = new X509Certificate(certificate.raw);
    if (settings.subjectAltNames.some((wanted) => hasName(names, wanted))) return undefined;
    return new Error(`the certificate is for none of ${settings.subjectAltNames.join(', ')}`);
  }
  return settings.sni !== '' || host === '' ? undefined : checkServerIdentity(host, certificate);
}

/** Whether a certificate has a subject alternative name: DNS (a wildcard in the certificate counts), URI, address or mail. */
function hasName(certificate: X509Certificate, wanted: string): boolean {
  if (isIP(wanted) !== 0) return certificate.checkIP(wanted) !== undefined;
  if (certificate.checkHost(wanted, { subject: 'never' }) !== undefined) return true;
  const names = (certificate.subjectAltName ?? '').split(', ');
  return names.includes(`URI:${wanted}`) || names.includes(`email:${wanted}`);
}

/** The name of an authority without its port, lower case. */
export function hostOf(authority: string): string {
  const end = authority.startsWith('[') ? authority.indexOf(']') + 1 : authority.indexOf(':');
  const host = end > 0 ? authority.slice(0, end) : authority;
  return (host.startsWith('[') ? host.slice(1, -1) : host).toLowerCase();
}
