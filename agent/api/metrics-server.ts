import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { ListenAddress } from './address.js';
import type { Metrics } from './metrics.js';
import { healthAnswer, readyAnswer } from './probes.js';
import { listenTcp } from './socket.js';
import type { AgentView } from './view.js';

export interface MetricsServer {
  /** The port is the real one when 0 was asked for. */
  readonly address: ListenAddress & { readonly type: 'tcp' };
  close(): Promise<void>;
}

export interface MetricsOptions {
  readonly address: ListenAddress & { readonly type: 'tcp' };
  /** Told of a scrape that failed. */
  readonly onError: (error: unknown) => void;
}

function answer(response: ServerResponse, status: number, type: string, body: string): void {
  response.writeHead(status, {
    'content-type': type,
    'content-length': Buffer.byteLength(body),
    'cache-control': 'no-store',
  });
  response.end(response.req.method === 'HEAD' ? undefined : body);
}

const plainText = 'text/plain; charset=utf-8';

async function serve(
  view: AgentView,
  metrics: Metrics,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const [path, query = ''] = (request.url ?? '').split('?', 2);
  if (path !== '/metrics' && path !== '/healthz' && path !== '/readyz') {
    answer(response, 404, plainText, 'there are /metrics, /healthz and /readyz\n');
  } else if (request.method !== 'GET' && request.method !== 'HEAD') {
    response.setHeader('allow', 'GET, HEAD');
    answer(response, 405, plainText, 'only GET and HEAD\n');
  } else if (path === '/metrics') {
    const pieces = await metrics.render();
    response.writeHead(200, { 'content-type': metrics.contentType, 'cache-control': 'no-store' });
    if (request.method === 'HEAD') response.end();
    else await pipeline(Readable.from(pieces, { objectMode: false }), response);
  } else {
    const verbose = new URLSearchParams(query).has('verbose');
    const { status, text } = path === '/healthz' ? healthAnswer : readyAnswer(view.ready(), verbose);
    answer(response, status, plainText, text);
  }
}

/** The listener for Prometheus and for probes. Throws AddressTaken when the port is in use. */
export async function startMetrics(view: AgentView, options: MetricsOptions): Promise<MetricsServer> {
  const { makeMetrics } = await import('./metrics.js');
  const metrics = makeMetrics(view);
  const server = createServer({ maxHeaderSize: 8 * 1024, connectionsCheckingInterval: 1_000 }, (request, response) => {
    request.resume();
    serve(view, metrics, request, response).catch((error: unknown) => {
      const left = (error as NodeJS.ErrnoException).code === 'ERR_STREAM_PREMATURE_CLOSE';
      if (!left) options.onError(error);
      if (!response.headersSent) answer(response, 500, plainText, 'the metrics could not be read; the log says why\n');
      else response.destroy();
    });
  });
  server.headersTimeout = 5_000;
  server.requestTimeout = 10_000;
  server.keepAliveTimeout = 65_000;
  server.timeout = 90_000;
  server.maxConnections = 64;
  const { host } = options.address;
  try {
    const port = await listenTcp(server, host, options.address.port);
    return {
      address: { type: 'tcp', host, port },
      async close() {
        metrics.close();
        const closed = new Promise((resolve) => server.close(resolve));
        server.closeAllConnections();
        await closed;
      },
    };
  } catch (error) {
    metrics.close();
    throw error;
  }
}
