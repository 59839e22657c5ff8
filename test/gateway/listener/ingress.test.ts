import { connect as connectHttp2 } from 'node:http2';
import { type ConnectionOptions, connect, createServer, type TLSSocket } from 'node:tls';
import test, { type ExecutionContext } from 'ava';
import type { IngressListener, IngressServer, ServerTls } from '../../../agent/compile/snapshot.js';
import { Authority, type Certified } from './certificates.js';
import { backend, boundSocket, emptySnapshot, listener, Rig, talk, until } from './rig.js';

const authority = new Authority();
const foreign = new Authority();
const shop = authority.sign('DNS:shop.example');
const blog = authority.sign('DNS:blog.example');
test.after.always(() => {
  authority.remove();
  foreign.remove();
});

function tls({ certificate, key }: Certified, change: Partial<ServerTls> = {}): ServerTls {
  return {
    certificates: [{ certificate, key }],
    authorities: '',
    clientCertificate: 'none',
    subjectAltNames: [],
    minVersion: 'TLSv1.2',
    maxVersion: 'TLSv1.3',
    cipherSuites: [],
    ...change,
  };
}

function server(hosts: readonly string[], change: Partial<IngressServer>): IngressServer {
  return {
    name: 'Gateway edge/public servers[0]',
    gateway: 'edge/public',
    hosts,
    httpsRedirect: false,
    tls: undefined,
    virtualHosts: [],
    tlsRules: [],
    tcpRules: [],
    ...change,
  };
}

interface Open {
  readonly rig: Rig;
  readonly port: number;
  serve(change: Partial<IngressListener>): void;
}

function open(t: ExecutionContext, change: Partial<IngressListener>): Open {
  const rig = new Rig();
  t.teardown(() => rig.listeners.drain());
  const { fd, port } = boundSocket();
  const serve = (next: Partial<IngressListener>): void => {
    rig.snapshot = { ...emptySnapshot, ingress: { [port]: listener({ port, ...next }) } };
    rig.listeners.update(rig.snapshot);
  };
  serve(change);
  rig.listeners.openIngress(port, [fd]);
  return { rig, port, serve };
}

interface Answer {
  readonly text: string;
  /** Common name of the server's names; empty when the handshake failed. */
  readonly names: string;
  readonly protocol: string;
}

/** One request over TLS, or what became of the handshake. */
function ask(port: number, options: ConnectionOptions): Promise<Answer> {
  return new Promise((resolve) => {
    const socket: TLSSocket = connect({ host: '127.0.0.1', port, ca: authority.certificate, ...options });
    let text = '';
    let names = '';
    let protocol = '';
    socket.on('secureConnect', () => {
      names = socket.getPeerCertificate().subjectaltname ?? '';
      protocol = socket.getProtocol() ?? '';
      socket.write('GET / HTTP/1.1\r\nHost: shop.example\r\nConnection: close\r\n\r\n');
    });
    socket.on('data', (chunk: Buffer) => {
      text += chunk.toString('latin1');
    });
    socket.on('error', () => {});
    socket.on('close', () => resolve({ text, names, protocol }));
  });
}

test('plain HTTP: the port is the target', async (t) => {
  const { port } = open(t, {});
  const { text } = await talk('127.0.0.1', port, 'GET /x HTTP/1.1\r\nHost: shop\r\nConnection: close\r\n\r\n');
  t.true(text.endsWith(`HTTP/1.1 GET shop/x ${port} -`));
});

test('the name of the handshake chooses certificate and server', async (t) => {
  const servers = [server(['shop.example'], { tls: tls(shop) }), server(['*.example'], { tls: tls(blog) })];
  const { rig, port } = open(t, { protocol: 'https', servers });
  const first = await ask(port, { servername: 'shop.example' });
  t.is(first.names, 'DNS:shop.example');
  t.regex(first.text, /HTTP\/1.1 GET shop.example\/ \d+ shop.example$/);
  t.is(rig.exchanges[0]!.head.scheme, 'https');
  t.is((await ask(port, { servername: 'blog.example' })).names, 'DNS:blog.example');
  t.is((await ask(port, { servername: 'other.test', rejectUnauthorized: false })).names, '');
  t.is((await ask(port, { rejectUnauthorized: false })).names, '');
  t.is(rig.listeners.bounds.tlsRefused, 2);
});

test('bytes that are no TLS are refused on a TLS port', async (t) => {
  const { rig, port } = open(t, { protocol: 'https', servers: [server(['*'], { tls: tls(shop) })] });
  t.is((await talk('127.0.0.1', port, 'GET / HTTP/1.1\r\nHost: a\r\n\r\n')).text, '');
  t.is(rig.listeners.bounds.tlsRefused, 1);
});

test('ALPN leads to HTTP/2', async (t) => {
  const { rig, port } = open(t, { protocol: 'https', servers: [server(['*'], { tls: tls(shop) })] });
  const session = connectHttp2(`https://127.0.0.1:${port}`, { ca: authority.certificate, servername: 'shop.example' });
  const stream = session.request({ ':path': '/h2', ':authority': 'shop.example' });
  let text = '';
  for await (const chunk of stream) text += chunk;
  t.is(text, `HTTP/2 GET shop.example/h2 ${port} shop.example`);
  t.is(rig.exchanges[0]!.head.scheme, 'https');
  session.close();
});

test('versions are bounded', async (t) => {
  const old = tls(shop, { maxVersion: 'TLSv1.2' });
  const recent = tls(shop, { minVersion: 'TLSv1.3' });
  const { port, serve } = open(t, { protocol: 'https', servers: [server(['*'], { tls: old })] });
  t.is((await ask(port, { servername: 'shop.example' })).protocol, 'TLSv1.2');
  serve({ protocol: 'https', servers: [server(['*'], { tls: recent })] });
  t.is((await ask(port, { servername: 'shop.example' })).protocol, 'TLSv1.3');
  t.is((await ask(port, { servername: 'shop.example', maxVersion: 'TLSv1.2' })).text, '');
});

test('a changed certificate is served at once, an unchanged one is not made again', async (t) => {
  const { port, serve } = open(t, { protocol: 'https', servers: [server(['*'], { tls: tls(shop) })] });
  t.is((await ask(port, { servername: 'shop.example' })).names, 'DNS:shop.example');
  serve({ protocol: 'https', servers: [server(['*'], { tls: tls(blog) })] });
  t.is((await ask(port, { servername: 'blog.example' })).names, 'DNS:blog.example');
});

const clientCases: readonly {
  readonly name: string;
  readonly tls: Partial<ServerTls>;
  readonly client: Certified | undefined;
  readonly served: boolean;
}[] = [
  { name: 'required, none', tls: { clientCertificate: 'required' }, client: undefined, served: false },
  { name: 'required, good', tls: { clientCertificate: 'required' }, client: authority.sign('DNS:me'), served: true },
  { name: 'required, foreign', tls: { clientCertificate: 'required' }, client: foreign.sign('DNS:me'), served: false },
  { name: 'optional, none', tls: { clientCertificate: 'optional' }, client: undefined, served: true },
  { name: 'optional, foreign', tls: { clientCertificate: 'optional' }, client: foreign.sign('DNS:me'), served: false },
  {
    name: 'required, wanted name',
    tls: { clientCertificate: 'required', subjectAltNames: ['spiffe://a/b'] },
    client: authority.sign('DNS:me', 'URI:spiffe://a/b'),
    served: true,
  },
  {
    name: 'required, other name',
    tls: { clientCertificate: 'required', subjectAltNames: ['spiffe://a/b'] },
    client: authority.sign('DNS:me', 'URI:spiffe://a/bc'),
    served: false,
  },
];

for (const { name, tls: change, client, served } of clientCases) {
  test(`client certificates: ${name}`, async (t) => {
    const own = tls(shop, { authorities: authority.certificate, ...change });
    const { rig, port } = open(t, { protocol: 'https', servers: [server(['*'], { tls: own })] });
    const identity = client === undefined ? {} : { cert: client.certificate, key: client.key };
    const { text } = await ask(port, { servername: 'shop.example', ...identity });
    t.is(text.startsWith('HTTP/1.1 200'), served);
    t.is(rig.exchanges.length, served ? 1 : 0);
  });
}

test('TLS ends before a tcp rule carries what is inside, whatever ALPN the client offers', async (t) => {
  const { port: backendPort, close } = await backend((socket) =>
    socket.on('data', (chunk) => socket.end(`plain ${String(chunk)}`)),
  );
  t.teardown(close);
  const rule = {
    name: 'VirtualService edge/db tcp[0]',
    namespaces: undefined,
    destinationSubnets: [],
    port: undefined,
    sourceLabels: undefined,
    sourceNamespace: undefined,
    gateways: ['edge/public'],
    sourceSubnets: [],
    destinations: [{ cluster: 'db:5432', weight: 1 }],
  };
  const own = server(['*'], { tls: tls(shop), tcpRules: [rule] });
  const { rig, port, serve } = open(t, { protocol: 'tls', servers: [own] });
  rig.ports['db:5432'] = backendPort;
  const { text, names } = await ask(port, { servername: 'shop.example', ALPNProtocols: ['postgresql'] });
  t.regex(text, /^plain GET /);
  t.is(names, 'DNS:shop.example');
  t.is(rig.exchanges.length, 0);
  await until(() => rig.records.length === 1);
  t.like(rig.records[0], { protocol: 'tcp', origin: 'ingress', rule: rule.name, flags: '-' });

  const elsewhere = { ...rule, sourceSubnets: ['192.0.2.0/24'] };
  serve({ protocol: 'tls', servers: [{ ...own, tcpRules: [elsewhere] }] });
  t.is((await ask(port, { servername: 'shop.example' })).text, '');
  t.is(rig.listeners.bounds.unknownTargets, 1);

  delete rig.ports['db:5432'];
  serve({ protocol: 'tls', servers: [own] });
  t.is((await ask(port, { servername: 'shop.example' })).text, '');
});

test('passthrough by name leaves TLS to the backend', async (t) => {
  const backend = createServer({ cert: blog.certificate, key: blog.key }, (socket) => socket.end('from the backend'));
  await new Promise<void>((resolve) => backend.listen(0, '127.0.0.1', resolve));
  t.teardown(() => backend.close());
  const rule = {
    name: 'VirtualService edge/blog tls[0]',
    namespaces: undefined,
    destinationSubnets: [],
    port: undefined,
    sourceLabels: undefined,
    sourceNamespace: undefined,
    gateways: ['edge/public'],
    sniHosts: ['blog.example'],
    destinations: [{ cluster: 'blog:443', weight: 1 }],
  };
  const { rig, port } = open(t, { protocol: 'tls', servers: [server(['*'], { tlsRules: [rule] })] });
  rig.ports['blog:443'] = (backend.address() as { port: number }).port;
  const { text, names } = await ask(port, { servername: 'blog.example' });
  t.is(text, 'from the backend');
  t.is(names, 'DNS:blog.example');
  t.is((await ask(port, { servername: 'shop.example' })).names, '');
  t.like(rig.queries[0], { sni: 'blog.example', cluster: 'blog:443' });
  await until(() => rig.records.length === 1);
  t.like(rig.records[0], { protocol: 'tcp', origin: 'ingress', rule: rule.name, authority: 'blog.example' });
});
