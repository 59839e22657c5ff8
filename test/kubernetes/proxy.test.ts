import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import type { Duplex } from 'node:stream';
import test, { type ExecutionContext } from 'ava';
import { systemClock } from '../../agent/clock.js';
import { type ApiClient, ApiError } from '../../agent/kubernetes/api.js';
import { openClient } from '../../agent/kubernetes/client.js';
import { kubeconfigCredentials } from '../../agent/kubernetes/kubeconfig.js';
import { eventually } from '../agent/site.js';
import { ApiServer, authorityPem, fixedCredentials } from './api-server.js';
import { CountingClock } from './counting-clock.js';
import { base64, KubeconfigDirectory } from './kubeconfig-file.js';

const version = { method: 'GET', path: '/version' } as const;

/** A proxy that tunnels whatever it is asked to, unless `refuse` answers. */
class TunnelProxy {
  /** `TARGET` or, with a user, `TARGET as USER:PASSWORD`, of each tunnel asked for. */
  readonly asked: string[] = [];
  readonly ends: Set<Duplex> = new Set();
  readonly #server: Server;

  private constructor(refuse: (socket: Duplex) => boolean) {
    this.#server = createServer().on('connect', ({ headers, url }: IncomingMessage, socket: Duplex) => {
      const credentials = headers['proxy-authorization']?.replace('Basic ', '');
      this.asked.push(`${url}${credentials ? ` as ${Buffer.from(credentials, 'base64')}` : ''}`);
      this.#keep(socket);
      if (!refuse(socket)) this.#tunnel(socket, url!);
    });
  }

  static async start(t: ExecutionContext, refuse: (socket: Duplex) => boolean = () => false): Promise<TunnelProxy> {
    const proxy = new TunnelProxy(refuse);
    proxy.#server.listen(0, '127.0.0.1');
    t.teardown(() => {
      proxy.#server.close();
      for (const end of proxy.ends) end.destroy();
    });
    await once(proxy.#server, 'listening');
    return proxy;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  #tunnel(socket: Duplex, target: string): void {
    const { hostname, port } = new URL(`http://${target}`);
    const onward = connect(Number(port), hostname.replace(/[[\]]/g, ''), () => {
      socket.write('HTTP/1.1 200 Connection established\r\n\r\n');
      socket.pipe(onward).pipe(socket);
    });
    this.#keep(onward);
  }

  #keep(end: Duplex): void {
    this.ends.add(end);
    end.on('error', () => {});
    end.once('close', () => this.ends.delete(end));
  }
}

/** By a kubeconfig with `proxy-url`. */
function clientThrough(t: ExecutionContext, server: string, proxy: string): ApiClient {
  const cluster = { server, 'certificate-authority-data': base64(authorityPem), 'proxy-url': proxy };
  const file = new KubeconfigDirectory(t).write({ cluster, user: { token: 'a' } });
  const client = openClient(kubeconfigCredentials(file, systemClock), systemClock);
  t.teardown(() => client.close());
  return client;
}

test('calls and streams go through the proxy that the kubeconfig names, to any family', async (t) => {
  for (const [host, shown] of [
    ['127.0.0.1', '127.0.0.1'],
    ['::1', '[::1]'],
  ] as const) {
    const proxy = await TunnelProxy.start(t);
    const server = await ApiServer.start(t, ({ headers }, response) => response.end(`"${headers.host}"\n`), {}, host);
    const target = `${shown}:${server.port}`;
    const client = clientThrough(t, `https://${target}`, `http://us%40er:pass@127.0.0.1:${proxy.port}`);
    t.is(await client.call(version), target);
    t.is(await client.call(version), target);
    for await (const line of await client.lines(version, 10_000)) t.is(line.toString(), `"${target}"`);
    t.deepEqual(proxy.asked, [`${target} as us@er:pass`, `${target} as us@er:pass`]);
    t.is(server.connections, 2);
  }
});

test('a stream that is left closes its tunnel', async (t) => {
  const proxy = await TunnelProxy.start(t);
  const server = await ApiServer.start(t, (_, response) => response.write('1\n'));
  const client = clientThrough(t, server.url, `http://127.0.0.1:${proxy.port}`);
  for await (const _ of await client.lines(version, 10_000)) break;
  await eventually(
    () => proxy.ends.size,
    (open) => open === 0,
  );
  t.is(proxy.asked.length, 1);
});

test('a proxy that refuses, speaks out of turn, hangs up or is away is named', async (t) => {
  const server = await ApiServer.start(t, (_, response) => response.end('{}'));
  const answers: readonly (readonly [string, RegExp])[] = [
    ['HTTP/1.1 407 Proxy Authentication Required\r\ncontent-length: 0\r\n\r\n', /answered 407 to CONNECT 127/],
    ['HTTP/1.1 200 OK\r\n\r\nhello', /spoke before it was spoken to/],
    ['', /cannot be used: socket hang up/],
  ];
  for (const [answer, why] of answers) {
    const proxy = await TunnelProxy.start(t, (socket) => {
      socket.end(answer);
      return true;
    });
    const client = clientThrough(t, server.url, `http://127.0.0.1:${proxy.port}`);
    const error = await t.throwsAsync(client.call(version), { instanceOf: ApiError });
    t.is(error!.status, 0);
    t.true(error!.message.startsWith(`${server.url}: the proxy 127.0.0.1:${proxy.port} `), error!.message);
    t.regex(error!.message, why);
  }
  const away = clientThrough(t, server.url, 'http://127.0.0.1:1');
  await t.throwsAsync(away.call(version), { message: /the proxy 127\.0\.0\.1:1 cannot be used: .*ECONNREFUSED/ });
  t.is(server.connections, 0);
});

test('a proxy that says nothing takes no longer than the call may', async (t) => {
  const proxy = await TunnelProxy.start(t, () => true);
  const clock = new CountingClock();
  const client = openClient(
    fixedCredentials('https://127.0.0.1:1', { proxy: new URL(`http://127.0.0.1:${proxy.port}`) }),
    clock,
  );
  const call = await clock.armedBy(() => client.call({ ...version, timeoutMs: 1_000 }));
  await eventually(
    () => proxy.asked.length,
    (asked) => asked === 1,
  );
  clock.advance(1_000);
  t.like(await t.throwsAsync(call()), { status: 0, reason: 'Timeout' });
});

test.serial('a proxy of the environment is none of ours', async (t) => {
  const proxy = await TunnelProxy.start(t);
  const server = await ApiServer.start(t, (_, response) => response.end('1'));
  const names = [
    'HTTPS_PROXY',
    'https_proxy',
    'HTTP_PROXY',
    'http_proxy',
    'ALL_PROXY',
    'all_proxy',
    'NODE_USE_ENV_PROXY',
  ];
  const before = new Map(names.map((name) => [name, process.env[name]]));
  t.teardown(() => {
    for (const [name, value] of before)
      if (value === undefined) delete process.env[name];
      else process.env[name] = value;
  });
  for (const name of names) process.env[name] = name === 'NODE_USE_ENV_PROXY' ? '1' : `http://127.0.0.1:${proxy.port}`;
  const client = openClient(fixedCredentials(server.url), systemClock);
  t.is(await client.call(version), 1);
  for await (const line of await client.lines(version, 10_000)) t.is(line.toString(), '1');
  t.deepEqual(proxy.asked, []);
  client.close();
});
