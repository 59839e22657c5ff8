import { request } from 'node:http';
import { Agent, type AgentOptions, type RequestOptions } from 'node:https';
import { isIPv6 } from 'node:net';
import type { Duplex } from 'node:stream';
import { type ConnectionOptions, connect } from 'node:tls';

/** How long the proxy may take to open a tunnel, in ms. */
const silenceMs = 30_000;

/** Opens TLS connections through an HTTP proxy (RFC 9110, section 9.3.6: CONNECT). */
export class TunnelAgent extends Agent {
  readonly #proxy: URL;

  constructor(proxy: URL, options: AgentOptions) {
    super(options);
    this.#proxy = proxy;
  }

  override createConnection(options: RequestOptions, done: (error: Error | null, stream: Duplex) => void): undefined {
    const host = String(options.host);
    const target = `${isIPv6(host) ? `[${host}]` : host}:${options.port}`;
    const fail = (why: string, code = 'PROXY') => {
      const error = Object.assign(new Error(`the proxy ${this.#proxy.host} ${why}`), { code });
      done(error, undefined as never);
    };
    const asked = request({
      ...{ method: 'CONNECT', path: target, agent: false, host: hostOf(this.#proxy), port: this.#proxy.port || 80 },
      headers: { host: target, ...authorizationOf(this.#proxy) },
    });
    asked.once('connect', ({ statusCode }, socket, head) => {
      if (statusCode !== 200 || head.length > 0) {
        socket.destroy();
        fail(statusCode === 200 ? 'spoke before it was spoken to' : `answered ${statusCode} to CONNECT ${target}`);
      } else done(null, connect({ ...(options as ConnectionOptions), socket, host }));
    });
    asked.once('response', (answer) => {
      answer.destroy();
      fail(`answered ${answer.statusCode} to CONNECT ${target}`);
    });
    asked.once('error', ({ message, code }: NodeJS.ErrnoException) => fail(`cannot be used: ${message || code}`));
    asked.setTimeout(silenceMs, () => asked.destroy(new Error(`no answer within ${silenceMs / 1000} s`)));
    asked.end();
  }
}

/** As sockets want it: an IPv6 address without brackets. */
export function hostOf({ hostname }: URL): string {
  return hostname.replace(/^\[(.*)\]$/, '$1');
}

function authorizationOf({ password, username }: URL): { 'proxy-authorization'?: string } {
  if (username === '') return {};
  const pair = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`;
  return { 'proxy-authorization': `Basic ${Buffer.from(pair).toString('base64')}` };
}
