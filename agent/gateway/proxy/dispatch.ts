import type { ClusterEndpoint } from '../../balance/cluster.js';
import type { Failure, FieldLines, ResponseHead, Tunnel } from '../exchange.js';
import type { AttemptQuery, Refusal } from '../upstream/attempt.js';
import type { Call } from './call.js';
import { grpcStatusIn } from './grpc.js';
import { failureAnswer, type LocalAnswer, refusalAnswer, timedOut } from './local-answer.js';
import type { MirroredRequest } from './mirror.js';
import { withAttemptCount } from './outgoing.js';
import { type AttemptFailure, unprocessedRetries } from './retry-policy.js';
import { returnFields } from './returning.js';
import { mirrorsOf, type Route } from './route.js';
import { type TimerName, Timers } from './timers.js';
import { Try, type TryOwner } from './try.js';
import { TunnelPair } from './tunnel.js';

const tunnelFlags = { client: 'DC', backend: 'UC', silence: 'SI' } as const;

/** A request under way to backends: attempts, retries, timeouts, and the stream of both bodies. */
export class Dispatch implements TryOwner {
  readonly #call: Call;
  readonly #route: Route;
  #current: Try | undefined;
  #mirrors: MirroredRequest[] = [];
  #responded = false;
  #status = 0;
  #grpcStatus: number | undefined;
  #responseBytes = 0;
  #retries = 0;
  #holdsRetry = false;
  #lastFailure: LocalAnswer | undefined;
  #tried: string[] = [];
  #attemptStarted = 0;
  #timers: Timers | undefined;
  #isTunnel = false;

  constructor(call: Call, route: Route) {
    this.#call = call;
    this.#route = route;
  }

  begin(): void {
    const { deadlineMs } = this.#route;
    if (deadlineMs !== undefined) this.#startTimer('deadline', deadlineMs, () => this.#timeOut());
    if (this.#call.body.isEnded) this.#startWholeTimeout();
    if (this.#route.destination.mirrors.length > 0) this.#mirror();
    this.#attempt(false);
  }

  /** What has come of the body so far goes to the mirrors too. */
  #mirror(): void {
    this.#mirrors = mirrorsOf(this.#call, this.#route);
    for (const mirror of this.#mirrors) if (!this.#call.body.isEmpty) this.#call.body.copyTo(mirror);
  }

  #attempt(isRetry: boolean): void {
    const call = this.#call;
    const { body, parts } = call;
    const { cluster, head, hash } = this.#route;
    const attempts = ++call.attempts;
    this.#attemptStarted = parts.clock.monotonic();
    const query: AttemptQuery = {
      snapshot: call.snapshot,
      cluster: cluster.key,
      downstream: call.downstream,
      client: call.client,
      head: attempts === 1 ? head : withAttemptCount(head, attempts),
      hash: hash.hash,
      tried: this.#tried,
      isRetry,
    };
    const isBodiless = body.isEmpty;
    const one = new Try(this, isBodiless);
    this.#current = one;
    one.bind(parts.upstreams.begin(query, isBodiless, one));
    if (this.#current !== one || call.isOver) return;
    if (isBodiless) this.#startTryTimeout();
    else {
      if (body.sendTo(one)) call.releaseBody();
      else call.holdBody();
      if (body.isEnded) this.#startTryTimeout();
    }
  }

  #startTimer(name: TimerName, ms: number, expire: () => void): void {
    this.#timers ??= new Timers(this.#call.parts.deadlines);
    this.#timers.start(name, ms, expire);
  }

  #startWholeTimeout(): void {
    const { timeoutMs } = this.#route.plan;
    if (timeoutMs !== undefined) this.#startTimer('whole', timeoutMs, () => this.#timeOut());
  }

  #startTryTimeout(): void {
    const ms = this.#route.plan.retries?.perTryTimeoutMs;
    if (ms === undefined || this.#current === undefined || this.#responded) return;
    const one = this.#current;
    this.#startTimer('try', ms, () => {
      one.abort({ type: 'failure', why: 'timeout' });
      this.#attemptFailed('timeout');
    });
  }

  #timeOut(): void {
    this.#stop({ type: 'failure', why: 'timeout' });
    if (this.#responded) this.#breakOff('UT', 'cancelled');
    else this.#call.answer(timedOut);
  }

  /** Of the request's body. */
  requestData(chunk: Buffer): void {
    this.#call.body.keep(chunk);
    for (const mirror of this.#mirrors) mirror.send(chunk);
    if (this.#current !== undefined && !this.#current.send(chunk)) this.#call.holdBody();
  }

  requestEnd(trailers: FieldLines): void {
    this.#call.body.end(trailers);
    for (const mirror of this.#mirrors) mirror.sendEnd(trailers);
    this.#startWholeTimeout();
    this.#startTryTimeout();
    this.#current?.sendEnd(trailers);
  }

  /** What was written to the client has drained. */
  responseDrained(): void {
    this.#current?.resume();
  }

  clientGone(): void {
    if (this.#isTunnel) return;
    this.#stop({ type: 'cancelled' });
    for (const mirror of this.#mirrors) mirror.abort();
    this.#call.addFlag('DC');
    this.#finish();
  }

  chosen(endpoint: ClusterEndpoint): void {
    this.#call.endpoint = endpoint;
  }

  refused(why: Refusal): void {
    this.#current = undefined;
    this.#cancelTimers();
    this.#call.answer(this.#lastFailure ?? refusalAnswer(why));
  }

  informational(status: number, fields: FieldLines): void {
    if (!this.#responded && status !== 100) this.#call.exchange.informational(status, fields);
  }

  failed(one: Try, why: Failure): void {
    one.settle({ type: 'failure', why });
    if (!this.#responded) this.#attemptFailed(why);
    else this.#breakOff(why === 'protocol-error' ? 'UPE' : 'UC', why === 'protocol-error' ? why : 'reset');
  }

  #attemptFailed(why: AttemptFailure): void {
    this.#timers?.cancel('try');
    const { retries } = this.#route.plan;
    const isWanted = retries?.wantsAfterFailure(why, this.#route.head.method) ?? false;
    this.#lastFailure = failureAnswer(why, this.#call.attempts > 1);
    if (this.#retry(isWanted, unprocessedRetries(why))) return;
    this.#current = undefined;
    this.#cancelTimers();
    this.#call.answer(this.#lastFailure);
  }

  /** True: another attempt was made or will be. `atOnce`: how many attempts may follow at once because it is sure that the backend did nothing. */
  #retry(isWanted: boolean, atOnce: number): boolean {
    const call = this.#call;
    const { retries } = this.#route.plan;
    if (!call.body.canReplay) return false;
    const address = this.#current?.address ?? '';
    if (call.attempts <= atOnce) {
      if (address !== '') this.#tried.push(address);
      this.#attempt(true);
      return true;
    }
    if (isWanted && retries !== undefined && this.#retries < retries.attempts && this.#takeRetry()) {
      if (retries.ignorePreviousHosts && address !== '') this.#tried.push(address);
      this.#retries++;
      this.#current = undefined;
      call.holdBody();
      const ms = retries.backoffMs(this.#retries, call.parts.random);
      this.#startTimer('backoff', ms, () => this.#attempt(true));
      return true;
    }
    if (isWanted && retries !== undefined && retries.attempts > 0)
      call.addFlag(this.#retries < retries.attempts ? 'UO' : 'URX');
    return false;
  }

  #takeRetry(): boolean {
    this.#giveRetryBack();
    const { snapshot, client, parts } = this.#call;
    this.#holdsRetry = parts.upstreams.beginRetry({ snapshot, client, cluster: this.#route.cluster.key });
    return this.#holdsRetry;
  }

  #giveRetryBack(): void {
    if (this.#holdsRetry) this.#call.parts.upstreams.endRetry(this.#route.cluster.key);
    this.#holdsRetry = false;
  }

  answered(one: Try, head: ResponseHead, ended: boolean): void {
    const call = this.#call;
    const grpcStatus = call.request.isGrpc ? grpcStatusIn(head.fields) : undefined;
    const { retries } = this.#route.plan;
    if (retries?.wantsAfterHead(head.status, grpcStatus, head.fields) && this.#retry(true, 0)) {
      this.#timers?.cancel('try');
      one.settle({ type: 'response', status: head.status, grpcStatus });
      one.discard(head, ended);
      return;
    }
    this.#grpcStatus = grpcStatus;
    this.#respond(head);
    call.exchange.respond(head, ended);
    if (ended) this.#complete(one);
  }

  /** What is the same for responses and tunnels: nothing is tried again, and the head is made the client's. */
  #respond(head: ResponseHead): void {
    const call = this.#call;
    this.#responded = true;
    this.#status = head.status;
    this.#timers?.cancel('try');
    this.#giveRetryBack();
    call.body.forget();
    call.upstreamMs = call.parts.clock.monotonic() - this.#attemptStarted;
    returnFields(call, this.#route, head.fields);
  }

  responseData(one: Try, chunk: Buffer): void {
    this.#responseBytes += chunk.length;
    if (!this.#call.exchange.write(chunk)) one.pause();
  }

  responseEnd(one: Try, trailers: FieldLines): void {
    if (trailers.length > 0 && this.#call.request.isGrpc) this.#grpcStatus = grpcStatusIn(trailers) ?? this.#grpcStatus;
    this.#call.exchange.end(trailers);
    this.#complete(one);
  }

  upgraded(one: Try, head: ResponseHead, tunnel: Tunnel): void {
    const call = this.#call;
    this.#respond(head);
    this.#cancelTimers();
    this.#isTunnel = true;
    const { clock, deadlines } = call.parts;
    const pair = new TunnelPair(
      call.exchange.upgrade(head),
      tunnel,
      clock,
      deadlines,
      (fromClient, toClient, broken) => {
        one.settle({ type: 'response', status: head.status, grpcStatus: undefined });
        call.requestBytes += fromClient;
        this.#responseBytes += toClient;
        if (broken !== undefined) call.addFlag(tunnelFlags[broken]);
        this.#finish();
      },
    );
    pair.begin();
  }

  requestDrained(): void {
    this.#call.releaseBody();
  }

  #complete(one: Try): void {
    one.settle({ type: 'response', status: this.#status, grpcStatus: this.#grpcStatus });
    this.#finish();
  }

  /** After the response's head was sent. */
  #breakOff(flag: string, why: Failure): void {
    this.#call.addFlag(flag);
    this.#call.exchange.abort(why);
    this.#finish();
  }

  #stop(outcome: Parameters<Try['abort']>[0]): void {
    this.#current?.abort(outcome);
    this.#current = undefined;
    this.#cancelTimers();
  }

  #cancelTimers(): void {
    this.#timers?.cancelAll();
    this.#giveRetryBack();
  }

  #finish(): void {
    this.#current = undefined;
    this.#cancelTimers();
    this.#call.finish(this.#status, this.#grpcStatus, this.#responseBytes);
  }
}
