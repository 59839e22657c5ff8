import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { backends, type Manifest, service } from '../../agent/objects.js';
import { eventually } from '../../agent/site.js';
import { makeDirectory } from '../../kernel/scratch.js';
import { kernelTest } from '../../kernel-test.js';
import { Authority } from '../listener/certificates.js';
import { authority, serverCertificate, serverKey } from '../upstream/certificates.js';
import type { Answer, Ask, Client } from './client.js';
import { openEdge } from './edge.js';
import type { Echo } from './origin.js';

const signer = new Authority();
const shopCertificate = signer.sign('DNS:shop.example');
test.after.always(() => signer.remove());

const here = '127.0.0.1';

const mesh: readonly Manifest[] = [
  service('shop', { addresses: ['10.96.0.1'], ports: [{ name: 'http', port: 80, targetPort: 8080 }] }),
  service('secure', { addresses: ['10.96.0.2'], ports: [{ name: 'tls', port: 443, targetPort: 9443 }] }),
  service('plain', { addresses: ['10.96.0.3'], ports: [{ name: 'tcp', port: 9000, targetPort: 9001 }] }),
  ...backends('shop', ['10.1.0.1', '10.1.0.2']),
  ...backends('secure', ['10.1.1.1']),
  ...backends('plain', ['10.1.2.1']),
  {
    apiVersion: 'v1',
    kind: 'Secret',
    type: 'kubernetes.io/tls',
    metadata: { name: 'shop-tls', namespace: 'default' },
    data: {
      'tls.crt': Buffer.from(shopCertificate.certificate).toString('base64'),
      'tls.key': Buffer.from(shopCertificate.key).toString('base64'),
      'ca.crt': Buffer.from(authority).toString('base64'),
    },
  },
];

function istio(files: string): string {
  return `apiVersion: networking.istio.io/v1
kind: Gateway
metadata: { name: edge, namespace: default }
spec:
  selector: { istio: ingressgateway }
  servers:
  - { port: { number: 80, name: http, protocol: HTTP }, hosts: ["*"] }
  - { port: { number: 81, name: http-old, protocol: HTTP }, hosts: ["*"], tls: { httpsRedirect: true } }
  - { port: { number: 443, name: https, protocol: HTTPS }, hosts: [shop.example], tls: { mode: SIMPLE, credentialName: shop-tls } }
  - { port: { number: 444, name: https-files, protocol: HTTPS }, hosts: ["*"], tls: { mode: SIMPLE, serverCertificate: ${files}/tls.crt, privateKey: ${files}/tls.key } }
  - { port: { number: 445, name: https-mutual, protocol: HTTPS }, hosts: ["*"], tls: { mode: MUTUAL, credentialName: shop-tls } }
  - { port: { number: 8443, name: tls, protocol: TLS }, hosts: [pass.example], tls: { mode: PASSTHROUGH } }
  - { port: { number: 9000, name: tcp, protocol: TCP }, hosts: ["*"] }
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: edge, namespace: default }
spec:
  hosts: ["*"]
  gateways: [edge]
  http: [{ route: [{ destination: { host: shop } }] }]
  tls: [{ match: [{ sniHosts: [pass.example] }], route: [{ destination: { host: secure } }] }]
  tcp: [{ match: [{ port: 9000 }], route: [{ destination: { host: plain } }] }]
`;
}

function echoOf({ body }: Answer): Echo {
  return JSON.parse(body) as Echo;
}

/** The first answer other than that nobody listens: ports are opened one after the other. */
async function firstAnswer(client: Client, ask: Ask): Promise<Answer> {
  let answer: Answer | undefined;
  await eventually(
    async () => {
      answer = await client.ask(ask);
      return answer.error;
    },
    (error) => error !== 'ECONNREFUSED',
  );
  return answer!;
}

kernelTest('Istio’s Gateway: HTTP, TLS by a Secret and by files, passthrough by SNI, TCP', async (t) => {
  const files = makeDirectory();
  writeFileSync(join(files, 'tls.crt'), serverCertificate);
  writeFileSync(join(files, 'tls.key'), serverKey, { mode: 0o600 });
  const { outside, origin } = await openEdge(t, mesh, istio(files));
  await origin.listen('10.1.0.1', 8080);
  await origin.listen('10.1.0.2', 8080);
  await origin.listen('10.1.1.1', 9443, 'https', { certificate: serverCertificate, key: serverKey });
  await origin.listen('10.1.2.1', 9001, 'tcp');
  await eventually(
    async () => (await outside.ask({ address: here, port: 80 })).status,
    (status) => status === 200,
  );

  const headers = { host: 'shop.example', 'x-envoy-forged': '1', 'x-forwarded-for': '1.2.3.4' };
  const http = await outside.ask({ address: here, port: 80, headers });
  const got = echoOf(http).headers.map((each) => each.toLowerCase());
  t.is(got[got.indexOf('x-forwarded-for') + 1], `1.2.3.4,${here}`);
  t.false(got.includes('x-envoy-forged'), 'what outsiders say in x-envoy- is dropped');
  t.is((await firstAnswer(outside, { address: '::1', port: 80, headers })).status, 200, 'IPv6');
  t.is((await outside.ask({ address: here, port: 80, headers, h2c: true })).status, 200, 'HTTP/2');

  const redirect = await firstAnswer(outside, {
    address: here,
    port: 81,
    path: '/a?b',
    headers: { host: 'shop.example' },
  });
  t.is(redirect.status, 301);
  t.is(redirect.headers.location, 'https://shop.example/a?b');

  const secret = await firstAnswer(outside, {
    address: here,
    port: 443,
    tls: 'shop.example',
    headers: { host: 'shop.example' },
  });
  t.is(secret.status, 200, secret.error);
  t.is(secret.certificate, 'leaf');
  const forwarded = echoOf(secret).headers.map((each) => each.toLowerCase());
  t.is(forwarded[forwarded.indexOf('x-forwarded-proto') + 1], 'https');
  const stranger = await outside.ask({ address: here, port: 443, tls: 'other.example' });
  t.not(stranger.status, 200);
  const mutual = await firstAnswer(outside, { address: here, port: 445, tls: 'shop.example' });
  t.is(mutual.status, 0, 'a client without a certificate');

  const byFiles = await firstAnswer(outside, { address: here, port: 444, tls: 'any.example' });
  t.is(byFiles.status, 200, byFiles.error);
  t.is(byFiles.certificate, 'web');

  const passed = await firstAnswer(outside, { address: here, port: 8443, tls: 'pass.example' });
  t.is(passed.status, 200, passed.error);
  t.is(passed.certificate, 'web', 'of the backend');
  t.is(echoOf(passed).serverName, 'pass.example');
  t.not((await outside.ask({ address: here, port: 8443, tls: 'other.example' })).error, '');

  await eventually(
    () => outside.raw(here, 9000, 'hello\n', /hello\n/),
    (text) => text === '10.1.2.1:9001\nhello\n',
  );
});

const kubernetes = `apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: { name: edge, namespace: default }
spec:
  gatewayClassName: weft
  listeners:
  - { name: http, port: 80, protocol: HTTP }
  - { name: taken, port: 7777, protocol: HTTP }
  - { name: https, port: 443, protocol: HTTPS, hostname: "*.example", tls: { certificateRefs: [{ name: shop-tls }] } }
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: { name: edge, namespace: default }
spec:
  parentRefs: [{ name: edge }]
  hostnames: [shop.example]
  rules:
  - matches: [{ path: { value: /old } }]
    filters: [{ type: URLRewrite, urlRewrite: { path: { type: ReplacePrefixMatch, replacePrefixMatch: /new } } }]
    backendRefs: [{ name: shop, port: 80 }]
  - matches: [{ path: { value: /moved } }]
    filters: [{ type: RequestRedirect, requestRedirect: { scheme: https } }]
---
apiVersion: gateway.networking.k8s.io/v1
kind: GRPCRoute
metadata: { name: calls, namespace: default }
spec:
  parentRefs: [{ name: edge, sectionName: http }]
  hostnames: [calls.example]
  rules: [{ backendRefs: [{ name: shop, port: 80 }] }]
`;

kernelTest('Gateway API’s Gateway: HTTP and HTTPS listeners, and one whose port is taken', async (t) => {
  const { outside, origin, site } = await openEdge(t, mesh, '');
  await origin.listen('10.1.0.1', 8080);
  await origin.listen('10.1.0.2', 8080);
  await origin.listen(here, 7777);
  site.writeText('rules.yaml', kubernetes);
  const headers = { host: 'shop.example' };
  await eventually(
    async () => (await outside.ask({ address: here, port: 80, path: '/old/x', headers })).status,
    (status) => status === 200,
  );
  t.is(echoOf(await outside.ask({ address: here, port: 80, path: '/old/x?y', headers })).url, '/new/x?y');
  t.is((await outside.ask({ address: here, port: 80, path: '/else', headers })).status, 404);
  t.is((await outside.ask({ address: here, port: 80, path: '/old', headers: { host: 'no.example' } })).status, 404);
  const moved = await outside.ask({ address: here, port: 80, path: '/moved/y', headers });
  t.is(moved.status, 302);
  t.is(moved.headers.location, 'https://shop.example/moved/y');
  const secret = await firstAnswer(outside, { address: here, port: 443, path: '/old', tls: 'shop.example', headers });
  t.is(secret.status, 200, secret.error);
  t.is(secret.certificate, 'leaf');
  const call = {
    ...{ address: here, port: 80, method: 'POST', path: '/a.B/C', h2c: true },
    headers: { host: 'calls.example', 'content-type': 'application/grpc', te: 'trailers' },
  };
  t.is((await outside.ask(call)).status, 200);
  t.regex((await outside.ask(call)).body, /"backend"/);

  t.is(echoOf(await outside.ask({ address: here, port: 7777 })).backend, `${here}:7777`, 'the port’s owner has it');
  const { stdout } = await site.agent.weft('get', 'routes', '-o', 'json');
  t.regex(stdout, /shop\.example/);
  await eventually(
    async () => JSON.stringify(await site.agent.items('problems')),
    (problems) => /7777/.test(problems),
  );
});
