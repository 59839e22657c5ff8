import type { ClusterEndpoint } from '../../../agent/balance/cluster.js';
import type {
  BodyReceiver,
  Downstream,
  Failure,
  FieldLines,
  RequestHead,
  ResponseHead,
  ServerExchange,
  Tunnel,
} from '../../../agent/gateway/exchange.js';
import type {
  Attempt,
  AttemptOutcome,
  AttemptQuery,
  AttemptReceiver,
  Refusal,
  Upstreams,
} from '../../../agent/gateway/upstream/attempt.js';

export class FakeTunnel implements Tunnel {
  receiver: BodyReceiver | undefined;
  isPaused = false;
  readonly written: string[] = [];
  isEnded = false;
  isAborted = false;
  /** What `write` says. */
  takes = true;

  receive(receiver: BodyReceiver): void {
    this.receiver = receiver;
  }
  pause(): void {
    this.isPaused = true;
  }
  resume(): void {
    this.isPaused = false;
  }
  write(chunk: Buffer): boolean {
    this.written.push(chunk.toString());
    return this.takes;
  }
  end(): void {
    this.isEnded = true;
  }
  abort(): void {
    this.isAborted = true;
  }
}

/** A request whose client is the test. */
export class FakeExchange implements ServerExchange {
  readonly downstream: Downstream;
  readonly head: RequestHead;
  receiver: BodyReceiver | undefined;
  isPaused = false;
  readonly informationals: number[] = [];
  response: ResponseHead | undefined;
  body = '';
  trailers: FieldLines | undefined;
  isEnded = false;
  aborted: Failure | undefined;
  takes = true;
  tunnel: FakeTunnel | undefined;

  constructor(head: RequestHead, downstream: Downstream) {
    this.head = head;
    this.downstream = downstream;
  }

  receive(receiver: BodyReceiver): void {
    if (this.receiver !== undefined) throw new Error('a second receiver');
    this.receiver = receiver;
    if (this.head.length === 0) receiver.end([]);
  }
  pause(): void {
    this.isPaused = true;
  }
  resume(): void {
    this.isPaused = false;
  }
  informational(status: number): void {
    this.informationals.push(status);
  }
  respond(head: ResponseHead, ended: boolean): void {
    this.#assertOpen();
    if (this.response !== undefined) throw new Error('a second response');
    this.response = head;
    this.isEnded = ended;
  }
  write(chunk: Buffer): boolean {
    this.#assertOpen();
    if (this.response === undefined) throw new Error('a body before its head');
    this.body += chunk.toString();
    return this.takes;
  }
  end(trailers: FieldLines): void {
    this.#assertOpen();
    this.trailers = trailers;
    this.isEnded = true;
  }
  abort(why: Failure): void {
    this.aborted = why;
  }
  upgrade(head: ResponseHead): Tunnel {
    this.response = head;
    this.tunnel = new FakeTunnel();
    return this.tunnel;
  }

  #assertOpen(): void {
    if (this.isEnded) throw new Error('the response has ended');
    if (this.aborted !== undefined) throw new Error('the exchange was aborted');
  }

  /** The value of a response's field; undefined without. */
  field(name: string): string | undefined {
    return valueIn(this.response?.fields ?? [], name);
  }
}

export function valueIn(fields: FieldLines, name: string): string | undefined {
  const values: string[] = [];
  for (let index = 0; index < fields.length; index += 2) {
    if (fields[index]!.toLowerCase() === name) values.push(fields[index + 1]!);
  }
  return values.length === 0 ? undefined : values.join(' | ');
}

/** An attempt whose backend is the test: `receiver` is what the backend talks to. */
export class FakeAttempt implements Attempt {
  readonly query: AttemptQuery;
  readonly hasNoBody: boolean;
  readonly receiver: AttemptReceiver;
  endpoint: ClusterEndpoint | undefined;
  body = '';
  trailers: FieldLines | undefined;
  isPaused = false;
  isAborted = false;
  readonly outcomes: AttemptOutcome[] = [];
  takes = true;

  constructor(query: AttemptQuery, hasNoBody: boolean, receiver: AttemptReceiver) {
    this.query = query;
    this.hasNoBody = hasNoBody;
    this.receiver = receiver;
  }

  write(chunk: Buffer): boolean {
    this.body += chunk.toString();
    return this.takes;
  }
  end(trailers: FieldLines): void {
    this.trailers = trailers;
  }
  pause(): void {
    this.isPaused = true;
  }
  resume(): void {
    this.isPaused = false;
  }
  abort(): void {
    this.isAborted = true;
  }
  settle(outcome: AttemptOutcome): void {
    this.outcomes.push(outcome);
  }

  /** A field of the request that came. */
  field(name: string): string | undefined {
    return valueIn(this.query.head.fields, name);
  }

  answer(status: number, fields: FieldLines = [], body = ''): void {
    this.receiver.head({ status, fields: [...fields], length: body.length }, body === '');
    if (body === '') return;
    this.receiver.data(Buffer.from(body));
    this.receiver.end([]);
  }
}

/** What happens within `begin`; undefined: nothing, the test goes on by itself. */
export type FirstMove = Refusal | Failure | undefined;

/** Endpoints are taken in turn, those that were tried last. */
export class FakeUpstreams implements Upstreams {
  readonly attempts: FakeAttempt[] = [];
  readonly moves: FirstMove[] = [];
  readonly endpoints: readonly ClusterEndpoint[];
  retriesAllowed = true;
  retriesHeld = 0;
  #next = 0;

  constructor(endpoints: readonly ClusterEndpoint[]) {
    this.endpoints = endpoints;
  }

  begin(query: AttemptQuery, ended: boolean, receiver: AttemptReceiver): Attempt {
    const attempt = new FakeAttempt(query, ended, receiver);
    this.attempts.push(attempt);
    const move = this.moves.shift();
    if (move === 'no-cluster' || move === 'no-healthy-upstream' || move === 'overflow') {
      receiver.refused(move);
      return attempt;
    }
    attempt.endpoint = this.#choose(query.tried);
    receiver.chosen(attempt.endpoint);
    if (move !== undefined) receiver.fail(move);
    return attempt;
  }

  #choose(tried: readonly string[]): ClusterEndpoint {
    const fresh = this.endpoints.filter(({ address, port }) => !tried.includes(`${address}:${port}`));
    const from = fresh.length > 0 ? fresh : this.endpoints;
    return from[this.#next++ % from.length]!;
  }

  get last(): FakeAttempt {
    const last = this.attempts.at(-1);
    if (last === undefined) throw new Error('nothing was sent');
    return last;
  }

  beginRetry(): boolean {
    if (this.retriesAllowed) this.retriesHeld++;
    return this.retriesAllowed;
  }
  endRetry(): void {
    this.retriesHeld--;
  }
  update(): void {}
  connect(): never {
    throw new Error('not for HTTP');
  }
  forget(): void {}
  states(): readonly [] {
    return [];
  }
  close(): void {}
}
