import test from 'ava';
import type { IstioGateway } from '../../agent/model/istio-gateway.js';
import { findings, parsed, type Raw, rawIstio } from './objects.js';

const plain = { port: { number: 80, name: 'http', protocol: 'HTTP' }, hosts: ['*'] };
const secure = { port: { number: 443, name: 'https', protocol: 'HTTPS' }, hosts: ['*'] };

test('Gateway: every field', (t) => {
  const raw = rawIstio('Gateway', {
    selector: { istio: 'ingressgateway' },
    servers: [
      {
        name: 'plain',
        port: { number: 80, name: 'http', protocol: 'http' },
        bind: '10.0.0.1',
        hosts: ['*', './a.example.com', 'b/*.example.com', '*/c'],
        tls: { httpsRedirect: true },
      },
      {
        ...secure,
        tls: {
          mode: 'MUTUAL',
          credentialName: 'c',
          subjectAltNames: ['client'],
          minProtocolVersion: 'TLSV1_2',
          maxProtocolVersion: 'TLSV1_3',
          cipherSuites: ['ECDHE-RSA-AES128-GCM-SHA256'],
        },
      },
      {
        ...secure,
        hosts: ['files'],
        tls: { mode: 'SIMPLE', serverCertificate: '/c', privateKey: '/k' },
      },
      {
        ...secure,
        hosts: ['several'],
        tls: {
          mode: 'OPTIONAL_MUTUAL',
          tlsCertificates: [
            { serverCertificate: '/c1', privateKey: '/k1' },
            { serverCertificate: '/c2', privateKey: '/k2' },
          ],
          caCertificates: '/ca',
        },
      },
      { port: { number: 8443, protocol: 'TLS' }, hosts: ['db'], tls: { mode: 'PASSTHROUGH' } },
    ],
  });
  t.deepEqual(findings(raw), []);
  const { meta: _, ...gateway } = parsed('Gateway', raw);
  const noTls = {
    httpsRedirect: false,
    mode: 'PASSTHROUGH',
    files: [],
    credentialNames: [],
    caCertificates: undefined,
    caCertCredentialName: undefined,
    subjectAltNames: [],
    minProtocolVersion: undefined,
    maxProtocolVersion: undefined,
    cipherSuites: [],
  } as const;
  const https = { number: 443, name: 'https', protocol: 'HTTPS' } as const;
  const unnamed = { name: undefined, bind: '' };
  const expected: Omit<IstioGateway, 'meta'> = {
    kind: 'Gateway',
    selector: { istio: 'ingressgateway' },
    servers: [
      {
        name: 'plain',
        port: { number: 80, name: 'http', protocol: 'HTTP' },
        bind: '10.0.0.1',
        hosts: [
          { namespace: '*', host: '*' },
          { namespace: 'ns', host: 'a.example.com' },
          { namespace: 'b', host: '*.example.com' },
          { namespace: '*', host: 'c' },
        ],
        tls: { ...noTls, httpsRedirect: true },
      },
      {
        ...unnamed,
        port: https,
        hosts: [{ namespace: '*', host: '*' }],
        tls: {
          ...noTls,
          mode: 'MUTUAL',
          credentialNames: ['c'],
          subjectAltNames: ['client'],
          minProtocolVersion: 'TLSV1_2',
          maxProtocolVersion: 'TLSV1_3',
          cipherSuites: ['ECDHE-RSA-AES128-GCM-SHA256'],
        },
      },
      {
        ...unnamed,
        port: https,
        hosts: [{ namespace: '*', host: 'files' }],
        tls: { ...noTls, mode: 'SIMPLE', files: [{ certificate: '/c', key: '/k' }] },
      },
      {
        ...unnamed,
        port: https,
        hosts: [{ namespace: '*', host: 'several' }],
        tls: {
          ...noTls,
          mode: 'OPTIONAL_MUTUAL',
          files: [
            { certificate: '/c1', key: '/k1' },
            { certificate: '/c2', key: '/k2' },
          ],
          caCertificates: '/ca',
        },
      },
      {
        ...unnamed,
        port: { number: 8443, name: undefined, protocol: 'TLS' },
        hosts: [{ namespace: '*', host: 'db' }],
        tls: noTls,
      },
    ],
  };
  t.deepEqual(gateway, expected);
});

const s = 'spec.servers[0]';
const tls = (settings: Raw): Raw => ({ ...secure, tls: settings });
const servers: readonly (readonly [string, Raw, readonly string[]])[] = [
  ['plain', plain, []],
  ['no port', { hosts: ['*'] }, [`WEFT0208 error ${s}.port`]],
  ['no protocol', { port: { number: 80 }, hosts: ['*'] }, [`WEFT0208 error ${s}.port.protocol`]],
  [
    'a protocol that is none',
    { port: { number: 80, protocol: 'UDP' }, hosts: ['*'] },
    [`WEFT0206 error ${s}.port.protocol`],
  ],
  ['a target port', { ...plain, port: { ...plain.port, targetPort: 8080 } }, [`WEFT0312 warning ${s}.port.targetPort`]],
  ['a bind that is no address', { ...plain, bind: 'unix:///x' }, [`WEFT0209 error ${s}.bind`]],
  ['no hosts', { ...plain, hosts: [] }, [`WEFT0208 error ${s}.hosts`]],
  [
    'hosts that are none',
    { ...plain, hosts: ['a b', 'A/b', 'a/b/c'] },
    [`WEFT0218 error ${s}.hosts[0]`, `WEFT0218 error ${s}.hosts[1]`, `WEFT0218 error ${s}.hosts[2]`],
  ],
  ['a default endpoint', { ...plain, defaultEndpoint: '127.0.0.1:80' }, [`WEFT0303 warning ${s}.defaultEndpoint`]],
  ['HTTPS without TLS', secure, [`WEFT0208 error ${s}.tls`]],
  [
    'HTTPS that redirects',
    tls({ mode: 'SIMPLE', credentialName: 'c', httpsRedirect: true }),
    [`WEFT0212 error ${s}.tls.httpsRedirect`],
  ],
  ['HTTP with TLS', { ...plain, tls: { mode: 'SIMPLE', credentialName: 'c' } }, [`WEFT0212 error ${s}.tls`]],
  [
    'TCP with TLS',
    { ...plain, port: { number: 80, protocol: 'TCP' }, tls: { mode: 'SIMPLE', credentialName: 'c' } },
    [`WEFT0212 error ${s}.tls`],
  ],
  ['TLS without a certificate', tls({ mode: 'SIMPLE' }), [`WEFT0208 error ${s}.tls`]],
  ['half a certificate', tls({ mode: 'SIMPLE', privateKey: '/k' }), [`WEFT0208 error ${s}.tls.serverCertificate`]],
  [
    'a certificate without its key',
    tls({ mode: 'SIMPLE', serverCertificate: '/c' }),
    [`WEFT0208 error ${s}.tls.privateKey`],
  ],
  [
    'a Secret and files',
    tls({ mode: 'SIMPLE', credentialName: 'c', serverCertificate: '/c', privateKey: '/k' }),
    [`WEFT0212 error ${s}.tls`],
  ],
  [
    'one certificate and several',
    tls({
      mode: 'SIMPLE',
      serverCertificate: '/c',
      privateKey: '/k',
      tlsCertificates: [{ serverCertificate: '/c', privateKey: '/k' }],
    }),
    [`WEFT0212 error ${s}.tls.tlsCertificates[0]`],
  ],
  [
    'one Secret and several',
    tls({ mode: 'SIMPLE', credentialName: 'c', credentialNames: ['d'] }),
    [`WEFT0212 error ${s}.tls.credentialNames`],
  ],
  ['a Secret that is none', tls({ mode: 'SIMPLE', credentialName: 'a/b' }), [`WEFT0204 error ${s}.tls.credentialName`]],
  [
    'clients without an authority',
    tls({ mode: 'MUTUAL', serverCertificate: '/c', privateKey: '/k' }),
    [`WEFT0208 error ${s}.tls.caCertificates`],
  ],
  ['certificates of Istio', tls({ mode: 'ISTIO_MUTUAL' }), [`WEFT0305 error ${s}.tls.mode`]],
  ['passed by SNI of Istio', tls({ mode: 'AUTO_PASSTHROUGH' }), [`WEFT0305 error ${s}.tls.mode`]],
  [
    'a hash of certificates',
    tls({ mode: 'SIMPLE', credentialName: 'c', verifyCertificateHash: ['a'] }),
    [`WEFT0305 error ${s}.tls.verifyCertificateHash`],
  ],
  [
    'an old minimum',
    tls({ mode: 'SIMPLE', credentialName: 'c', minProtocolVersion: 'TLSV1_0' }),
    [`WEFT0312 warning ${s}.tls.minProtocolVersion`],
  ],
  [
    'an old maximum',
    tls({ mode: 'SIMPLE', credentialName: 'c', maxProtocolVersion: 'TLSV1_1' }),
    [`WEFT0313 error ${s}.tls.maxProtocolVersion`],
  ],
  [
    'a maximum below the minimum',
    tls({ mode: 'SIMPLE', credentialName: 'c', minProtocolVersion: 'TLSV1_3', maxProtocolVersion: 'TLSV1_2' }),
    [`WEFT0212 error ${s}.tls.maxProtocolVersion`],
  ],
];

for (const [title, server, expected] of servers) {
  test(`Gateway server: ${title}`, (t) => {
    t.deepEqual(findings(rawIstio('Gateway', { servers: [server] })), expected);
  });
}

test('Gateway: no servers, and two of a name', (t) => {
  t.deepEqual(findings(rawIstio('Gateway', {})), ['WEFT0208 error spec.servers']);
  const named = { ...plain, name: 'a' };
  t.deepEqual(findings(rawIstio('Gateway', { servers: [named, named] })), ['WEFT0211 error spec.servers[1].name']);
});
