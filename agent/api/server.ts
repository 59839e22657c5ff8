import { readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { Socket } from 'node:net';
import type { FastifyError, FastifyInstance, FastifyReply } from 'fastify';
import type { Clock } from '../clock.js';
import { isLoopback, type ListenAddress } from './address.js';
import { Followers } from './followers.js';
import { type Guard, type Peer, peerGuard, tokenGuard } from './guard.js';
import { describeApi } from './openapi.js';
import { addOperations } from './operations.js';
import { fieldErrors, type ProblemDetails, problemDetails, problemType, showFieldErrors } from './problem-details.js';
import { addReads } from './routes.js';
import { listenTcp, listenUnix } from './socket.js';
import type { AgentView } from './view.js';

export interface ApiOptions {
  /** TCP must be loopback and needs `tokenFile`. */
  readonly address: ListenAddress;
  /** A file whose only line is the bearer token. Empty for a Unix socket. */
  readonly tokenFile: string;
  /** The gid of --api-group. Default: only root. */
  readonly group: number | undefined;
  readonly clock: Clock;
  /** Credentials of a Unix socket's peer by its descriptor. */
  readonly peer: (fd: number) => Peer;
  /** Told of what the API could not do through a fault of its own. */
  readonly onError: (error: unknown, what: string) => void;
}

export interface Api {
  /** The port is the real one when 0 was asked for. */
  readonly address: ListenAddress;
  close(): Promise<void>;
}

const mebibyte = 1024 * 1024;
const mostConnections = 256;

/**
 * A client has 5 s for its header and 15 s for its whole request; a connection on which nothing moves for 30 s is closed, unless
 * it follows flows.
 */
function limit(server: Server, followers: Followers): Server {
  server.headersTimeout = 5_000;
  server.requestTimeout = 15_000;
  server.keepAliveTimeout = 10_000;
  server.timeout = 30_000;
  server.on('timeout', (socket) => {
    if (!followers.has(socket)) socket.destroy();
  });
  server.maxConnections = mostConnections;
  server.maxHeadersCount = 100;
  return server;
}

function readToken(file: string): string {
  const token = readFileSync(file, 'utf8').trim();
  if (!/^\S{16,}$/.test(token)) throw new Error(`${file}: expected one token of at least 16 characters`);
  return token;
}

function guardFor(options: ApiOptions, port: () => number): Guard {
  if (options.address.type === 'unix') return peerGuard(options.peer, options.group);
  if (!isLoopback(options.address.host)) throw new Error(`${options.address.host}: the API listens on loopback only`);
  return tokenGuard(readToken(options.tokenFile), port);
}

function describe(error: FastifyError): ProblemDetails {
  if (error.validation !== undefined) {
    const errors = fieldErrors(error.validationContext ?? 'body', error.validation);
    return problemDetails(400, showFieldErrors(errors), { errors });
  }
  const status = error.statusCode ?? 500;
  return problemDetails(status, status < 500 ? error.message : 'the agent failed to answer; its log says more');
}

const unparsed: Readonly<Record<string, readonly [number, string]>> = {
  ERR_HTTP_REQUEST_TIMEOUT: [408, 'the request did not arrive in time'],
  HPE_HEADER_OVERFLOW: [431, 'the header is over 16 KiB'],
};

/** Answers what was no HTTP request, or never became one. */
function answerUnparsed(error: NodeJS.ErrnoException, socket: Socket): void {
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy();
    return;
  }
  const [status, detail] = unparsed[error.code ?? ''] ?? [400, 'this is no HTTP request'];
  const details = problemDetails(status, detail);
  const body = JSON.stringify(details);
  socket.end(
    `HTTP/1.1 ${status} ${details.title}\r\nContent-Type: ${problemType}\r\nContent-Length: ${Buffer.byteLength(body)}\r\nConnection: close\r\n\r\n${body}`,
  );
}

/** Which methods the routes that have this path take, for 405 (RFC 9110 15.5.6). */
class KnownPaths {
  readonly #routes: { readonly pattern: RegExp; readonly methods: readonly string[] }[] = [];

  add(url: string, method: string | readonly string[]): void {
    const pattern = new RegExp(`^${url.replace(/:[^/]+/g, '[^/]+')}$`);
    this.#routes.push({ pattern, methods: [method].flat() });
  }

  methodsOf(url: string): readonly string[] {
    const path = url.replace(/\?.*$/s, '');
    const methods = this.#routes.filter((route) => route.pattern.test(path)).flatMap((route) => route.methods);
    return [...new Set(methods)].sort();
  }
}

async function build(
  view: AgentView,
  guard: Guard,
  server: Server,
  followers: Followers,
  options: ApiOptions,
): Promise<FastifyInstance> {
  // Loaded here: `weft validate` and its like start without them.
  const { fastify } = await import('fastify');
  const app = fastify({
    bodyLimit: mebibyte,
    routerOptions: { maxParamLength: 512 },
    serverFactory: (serve) => limit(server.on('request', serve), followers),
    ajv: { customOptions: { removeAdditional: false, coerceTypes: false, useDefaults: false, allErrors: true } },
    frameworkErrors: (error, _request, reply) => {
      const details = describe(error);
      (reply as FastifyReply).status(details.status).type(problemType).send(details);
    },
    clientErrorHandler: answerUnparsed,
  });
  const paths = new KnownPaths();
  app.addHook('onRoute', ({ url, method }) => paths.add(url, method));
  app.addHook('onRequest', (request, reply, done) => {
    const refused = guard(request.raw);
    if (refused === undefined) return done();
    if (refused.status === 401) reply.header('www-authenticate', 'Bearer realm="weft"');
    reply.status(refused.status).type(problemType).send(refused);
  });
  // Answers are what their types say: schemas of answers only document them.
  app.setSerializerCompiler(() => (value) => (typeof value === 'string' ? value : JSON.stringify(value)));
  app.setErrorHandler((error: FastifyError, request, reply) => {
    const details = describe(error);
    if (details.status >= 500) options.onError(error, `${request.method} ${request.routeOptions.url ?? ''}`);
    reply.status(details.status).type(problemType).send(details);
  });
  app.setNotFoundHandler((request, reply) => {
    const methods = paths.methodsOf(request.url);
    if (methods.length === 0)
      return reply.status(404).type(problemType).send(problemDetails(404, 'no such path; /openapi.json lists them'));
    const details = problemDetails(405, `${request.method} is not one of ${methods.join(', ')}`);
    return reply.status(405).header('allow', methods.join(', ')).type(problemType).send(details);
  });
  addReads(app, view, options.clock, followers);
  addOperations(app, view);
  let document: Promise<string> | undefined;
  app.get('/openapi.json', (_request, reply) => {
    document ??= describeApi(view, options.clock);
    return document.then((json) => reply.type('application/json; charset=utf-8').send(json));
  });
  await app.ready();
  return app;
}

/**
 * Serves the API until closed. Throws AddressTaken when the address is in use, and plain errors for a token file
 * that cannot be read or an address that is not loopback.
 */
export async function startApi(view: AgentView, options: ApiOptions): Promise<Api> {
  let { address } = options;
  const guard = guardFor(options, () => (address.type === 'tcp' ? address.port : 0));
  const server = createServer({ maxHeaderSize: 16 * 1024, connectionsCheckingInterval: 1_000 });
  const followers = new Followers();
  const app = await build(view, guard, server, followers, options);
  try {
    if (address.type === 'unix') await listenUnix(server, address.path, options.group);
    else address = { ...address, port: await listenTcp(server, address.host, address.port) };
  } catch (error) {
    await app.close();
    throw error;
  }
  return {
    address,
    async close() {
      followers.end();
      await app.close();
      const closed = new Promise((resolve) => server.close(resolve));
      server.closeAllConnections();
      await closed;
    },
  };
}
