import { mkdtempSync, rmSync } from 'node:fs';
import type { ClientRequest, IncomingHttpHeaders } from 'node:http';
import { request } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ExecutionContext } from 'ava';
import { ApiServer, type ApiServerOptions } from '../../../agent/demo/kubernetes/api-server.js';

export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
}

export interface Ask {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: unknown;
  /** Trusted instead of the server's own; PEM. */
  readonly authority?: string;
  /** Called with the text so far; what answers true ends the exchange. */
  readonly enough?: (text: string) => boolean;
}

/** A server of the test, which ends with it, and its folder. */
export async function startServer(t: ExecutionContext, options: Partial<ApiServerOptions> = {}): Promise<ApiServer> {
  const folder = mkdtempSync(join(tmpdir(), 'weft-api-server-'));
  const server = new ApiServer({ folder, ...options });
  t.teardown(async () => {
    await server.close();
    rmSync(folder, { recursive: true, force: true });
  });
  await server.listen();
  return server;
}

/** What the server answers; a stream that is cut rejects. */
export function ask(server: ApiServer, target: string, asked: Ask = {}): Promise<Answer> {
  const { method = 'GET', body, authority = server.authority, enough = () => false } = asked;
  const text = body === undefined ? '' : JSON.stringify(body);
  const json = text === '' ? {} : { 'Content-Type': 'application/json', 'Content-Length': Buffer.byteLength(text) };
  const headers = { Authorization: `Bearer ${server.token}`, ...json, ...asked.headers };
  return new Promise((resolve, reject) => {
    const exchange: ClientRequest = request(
      server.url + target,
      { method, headers, ca: authority, agent: false },
      (response) => {
        let told = '';
        const answer = (): void => {
          resolve({ status: response.statusCode ?? 0, headers: response.headers, text: told });
          exchange.destroy();
        };
        response.setEncoding('utf8').on('data', (part: string) => {
          told += part;
          if (enough(told)) answer();
        });
        response.on('end', answer).on('error', reject);
      },
    );
    exchange.on('error', reject).end(text);
  });
}

/** The events of a watch. */
export const eventsOf = (text: string): readonly WatchEvent[] =>
  text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as WatchEvent);

export interface WatchEvent {
  readonly type: string;
  readonly object: Readonly<Record<string, unknown>> & {
    readonly metadata: { readonly name: string; readonly resourceVersion: string };
  };
}
