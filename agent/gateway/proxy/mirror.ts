import type { Failure, FieldLines, RequestHead, ResponseHead, Tunnel } from '../exchange.js';
import type { AttemptOutcome, AttemptQuery } from '../upstream/attempt.js';
import type { Deadline } from './deadlines.js';
import { grpcStatusIn } from './grpc.js';
import { mostMirrored, type ProxyParts } from './parts.js';
import type { BodySink } from './request-body.js';
import { Try, type TryOwner } from './try.js';

/** So much of a body may wait for a mirror (bytes); one that is slower is cut. */
const waitingBytes = 64 * 1024;

/** A mirror has so long after the request's end when the rule has no timeout (ms). */
const defaultTimeoutMs = 15_000;

/** A copy of a request, whose answer nobody reads. Whatever happens to it, the request does not notice. */
export class MirroredRequest implements TryOwner, BodySink {
  readonly #parts: ProxyParts;
  readonly #timeoutMs: number;
  readonly #try: Try;
  #isOver = false;
  #isBlocked = false;
  #waiting = 0;
  #status = 0;
  #grpcStatus: number | undefined;
  #timeout: Deadline | undefined;

  private constructor(parts: ProxyParts, timeoutMs: number | undefined, ended: boolean) {
    this.#parts = parts;
    this.#try = new Try(this, ended);
    this.#timeoutMs = timeoutMs ?? defaultTimeoutMs;
    parts.load.mirrored++;
  }

  /** Undefined when there are too many already. `query.head`: see `mirrorHead`. */
  static begin(
    parts: ProxyParts,
    query: AttemptQuery,
    ended: boolean,
    timeoutMs: number | undefined,
  ): MirroredRequest | undefined {
    if (parts.load.mirrored >= mostMirrored) {
      parts.load.mirrorsSkipped++;
      return undefined;
    }
    const mirror = new MirroredRequest(parts, timeoutMs, ended);
    mirror.#try.bind(parts.upstreams.begin(query, ended, mirror.#try));
    if (ended) mirror.#limitTime();
    return mirror;
  }

  /** Always true: a mirror never holds the request back. */
  send(chunk: Buffer): boolean {
    if (this.#isOver) return true;
    if (this.#isBlocked) this.#waiting += chunk.length;
    if (this.#waiting > waitingBytes) {
      this.#parts.load.mirrorsCut++;
      this.abort();
    } else if (!this.#try.send(chunk)) this.#isBlocked = true;
    return true;
  }

  sendEnd(trailers: FieldLines): void {
    this.#try.sendEnd(trailers);
    this.#limitTime();
  }

  abort(): void {
    if (this.#isOver) return;
    this.#try.abort({ type: 'cancelled' });
    this.#end(undefined);
  }

  #limitTime(): void {
    if (!this.#isOver) this.#timeout = this.#parts.deadlines.after(this.#timeoutMs, () => this.abort());
  }

  #end(outcome: AttemptOutcome | undefined): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#parts.load.mirrored--;
    this.#timeout?.cancel();
    if (outcome !== undefined) this.#try.settle(outcome);
  }

  chosen(): void {}

  refused(): void {
    this.#end(undefined);
  }

  informational(): void {}

  answered(_: Try, head: ResponseHead, ended: boolean): void {
    this.#status = head.status;
    this.#grpcStatus = grpcStatusIn(head.fields);
    if (ended) this.#complete();
  }

  upgraded(_: Try, __: ResponseHead, tunnel: Tunnel): void {
    tunnel.abort();
    this.abort();
  }

  responseData(): void {}

  responseEnd(_: Try, trailers: FieldLines): void {
    this.#grpcStatus = grpcStatusIn(trailers) ?? this.#grpcStatus;
    this.#complete();
  }

  #complete(): void {
    this.#end({ type: 'response', status: this.#status, grpcStatus: this.#grpcStatus });
  }

  failed(_: Try, why: Failure): void {
    this.#end({ type: 'failure', why });
  }

  requestDrained(): void {
    this.#isBlocked = false;
    this.#waiting = 0;
  }
}

/** The host of a mirrored request ends in `-shadow` (Envoy, ShadowWriter), before its port. */
export function mirrorHead(head: RequestHead): RequestHead {
  const { authority } = head;
  const port = authority.startsWith('[') ? authority.indexOf(']:') + 1 : authority.lastIndexOf(':');
  const shadow = port > 0 ? `${authority.slice(0, port)}-shadow${authority.slice(port)}` : `${authority}-shadow`;
  return { ...head, authority: shadow, fields: [...head.fields], upgrade: '' };
}
