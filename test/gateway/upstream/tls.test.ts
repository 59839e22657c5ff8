import { createServer as createHttpServer, type IncomingMessage } from 'node:http';
import { createSecureServer } from 'node:http2';
import { createServer, type ServerOptions } from 'node:https';
import type { AddressInfo, Server } from 'node:net';
import type { TLSSocket } from 'node:tls';
import test, { type ExecutionContext } from 'ava';
import type { UpstreamTls } from '../../../agent/balance/cluster.js';
import { systemClock } from '../../../agent/clock.js';
import { UpstreamPools } from '../../../agent/gateway/upstream/pools.js';
import { hostOf } from '../../../agent/gateway/upstream/tls.js';
import { authority, clientCertificate, clientKey, serverCertificate, serverKey } from './certificates.js';
import { cluster, Ear, endpoint, outside, policy, query, request, snapshot, webKey } from './scene.js';

const simple: UpstreamTls = {
  sni: '',
  authorities: authority,
  certificate: '',
  key: '',
  subjectAltNames: [],
  insecureSkipVerify: false,
};

async function listen(t: ExecutionContext, server: Server): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.teardown(() => server.close());
  return (server.address() as AddressInfo).port;
}

/** An HTTPS server that answers with the SNI, ALPN and client it saw. */
function serve(t: ExecutionContext, options: ServerOptions = {}): Promise<number> {
  const server = createServer(
    { cert: serverCertificate, key: serverKey, ...options },
    (incoming: IncomingMessage, response) => {
      const socket = incoming.socket as TLSSocket & { servername: string };
      const client = socket.getPeerX509Certificate()?.subjectAltName ?? 'nobody';
      response.end(`${socket.servername || 'no SNI'}, ${socket.alpnProtocol}, ${client}`);
    },
  );
  return listen(t, server);
}

/** What a request hears over TLS. */
async function ask(
  t: ExecutionContext,
  port: number,
  tls: UpstreamTls,
  host = 'web.shop:8443',
  protocol: 'http1' | 'http2' = 'http1',
): Promise<string> {
  const config = snapshot(cluster([endpoint(1, { address: '127.0.0.1', port })], {}, policy({ tls, protocol })));
  const upstreams = new UpstreamPools({ clock: systemClock, random: () => 0 });
  t.teardown(() => upstreams.close());
  const ear = new Ear();
  upstreams.begin(query(config, { head: request({ authority: host }) }), true, ear);
  const said = await ear.over;
  return said === 'end' ? ear.body : said;
}

test('SIMPLE: the authority is the SNI, and the certificate must be for it', async (t) => {
  const port = await serve(t);
  t.is(await ask(t, port, simple), 'web.shop, http/1.1, nobody');
  t.is(await ask(t, port, simple, 'a.wild.test'), 'a.wild.test, http/1.1, nobody');
  t.is(await ask(t, port, simple, '127.0.0.1:8443'), 'no SNI, http/1.1, nobody');
  t.is(await ask(t, port, simple, 'other.shop'), 'fail connect-failure');
});

test('an SNI that is written is sent; then the chain alone is verified', async (t) => {
  const port = await serve(t);
  t.is(await ask(t, port, { ...simple, sni: 'other.shop' }), 'other.shop, http/1.1, nobody');
});

test('subjectAltNames: one of them must be in the certificate', async (t) => {
  const port = await serve(t);
  const wanting = (...subjectAltNames: string[]) => ask(t, port, { ...simple, subjectAltNames }, 'other.shop');
  t.is(await wanting('x.shop', 'web.shop'), 'other.shop, http/1.1, nobody');
  t.is(await wanting('b.wild.test'), 'other.shop, http/1.1, nobody');
  t.is(await wanting('spiffe://cluster.local/ns/shop/sa/web'), 'other.shop, http/1.1, nobody');
  t.is(await wanting('127.0.0.1'), 'other.shop, http/1.1, nobody');
  t.is(await wanting('spiffe://cluster.local/ns/shop/sa/we'), 'fail connect-failure');
  t.is(await wanting('x.shop'), 'fail connect-failure');
});

test('an unknown authority is refused, unless insecureSkipVerify', async (t) => {
  const port = await serve(t);
  t.is(await ask(t, port, { ...simple, authorities: '' }), 'fail connect-failure');
  t.is(
    await ask(t, port, { ...simple, authorities: '', insecureSkipVerify: true }, 'any.where'),
    'any.where, http/1.1, nobody',
  );
});

test('MUTUAL: the client shows its certificate', async (t) => {
  const port = await serve(t, { ca: authority, requestCert: true, rejectUnauthorized: true });
  const mutual = { ...simple, certificate: clientCertificate, key: clientKey };
  t.is(await ask(t, port, mutual), 'web.shop, http/1.1, URI:spiffe://cluster.local/ns/shop/sa/client');
  t.true((await ask(t, port, simple)).startsWith('fail'));
});

test('HTTP/2 is offered as h2', async (t) => {
  const server = createSecureServer({ cert: serverCertificate, key: serverKey }, (incoming, response) => {
    response.end(`${incoming.httpVersion} ${(incoming.stream.session!.socket as TLSSocket).alpnProtocol}`);
  });
  t.is(await ask(t, await listen(t, server), simple, 'web.shop', 'http2'), '2.0 h2');
});

test('a server that speaks no TLS, and PEM text that is none', async (t) => {
  const port = await listen(t, createHttpServer());
  t.is(await ask(t, port, simple), 'fail connect-failure');
  t.is(await ask(t, port, { ...simple, certificate: 'nonsense', key: 'nonsense' }), 'fail connect-failure');
});

test('L4 over TLS', async (t) => {
  const port = await serve(t);
  const config = snapshot(
    cluster([endpoint(1, { address: '127.0.0.1', port })], {}, policy({ tls: { ...simple, sni: 'web.shop' } })),
  );
  const upstreams = new UpstreamPools({ clock: systemClock, random: () => 0 });
  t.teardown(() => upstreams.close());
  const result = await upstreams.connect({
    snapshot: config,
    cluster: webKey,
    downstream: outside,
    client: undefined,
    sni: '',
  });
  if (result.type === 'refused') return t.fail(result.why);
  const answer = new Promise((resolve) =>
    result.socket.once('data', (chunk) => resolve(chunk.toString().slice(0, 12))),
  );
  result.socket.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n');
  t.is(await answer, 'HTTP/1.1 200');
  result.socket.destroy();
  result.done();
});

test('hosts of authorities', (t) => {
  t.deepEqual(['Web.Shop:80', 'web.shop', '[::1]:80', '[::1]', '10.0.0.1:1'].map(hostOf), [
    'web.shop',
    'web.shop',
    '::1',
    '::1',
    '10.0.0.1',
  ]);
});
