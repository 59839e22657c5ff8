import type { ClusterEndpoint } from '../../balance/cluster.js';
import type { Lease } from '../../balance/lease.js';
import { type Outcome, statusOfGrpc } from '../../balance/outcome.js';
import type { Clock } from '../../clock.js';
import type {
  ClientConnection,
  ClientExchange,
  Failure,
  FieldLines,
  RequestHead,
  ResponseHead,
  ResponseReceiver,
  Tunnel,
} from '../exchange.js';
import type { Attempt, AttemptOutcome, AttemptReceiver, Refusal } from './attempt.js';

/** Where an attempt waits until it has a connection. */
export interface WaitingRoom {
  /** It does not wait any more. */
  cancel(attempt: PooledAttempt): void;
}

/** Who counts an attempt. */
export interface AttemptCounter {
  /** Once for each endpoint that was picked for it. */
  settled(): void;
}

/** One attempt: waits for a connection, then passes both directions through and measures. */
export class PooledAttempt implements Attempt {
  readonly head: RequestHead;
  readonly receiver: AttemptReceiver;
  readonly #clock: Clock;
  #counter: AttemptCounter | undefined;
  /** While it waits. */
  waitingRoom: WaitingRoom | undefined;
  #lease: Lease | undefined;
  #exchange: ClientExchange | undefined;
  /** The request's body so far, while there is no connection. */
  #held: Buffer[] | undefined;
  #trailers: FieldLines | undefined;
  readonly #hasBody: boolean;
  #isPaused = false;
  #isOver = false;
  /** When the last of the request was written, as far as it was, ms. */
  #sentAt = 0;
  /** To the head of the response, ms; undefined before it. */
  #latency: number | undefined;
  #status = 0;

  constructor(head: RequestHead, ended: boolean, receiver: AttemptReceiver, clock: Clock) {
    this.head = head;
    this.#hasBody = !ended;
    this.receiver = receiver;
    this.#clock = clock;
  }

  get endpoint(): ClusterEndpoint | undefined {
    return this.#lease?.member.endpoint;
  }

  get isOver(): boolean {
    return this.#isOver;
  }

  get lease(): Lease | undefined {
    return this.#lease;
  }

  /** An endpoint was picked for it. */
  assign(lease: Lease, counter: AttemptCounter): void {
    this.#lease = lease;
    this.#counter = counter;
  }

  /** No endpoint is asked. */
  refuse(why: Refusal): void {
    this.#isOver = true;
    this.#close(cancelled);
    this.receiver.refused(why);
  }

  /** Its connection could not be made. */
  fail(why: 'connect-failure' | 'connect-timeout'): void {
    if (this.#isOver) return;
    this.receiver.fail(why);
    this.finished(why);
  }

  start(connection: ClientConnection): void {
    this.#sentAt = this.#clock.monotonic();
    const exchange = connection.request(this.head, !this.#hasBody, new Answer(this));
    if (this.#isOver) return;
    this.#exchange = exchange;
    if (this.#isPaused) exchange.pause();
    if (this.#held !== undefined) this.#flush(exchange, this.#held);
    if (this.#trailers !== undefined && !this.#isOver) exchange.end(this.#trailers);
  }

  #flush(exchange: ClientExchange, held: readonly Buffer[]): void {
    this.#held = undefined;
    let hasRoom = true;
    for (const chunk of held) {
      if (this.#isOver) return;
      hasRoom = exchange.write(chunk);
    }
    if (hasRoom && this.#trailers === undefined && !this.#isOver) this.receiver.drained();
  }

  write(chunk: Buffer): boolean {
    if (this.#exchange !== undefined) return this.#exchange.write(chunk);
    if (this.#isOver) return true;
    if (this.#held === undefined) this.#held = [chunk];
    else this.#held.push(chunk);
    return false;
  }

  end(trailers: FieldLines): void {
    this.#trailers = trailers;
    if (this.#exchange === undefined) return;
    if (this.#latency === undefined) this.#sentAt = this.#clock.monotonic();
    this.#exchange.end(trailers);
  }

  pause(): void {
    this.#isPaused = true;
    this.#exchange?.pause();
  }

  resume(): void {
    this.#isPaused = false;
    this.#exchange?.resume();
  }

  /** After the end of the response: the rest of the request will not come. */
  abort(): void {
    const isSent = !this.#hasBody || this.#trailers !== undefined;
    if (this.#isOver && isSent) return;
    this.#isOver = true;
    if (this.#exchange === undefined) this.waitingRoom?.cancel(this);
    else this.#exchange.abort();
    this.#close(cancelled);
  }

  settle(outcome: AttemptOutcome): void {
    this.#close(outcomeOf(outcome));
  }

  /** Balancing hears the first that is said. */
  #close(outcome: Outcome): void {
    const lease = this.#lease;
    if (lease === undefined || !lease.isOpen) return;
    lease.settle(outcome, this.#latency, this.#clock.monotonic());
    this.#counter?.settled();
  }

  /** The response's head came. */
  answered(status: number): void {
    this.#status = status;
    this.#latency = this.#clock.monotonic() - this.#sentAt;
  }

  /** Nothing more comes; counts what is known unless its owner has said more. */
  finished(why: Failure | undefined): void {
    this.#isOver = true;
    this.#close(
      outcomeOf(
        why === undefined
          ? { type: 'response', status: this.#status, grpcStatus: undefined }
          : { type: 'failure', why },
      ),
    );
  }
}

/** The response's way: an attempt and its answer both have an `end`. */
class Answer implements ResponseReceiver {
  readonly #attempt: PooledAttempt;
  readonly #receiver: AttemptReceiver;

  constructor(attempt: PooledAttempt) {
    this.#attempt = attempt;
    this.#receiver = attempt.receiver;
  }

  informational(status: number, fields: FieldLines): void {
    if (!this.#attempt.isOver) this.#receiver.informational(status, fields);
  }

  head(head: ResponseHead, ended: boolean): void {
    if (this.#attempt.isOver) return;
    this.#attempt.answered(head.status);
    this.#receiver.head(head, ended);
    if (ended) this.#attempt.finished(undefined);
  }

  upgraded(head: ResponseHead, tunnel: Tunnel): void {
    if (this.#attempt.isOver) {
      tunnel.abort();
      return;
    }
    this.#attempt.answered(head.status);
    this.#receiver.upgraded(head, tunnel);
  }

  data(chunk: Buffer): void {
    if (!this.#attempt.isOver) this.#receiver.data(chunk);
  }

  end(trailers: FieldLines): void {
    if (this.#attempt.isOver) return;
    this.#receiver.end(trailers);
    this.#attempt.finished(undefined);
  }

  fail(why: Failure): void {
    if (this.#attempt.isOver) return;
    this.#receiver.fail(why);
    this.#attempt.finished(why);
  }

  drained(): void {
    if (!this.#attempt.isOver) this.#receiver.drained();
  }
}

const cancelled: Outcome = { type: 'cancelled' };

/** What was not processed, or not wanted, says nothing about the endpoint. */
function outcomeOf(outcome: AttemptOutcome): Outcome {
  if (outcome.type === 'cancelled') return cancelled;
  if (outcome.type === 'response') {
    const { status, grpcStatus } = outcome;
    return { type: 'response', status: grpcStatus === undefined || status !== 200 ? status : statusOfGrpc(grpcStatus) };
  }
  switch (outcome.why) {
    case 'connect-failure':
    case 'connect-timeout':
      return { type: outcome.why };
    case 'reset':
    case 'protocol-error':
      return { type: 'reset' };
    case 'timeout':
    case 'idle-timeout':
      return { type: 'timeout' };
    case 'reset-unsent':
    case 'cancelled':
    case 'overload':
      return cancelled;
  }
}
