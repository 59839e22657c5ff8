import type { IncomingMessage } from 'node:http';
import type { Clock } from '../clock.js';
import { type ApiClient, ApiError, type ApiRequest, mostAnswerBytes } from './api.js';
import { Arrivals } from './arrivals.js';
import { type Access, type Credentials, CredentialsError, isSameAccess } from './credentials.js';
import { Ending } from './ending.js';
import { beginningOf, bodyOf, type Sending, send } from './exchange.js';
import { LineSplitter } from './line-splitter.js';
import { refusalError } from './refusal.js';
import { Transport } from './transport.js';
import { systemTrouble } from './trouble.js';
import { hostOf } from './tunnel.js';
import { userAgent } from './user-agent.js';

/** Of a stream, in bytes. etcd takes objects of 1.5 MiB by default. */
const longestLine = 16 * 1024 * 1024;

/** Of an answer that is a refusal, in bytes. */
const longestRefusal = 64 * 1024;

const defaultTimeoutMs = 30_000;

/**
 * A client of the API server that `credentials` name. Of its own accord it follows no redirect, takes no proxy from the environment and
 * does not ask for gzip: what is saved on the node's own network is paid for in the CPU of the API server and of this node.
 */
export function openClient(credentials: Credentials, clock: Clock): ApiClient {
  return new HttpsClient(credentials, clock);
}

class HttpsClient implements ApiClient {
  readonly server: string;
  readonly #credentials: Credentials;
  readonly #clock: Clock;
  readonly #transport: Transport;
  readonly #userAgent: string = userAgent();

  constructor(credentials: Credentials, clock: Clock) {
    const { host, port } = credentials.server;
    this.server = `https://${host}${port === '' ? ':443' : ''}`;
    this.#credentials = credentials;
    this.#clock = clock;
    this.#transport = new Transport(credentials);
  }

  async call(request: ApiRequest): Promise<unknown> {
    const ending = this.#ending(request);
    try {
      const answer = await this.#answer('calls', request, ending);
      const body = await bodyOf(answer, mostAnswerBytes);
      return body.length === 0 ? undefined : this.#parse(body);
    } catch (error) {
      throw this.#explain(error, ending);
    } finally {
      ending.release();
    }
  }

  async lines(request: ApiRequest, idleMs: number): Promise<AsyncIterable<Buffer>> {
    const ending = this.#ending(request);
    try {
      const answer = await this.#answer('streams', request, ending);
      ending.unbind();
      return this.#linesOf(new Arrivals(answer), answer, ending, idleMs);
    } catch (error) {
      ending.release();
      throw this.#explain(error, ending);
    }
  }

  close(): void {
    this.#transport.close();
  }

  #ending({ method, path, signal, timeoutMs = defaultTimeoutMs }: ApiRequest): Ending {
    return new Ending(this.#clock, `${method} ${path} of ${this.server}`, timeoutMs, signal);
  }

  async *#linesOf(arrivals: Arrivals, answer: IncomingMessage, ending: Ending, idleMs: number): AsyncGenerator<Buffer> {
    const splitter = new LineSplitter(longestLine);
    const silence = new ApiError(`${this.server}: nothing arrived for ${idleMs / 1000} s`, 0, 'Idle');
    try {
      for (;;) {
        // Counted only while there is nothing to hand on: a reader may take its time.
        const forget = this.#clock.after(idleMs, () => ending.end(silence));
        const chunks = await ending.race(arrivals.take()).finally(forget);
        if (chunks.length === 0) return;
        for (const chunk of chunks) yield* splitter.push(chunk);
      }
    } catch (error) {
      throw this.#explain(error, ending);
    } finally {
      ending.release();
      answer.destroy();
    }
  }

  /** A 2xx answer's head. After a 401 the credentials are renewed, and if that gave others, asked once more. */
  async #answer(kind: 'calls' | 'streams', request: ApiRequest, ending: Ending): Promise<IncomingMessage> {
    const access = await ending.race(this.#credentials.access());
    try {
      return await this.#ask(kind, request, access, ending.signal);
    } catch (error) {
      if (!(error instanceof ApiError) || error.status !== 401) throw error;
      const renewed = await ending.race(this.#credentials.access(access).catch((why: Error) => why));
      if (renewed instanceof Error) throw new ApiError(`${error.message}; ${renewed.message}`, 401, error.reason);
      if (isSameAccess(access, renewed)) throw error;
      return await this.#ask(kind, request, renewed, ending.signal);
    }
  }

  async #ask(
    kind: 'calls' | 'streams',
    request: ApiRequest,
    access: Access,
    signal: AbortSignal,
  ): Promise<IncomingMessage> {
    const answer = await send(this.#sending(kind, request, access), signal);
    const status = answer.statusCode ?? 0;
    if (status >= 200 && status < 300) return answer;
    const body = await beginningOf(answer, longestRefusal);
    throw refusalError({ server: this.server, status, headers: answer.headers, body, now: this.#clock.now() });
  }

  #sending(kind: 'calls' | 'streams', request: ApiRequest, access: Access): Sending {
    const { accept = 'application/json', contentType = 'application/json', method, path, query = {} } = request;
    const { server } = this.#credentials;
    const search = new URLSearchParams(query).toString();
    const body = request.body === undefined ? undefined : JSON.stringify(request.body);
    return {
      body,
      options: {
        ...{ method, host: hostOf(server), port: server.port || 443, agent: this.#transport.agent(access, kind) },
        path: `${server.pathname.replace(/\/$/, '')}${path}${search && `?${search}`}`,
        headers: {
          ...{ accept, 'user-agent': this.#userAgent },
          ...(access.token !== undefined && { authorization: `Bearer ${access.token}` }),
          ...(body !== undefined && { 'content-type': contentType, 'content-length': Buffer.byteLength(body) }),
        },
      },
    };
  }

  #parse(body: Buffer): unknown {
    try {
      return JSON.parse(body.toString('utf8'));
    } catch {
      throw new ApiError(
        `${this.server}: an answer of ${body.length} bytes is no JSON: is it an API server's address?`,
      );
    }
  }

  #explain(error: unknown, { signal }: Ending): ApiError {
    if (signal.aborted) return signal.reason as ApiError;
    if (error instanceof CredentialsError) return new ApiError(error.message, 0, 'Credentials');
    return systemTrouble(this.server, error);
  }
}
