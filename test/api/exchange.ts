import { mkdtempSync, rmSync } from 'node:fs';
import { type IncomingHttpHeaders, type OutgoingHttpHeaders, request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ListenAddress } from '../../agent/api/address.js';
import { type Api, type ApiOptions, startApi } from '../../agent/api/server.js';
import { systemClock } from '../../agent/clock.js';
import { FakeView } from './fake-view.js';

export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
  json(): Record<string, unknown>;
}

/** One request and its whole answer. */
export function exchange(
  address: ListenAddress,
  method: string,
  path: string,
  more: { readonly body?: string | Buffer; readonly headers?: OutgoingHttpHeaders } = {},
): Promise<Answer> {
  const target = address.type === 'unix' ? { socketPath: address.path } : { host: address.host, port: address.port };
  return new Promise((resolve, reject) => {
    const outgoing = request({ ...target, method, path, agent: false, headers: more.headers ?? {} }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.once('error', reject);
      response.once('end', () => {
        const text = Buffer.concat(chunks).toString();
        resolve({ status: response.statusCode ?? 0, headers: response.headers, text, json: () => JSON.parse(text) });
      });
    });
    outgoing.once('error', reject);
    outgoing.end(more.body);
  });
}

export interface Served {
  readonly view: FakeView;
  readonly api: Api;
  readonly directory: string;
  readonly errors: unknown[];
  stop(): Promise<void>;
}

/** A fake agent's API on a Unix socket of a directory of its own, or where `options` say. */
export async function serve(options: Partial<ApiOptions> = {}, view: FakeView = new FakeView()): Promise<Served> {
  const directory = mkdtempSync(join(tmpdir(), 'weft-api-'));
  const errors: unknown[] = [];
  const api = await startApi(view, {
    address: { type: 'unix', path: join(directory, 'run', 'api.sock') },
    tokenFile: '',
    group: undefined,
    clock: systemClock,
    peer: () => ({ uid: 0, gid: 0, pid: 1 }),
    onError: (error) => errors.push(error),
    ...options,
  }).catch((error: unknown) => {
    rmSync(directory, { recursive: true, force: true });
    throw error;
  });
  return {
    view,
    api,
    directory,
    errors,
    async stop() {
      await api.close();
      rmSync(directory, { recursive: true, force: true });
    },
  };
}
