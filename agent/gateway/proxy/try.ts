import type { ClusterEndpoint } from '../../balance/cluster.js';
import type { Failure, FieldLines, ResponseHead, Tunnel } from '../exchange.js';
import type { Attempt, AttemptOutcome, AttemptReceiver, Refusal } from '../upstream/attempt.js';
import type { BodySink } from './request-body.js';

/** A response that nobody wants is read to its end, so that its connection can be used again, when it is no longer than this (bytes). */
const discardedBytes = 16 * 1024;

/** Who made a try, and is told what becomes of it. Nothing comes after `ended`, `failed` or `refused`. */
export interface TryOwner {
  chosen(endpoint: ClusterEndpoint): void;
  refused(why: Refusal): void;
  informational(status: number, fields: FieldLines): void;
  answered(one: Try, head: ResponseHead, ended: boolean): void;
  upgraded(one: Try, head: ResponseHead, tunnel: Tunnel): void;
  responseData(one: Try, chunk: Buffer): void;
  responseEnd(one: Try, trailers: FieldLines): void;
  failed(one: Try, why: Failure): void;
  requestDrained(): void;
}

/** One attempt as its owner sees it: what comes after it was given up is kept from the owner, and it is settled once. */
export class Try implements AttemptReceiver, BodySink {
  readonly #owner: TryOwner;
  #attempt: Attempt | undefined;
  /** What was said before `begin` had returned. */
  #earlyOutcome: AttemptOutcome | undefined;
  #isSettled = false;
  /** Whether the request is complete. */
  #isSent: boolean;
  #state: 'open' | 'discarding' | 'over' = 'open';
  #discarded = 0;
  #endpoint: ClusterEndpoint | undefined;

  /** `hasNoBody`: the request is complete with its head. */
  constructor(owner: TryOwner, hasNoBody: boolean) {
    this.#owner = owner;
    this.#isSent = hasNoBody;
  }

  get isOpen(): boolean {
    return this.#state === 'open';
  }

  /** `ADDRESS:PORT`; empty before one is chosen. */
  get address(): string {
    return this.#endpoint === undefined ? '' : `${this.#endpoint.address}:${this.#endpoint.port}`;
  }

  /** What `begin` has returned. */
  bind(attempt: Attempt): void {
    this.#attempt = attempt;
    if (this.#earlyOutcome !== undefined) attempt.settle(this.#earlyOutcome);
  }

  send(chunk: Buffer): boolean {
    return this.#state !== 'open' || this.#attempt!.write(chunk);
  }

  sendEnd(trailers: FieldLines): void {
    if (this.#state !== 'open') return;
    this.#isSent = true;
    this.#attempt!.end(trailers);
  }

  pause(): void {
    this.#attempt?.pause();
  }

  resume(): void {
    this.#attempt?.resume();
  }

  settle(outcome: AttemptOutcome): void {
    if (this.#isSettled) return;
    this.#isSettled = true;
    if (this.#attempt === undefined) this.#earlyOutcome = outcome;
    else this.#attempt.settle(outcome);
  }

  /** Ends it; the owner hears no more of it. */
  abort(outcome: AttemptOutcome): void {
    if (this.#state === 'over') return;
    this.#state = 'over';
    this.settle(outcome);
    this.#attempt?.abort();
  }

  /** Another attempt takes its place, after this head. */
  discard(head: ResponseHead, ended: boolean): void {
    const isShort = head.length !== undefined && head.length <= discardedBytes;
    if (!ended && this.#isSent && isShort) this.#state = 'discarding';
    else if (!ended) this.abort({ type: 'cancelled' });
  }

  /** The response is complete. Where the request is not, nobody reads the rest of it. */
  #complete(): void {
    if (!this.#isSent) this.#attempt?.abort();
  }

  chosen(endpoint: ClusterEndpoint): void {
    this.#endpoint = endpoint;
    if (this.#state === 'open') this.#owner.chosen(endpoint);
  }

  refused(why: Refusal): void {
    if (this.#state !== 'open') return;
    this.#state = 'over';
    this.#owner.refused(why);
  }

  informational(status: number, fields: FieldLines): void {
    if (this.#state === 'open') this.#owner.informational(status, fields);
  }

  head(head: ResponseHead, ended: boolean): void {
    if (this.#state !== 'open') return;
    if (ended) this.#state = 'over';
    this.#owner.answered(this, head, ended);
    if (ended) this.#complete();
  }

  upgraded(head: ResponseHead, tunnel: Tunnel): void {
    if (this.#state === 'open') this.#owner.upgraded(this, head, tunnel);
    else tunnel.abort();
  }

  data(chunk: Buffer): void {
    if (this.#state === 'open') this.#owner.responseData(this, chunk);
    else if (this.#state === 'discarding') {
      this.#discarded += chunk.length;
      if (this.#discarded > discardedBytes) this.abort({ type: 'cancelled' });
    }
  }

  end(trailers: FieldLines): void {
    const isOpen = this.#state === 'open';
    this.#state = 'over';
    if (!isOpen) return;
    this.#owner.responseEnd(this, trailers);
    this.#complete();
  }

  fail(why: Failure): void {
    const isOpen = this.#state === 'open';
    this.#state = 'over';
    if (isOpen) this.#owner.failed(this, why);
  }

  drained(): void {
    if (this.#state === 'open') this.#owner.requestDrained();
  }
}
