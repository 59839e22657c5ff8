import type { FieldLines, RequestHead, Tunnel } from '../exchange.js';
import type { Attempt, AttemptQuery, AttemptReceiver } from '../upstream/attempt.js';
import { grpcStatusIn } from './grpc.js';
import { mostMirrored, type ProxyParts } from './parts.js';
import type { BodySink } from './request-body.js';

/** So much of a body may wait for a mirror (bytes); one that is slower is cut. */
const waitingBytes = 64 * 1024;

/** A mirror has so long after the request's end when the rule has no timeout (ms). */
const defaultTimeoutMs = 15_000;

/** A copy of a request, whose answer nobody reads. Whatever happens to it, the request does not notice. */
export class MirroredRequest implements AttemptReceiver, BodySink {
  readonly #parts: ProxyParts;
  readonly #timeoutMs: number;
  #attempt: Attempt | undefined;
  #isOver = false;
  #isBlocked = false;
  #waiting = 0;
  #status = 0;
  #grpcStatus: number | undefined;
  #cancelTimeout: (() => void) | undefined;

  private constructor(parts: ProxyParts, timeoutMs: number | undefined) {
    this.#parts = parts;
    this.#timeoutMs = timeoutMs ?? defaultTimeoutMs;
  }

  /** Undefined when there are too many already. `query.head` is the request's own as it goes on. */
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
    const mirror = new MirroredRequest(parts, timeoutMs);
    parts.load.mirrored++;
    const attempt = parts.upstreams.begin(query, ended, mirror);
    mirror.#attempt = attempt;
    if (ended && !mirror.#isOver) mirror.#limitTime();
    return mirror;
  }

  /** Always true: a mirror never holds the request back. */
  send(chunk: Buffer): boolean {
    if (this.#isOver) return true;
    if (this.#isBlocked) this.#waiting += chunk.length;
    if (this.#waiting > waitingBytes) {
      this.#parts.load.mirrorsCut++;
      this.abort();
    } else if (!this.#attempt!.write(chunk)) this.#isBlocked = true;
    return true;
  }

  sendEnd(trailers: FieldLines): void {
    if (this.#isOver) return;
    this.#attempt!.end(trailers);
    this.#limitTime();
  }

  abort(): void {
    if (this.#isOver) return;
    this.#over();
    this.#attempt?.settle({ type: 'cancelled' });
    this.#attempt?.abort();
  }

  #limitTime(): void {
    const deadline = this.#parts.deadlines.after(this.#timeoutMs, () => this.abort());
    this.#cancelTimeout = () => deadline.cancel();
  }

  #over(): void {
    this.#isOver = true;
    this.#parts.load.mirrored--;
    this.#cancelTimeout?.();
  }

  chosen(): void {}

  refused(): void {
    if (!this.#isOver) this.#over();
  }

  informational(): void {}

  head(head: { readonly status: number; readonly fields: FieldLines }, ended: boolean): void {
    this.#status = head.status;
    this.#grpcStatus = grpcStatusIn(head.fields);
    if (ended) this.end([]);
  }

  upgraded(_: unknown, tunnel: Tunnel): void {
    tunnel.abort();
    this.abort();
  }

  data(): void {}

  end(trailers: FieldLines): void {
    if (this.#isOver) return;
    this.#over();
    const grpcStatus = grpcStatusIn(trailers) ?? this.#grpcStatus;
    this.#attempt?.settle({ type: 'response', status: this.#status, grpcStatus });
  }

  fail(why: Parameters<AttemptReceiver['fail']>[0]): void {
    if (this.#isOver) return;
    this.#over();
    this.#attempt?.settle({ type: 'failure', why });
  }

  drained(): void {
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
