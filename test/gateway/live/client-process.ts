import { Agent, request as httpRequest, type IncomingMessage } from 'node:http';
import { connect as connectHttp2 } from 'node:http2';
import { request as httpsRequest, Agent as TlsAgent } from 'node:https';
import { connect } from 'node:net';
import type { TLSSocket } from 'node:tls';
import type { Answer, Ask, LoadPlan, LoadResult, RawAsk } from './client.js';
import { Load } from './load.js';
import { takeOrders } from './orders.js';

const patienceMs = 30_000;
const agent = new Agent({ keepAlive: true, maxSockets: 64 });

const nothing: Omit<Answer, 'ms'> = { status: 0, headers: {}, body: '', trailers: {}, error: '', certificate: '' };

function flat(headers: IncomingMessage['headers']): Record<string, string> {
  return Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [name, Array.isArray(value) ? value.join(', ') : (value ?? '')]),
  );
}

function ask(plan: Ask, own = true): Promise<Answer> {
  const began = performance.now();
  return new Promise((resolve) => {
    const done = (answer: Partial<Answer>): void => {
      resolve({ ...nothing, ms: performance.now() - began, ...answer });
    };
    const { address, port, method = 'GET', path = '/', headers = {}, body, tls } = plan;
    const options = { host: address, port, method, path, headers, timeout: patienceMs };
    const take = (response: IncomingMessage): void => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('error', (error: NodeJS.ErrnoException) => done({ error: error.code ?? error.message }));
      response.on('end', () =>
        done({
          status: response.statusCode ?? 0,
          headers: flat(response.headers),
          body: Buffer.concat(chunks).toString(),
          trailers: flat(response.trailers),
          certificate: tls === undefined ? '' : String((response.socket as TLSSocket).getPeerCertificate().subject?.CN),
        }),
      );
    };
    const request =
      tls === undefined
        ? httpRequest({ ...options, agent: own ? new Agent() : agent }, take)
        : httpsRequest(
            {
              ...options,
              agent: new TlsAgent(),
              rejectUnauthorized: false,
              ...(tls === '' ? {} : { servername: tls }),
            },
            take,
          );
    request.on('timeout', () => request.destroy(new Error('timeout')));
    request.on('error', (error: NodeJS.ErrnoException) => done({ error: error.code ?? error.message }));
    request.end(body);
  });
}

function askHttp2(plan: Ask): Promise<Answer> {
  const began = performance.now();
  return new Promise((resolve) => {
    const { address, port, method = 'GET', path = '/', headers = {}, body } = plan;
    const session = connectHttp2(`http://${address.includes(':') ? `[${address}]` : address}:${port}`);
    let answer: Omit<Answer, 'ms'> = nothing;
    const done = (): void => {
      session.destroy();
      resolve({ ...answer, ms: performance.now() - began });
    };
    const fail = (error: NodeJS.ErrnoException): void => {
      answer = { ...answer, error: error.code ?? error.message };
      done();
    };
    session.on('error', fail);
    const { host, ...fields } = Object.fromEntries(Object.entries(headers).map(([k, v]) => [k.toLowerCase(), v]));
    const stream = session.request({
      ':method': method,
      ':path': path,
      ...(host && { ':authority': host }),
      ...fields,
    });
    stream.setTimeout(patienceMs, () => fail(new Error('timeout')));
    stream.on('error', fail);
    stream.on('response', ({ ':status': status, ...rest }) => {
      answer = { ...answer, status: status ?? 0, headers: flat(rest as IncomingMessage['headers']) };
    });
    stream.on('trailers', (trailers) => {
      answer = { ...answer, trailers: flat(trailers as IncomingMessage['headers']) };
    });
    let text = '';
    stream.on('data', (chunk: Buffer) => (text += chunk));
    stream.on('end', () => {
      answer = { ...answer, body: text };
      done();
    });
    stream.end(body);
  });
}

function raw({ address, port, base64, until, quietMs }: RawAsk): Promise<string> {
  const isWhole = until === undefined ? undefined : new RegExp(until.source, until.flags);
  return new Promise((resolve) => {
    const chunks: Buffer[] = [];
    const socket = connect({ host: address, port, allowHalfOpen: true });
    const done = (): void => {
      socket.destroy();
      resolve(Buffer.concat(chunks).toString('base64'));
    };
    socket.setTimeout(patienceMs, done);
    socket.on('data', (chunk) => {
      chunks.push(chunk);
      if (isWhole === undefined) socket.setTimeout(quietMs);
      else if (isWhole.test(Buffer.concat(chunks).toString('latin1'))) done();
    });
    socket.on('end', done);
    socket.on('error', done);
    socket.write(Buffer.from(base64, 'base64'));
  });
}

let load: Load | undefined;

takeOrders({
  ask: (plan: Ask) => (plan.h2c === true ? askHttp2(plan) : ask(plan)),
  spread: async ({ ask: plan, times }: { ask: Ask; times: number }) => {
    const counts: Record<string, number> = {};
    const one = async (): Promise<void> => {
      const answer = await (plan.h2c === true ? askHttp2(plan) : ask(plan, false));
      const backend = answer.body.startsWith('{"backend"')
        ? (JSON.parse(answer.body) as { backend: string }).backend
        : answer.error || String(answer.status);
      counts[backend] = (counts[backend] ?? 0) + 1;
    };
    let left = times;
    const worker = async (): Promise<void> => {
      while (left-- > 0) await one();
    };
    await Promise.all(Array.from({ length: 8 }, worker));
    return counts;
  },
  raw,
  load: (plan: LoadPlan) => {
    load = new Load(plan);
  },
  progress: (): number => load!.ended,
  loaded: (): Promise<LoadResult> => load!.end(),
  stop: (): Promise<LoadResult> => {
    load!.stop();
    return load!.end();
  },
});
