import { connect, type Socket } from 'node:net';
import type { LoadPlan, LoadResult } from './client.js';

/** Requests that last longer are failures, ms. */
const patienceMs = 20_000;

interface Response {
  readonly status: number;
  readonly backend: string;
  /** In bytes, head and body. */
  readonly length: number;
  /** The connection takes no further request. */
  readonly isLast: boolean;
}

/** Bytes of one response with Content-Length, or undefined while it is not whole; null: it is none that the origin would give. */
function responseIn(text: string): Response | null | undefined {
  const end = text.indexOf('\r\n\r\n');
  if (end < 0) return undefined;
  const head = text.slice(0, end);
  const status = Number(/^HTTP\/1\.1 (\d{3})/.exec(head)?.[1]);
  const length = /\r\ncontent-length: (\d+)/i.exec(head)?.[1];
  let body = 0;
  if (length !== undefined) body = Number(length);
  else if (/\r\ntransfer-encoding: chunked/i.test(head)) {
    const last = text.indexOf('0\r\n\r\n', end + 4);
    if (last < 0) return undefined;
    body = last + 5 - end - 4;
  }
  if (Number.isNaN(status)) return null;
  if (text.length < end + 4 + body) return undefined;
  const backend = /"backend":"([^"]+)"/.exec(text.slice(end))?.[1] ?? '';
  return { status, backend, length: end + 4 + body, isLast: /\r\nconnection: close/i.test(head) };
}

/** Many requests over HTTP/1.1 on raw sockets, so that exactly what fails is known. A connection that the peer closes between requests is no failure. */
export class Load {
  readonly #plan: LoadPlan;
  readonly #request: string;
  readonly #latencies: number[] = [];
  readonly #failures: Record<string, number> = {};
  readonly #backends: Record<string, number> = {};
  #begun = 0;
  #ended = 0;
  #failed = 0;
  #reopened = 0;
  #stopped = false;
  readonly #started = performance.now();
  readonly #finished: Promise<void>;
  #finish: () => void = () => undefined;
  #running = 0;

  constructor(plan: LoadPlan) {
    this.#plan = plan;
    const headers = Object.entries({ Host: 'load', ...plan.headers, ...(plan.fresh ? { Connection: 'close' } : {}) });
    const lines = headers.map(([name, value]) => `${name}: ${value}\r\n`).join('');
    this.#request = `GET ${plan.path ?? '/'} HTTP/1.1\r\n${lines}\r\n`;
    this.#finished = new Promise((resolve) => {
      this.#finish = resolve;
    });
    for (let i = 0; i < plan.connections; i++) {
      this.#running++;
      this.#run();
    }
  }

  stop(): void {
    this.#stopped = true;
  }

  /** How many requests have come to an end so far. */
  get ended(): number {
    return this.#ended;
  }

  async end(): Promise<LoadResult> {
    await this.#finished;
    const sorted = this.#latencies.sort((a, b) => a - b);
    const at = (q: number): number => sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))] ?? 0;
    return {
      requests: this.#ended,
      failed: this.#failed,
      reopened: this.#reopened,
      failures: this.#failures,
      backends: this.#backends,
      p50: at(0.5),
      p99: at(0.99),
      max: sorted.at(-1) ?? 0,
    };
  }

  /** When the next request may begin, ms from now; undefined: none any more. */
  #due(): number | undefined {
    const { rate, requests = Number.POSITIVE_INFINITY } = this.#plan;
    if (this.#stopped || this.#begun >= requests) return undefined;
    return rate === undefined ? 0 : Math.max(0, this.#started + (this.#begun * 1000) / rate - performance.now());
  }

  #run(socket?: Socket): void {
    const due = this.#due();
    if (due === undefined) {
      socket?.destroy();
      if (--this.#running === 0) this.#finish();
      return;
    }
    this.#begun++;
    const begin = (): void => {
      if (socket === undefined || socket.destroyed || this.#plan.fresh === true) this.#open();
      else this.#exchange(socket, false);
    };
    if (due > 0) setTimeout(begin, due);
    else begin();
  }

  #open(): void {
    const socket = connect({ host: this.#plan.address, port: this.#plan.port });
    socket.setNoDelay(true);
    socket.on('error', () => undefined);
    this.#exchange(socket, true);
  }

  #exchange(socket: Socket, isNew: boolean): void {
    const began = performance.now();
    let text = '';
    let error = '';
    const onError = (cause: NodeJS.ErrnoException): void => {
      error = cause.code ?? cause.message;
    };
    const onClose = (): void => {
      release();
      // A kept connection may have been closed before the request reached the peer: it is asked again over a new one, as clients do.
      if (!isNew && text === '' && error !== 'timeout') {
        this.#reopened++;
        this.#open();
      } else this.#settle(socket, began, 0, '', error || 'closed');
    };
    const onData = (chunk: Buffer): void => {
      text += chunk.toString('latin1');
      const response = responseIn(text);
      if (response === undefined) return;
      release();
      if (response === null || response.length !== text.length || response.isLast) socket.destroy();
      if (response === null || response.length !== text.length) {
        this.#settle(socket, began, 0, '', 'framing');
        return;
      }
      this.#settle(socket, began, response.status, response.backend, '');
    };
    const onTimeout = (): void => {
      error = 'timeout';
      socket.destroy();
    };
    const release = (): void => {
      socket.off('data', onData).off('close', onClose).off('error', onError).off('timeout', onTimeout);
    };
    socket.on('data', onData).on('close', onClose).on('error', onError).on('timeout', onTimeout);
    socket.setTimeout(patienceMs);
    socket.write(this.#request);
  }

  #settle(socket: Socket, began: number, status: number, backend: string, error: string): void {
    this.#ended++;
    this.#latencies.push(performance.now() - began);
    const failure = error !== '' ? error : status !== 200 && this.#plan.onlyOk !== false ? String(status) : '';
    if (failure !== '') {
      this.#failed++;
      this.#failures[failure] = (this.#failures[failure] ?? 0) + 1;
    }
    if (backend !== '') this.#backends[backend] = (this.#backends[backend] ?? 0) + 1;
    this.#run(socket);
  }
}
