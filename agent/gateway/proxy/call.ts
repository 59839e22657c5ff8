import type { ClusterEndpoint } from '../../balance/cluster.js';
import type { ClientPod, Fault, HttpMatch, Snapshot } from '../../compile/snapshot.js';
import type { BodyReceiver, Downstream, FieldLines, ServerExchange } from '../exchange.js';
import type { Deadline } from './deadlines.js';
import { Dispatch } from './dispatch.js';
import { abortOf, delayOf } from './fault.js';
import { applyChange, type CompiledChange } from './header-change.js';
import type { FormatContext } from './header-format.js';
import { type LocalAnswer, plainAnswer, sendAnswer } from './local-answer.js';
import { locationOf } from './location.js';
import { mostDelayed, type ProxyParts } from './parts.js';
import type { ReceivedRequest } from './received.js';
import { recordOf } from './record-of.js';
import { RequestBody } from './request-body.js';
import { requestId } from './request-id.js';
import { routeOf } from './route.js';
import type { RoutePlan, RulePlan } from './rule-plan.js';

const noChanges: readonly CompiledChange[] = [];

/** One request, from its head to its record. */
export class Call implements BodyReceiver {
  readonly parts: ProxyParts;
  readonly exchange: ServerExchange;
  readonly downstream: Downstream;
  readonly snapshot: Snapshot;
  readonly request: ReceivedRequest;
  /** Undefined for traffic from outside. */
  readonly client: ClientPod | undefined;
  readonly requestId: string;
  readonly body: RequestBody;
  /** ms, wall and monotonic. */
  readonly startedMs: number;
  readonly started: number;
  plan: RulePlan | undefined;
  match: HttpMatch | undefined;
  /** Key; empty before one is chosen. */
  cluster = '';
  endpoint: ClusterEndpoint | undefined;
  attempts = 0;
  requestBytes = 0;
  upstreamMs = 0;
  /** Envoy's response flags, comma-separated. */
  flags = '';
  isOver = false;
  #corsOrigin = '';
  #dispatch: Dispatch | undefined;
  #delay: Deadline | undefined;
  #isReceiving = false;
  #isHeld = false;

  constructor(
    parts: ProxyParts,
    exchange: ServerExchange,
    snapshot: Snapshot,
    request: ReceivedRequest,
    client: ClientPod | undefined,
  ) {
    this.parts = parts;
    this.exchange = exchange;
    this.downstream = exchange.downstream;
    this.snapshot = snapshot;
    this.request = request;
    this.client = client;
    this.body = new RequestBody(parts.load);
    this.startedMs = parts.clock.now();
    this.started = parts.clock.monotonic();
    const isTrusted = exchange.downstream.origin === 'mesh' && request.requestId !== '';
    this.requestId = isTrusted ? request.requestId : requestId(parts.random);
    const { length, upgrade } = request.head;
    if (length === 0 || (length === undefined && upgrade !== '')) this.body.end([]);
    parts.load.requests++;
  }

  /** Does with the request what its rule says: first faults, then CORS, then the action. */
  follow(plan: RulePlan, match: HttpMatch | undefined): void {
    this.plan = plan;
    this.match = match;
    const fault = plan.rule?.fault;
    if (fault === undefined) this.#act(plan);
    else this.#disturb(plan, fault);
  }

  #disturb(plan: RulePlan, fault: Fault): void {
    const { load, random, deadlines } = this.parts;
    const ms = delayOf(fault, random);
    const abort = abortOf(fault, random);
    const goOn = () => {
      if (abort === undefined) this.#act(plan);
      else this.answer(abort);
    };
    if (ms === 0 || load.delayed >= mostDelayed) {
      if (ms > 0) load.delaysSkipped++;
      goOn();
      return;
    }
    this.addFlag('DI');
    load.delayed++;
    this.#delay = deadlines.after(ms, () => {
      this.#endDelay();
      goOn();
    });
    this.holdBody();
    this.#receive();
  }

  #endDelay(): void {
    if (this.#delay === undefined) return;
    this.#delay.cancel();
    this.#delay = undefined;
    this.parts.load.delayed--;
  }

  #act(plan: RulePlan): void {
    const { action, cors } = plan;
    const decision = cors?.decide(this.request);
    if (decision?.type === 'answer') {
      this.answer(plainAnswer(200, '', '', decision.fields));
      return;
    }
    this.#corsOrigin = decision?.origin ?? '';
    if (action.type === 'redirect') {
      const location = locationOf(action, this.match, this.request);
      this.answer(plainAnswer(action.status, '', '', ['location', location]), plan.response);
    } else if (action.type === 'direct') {
      const body = Buffer.from(action.body, 'base64');
      const type = body.length > 0 && action.contentType !== '' ? ['content-type', action.contentType] : [];
      this.answer({ ...plainAnswer(action.status, '', '', type), body }, plan.response);
    } else this.#forward(action);
  }

  #forward(action: RoutePlan): void {
    const route = routeOf(this, action);
    if ('status' in route) {
      this.answer(route);
      return;
    }
    const dispatch = new Dispatch(this, route);
    this.#dispatch = dispatch;
    dispatch.begin();
    if (this.isOver || this.#isReceiving) return;
    if (this.request.head.expectContinue) this.exchange.informational(100, []);
    this.#receive();
  }

  #receive(): void {
    this.#isReceiving = true;
    this.exchange.receive(this);
  }

  /** No more of the request's body, for now. */
  holdBody(): void {
    if (this.#isHeld || this.body.isEnded) return;
    this.#isHeld = true;
    this.exchange.pause();
  }

  releaseBody(): void {
    if (!this.#isHeld) return;
    this.#isHeld = false;
    this.exchange.resume();
  }

  /** Answers the request here; nothing has been answered yet. `changes`: to the response's head. */
  answer(answer: LocalAnswer, changes: readonly CompiledChange[] = noChanges): void {
    if (this.isOver) return;
    const fields = [...answer.fields];
    for (const change of changes) applyChange(change, fields, this.formatContext(fields));
    this.markCors(fields);
    if (answer.flags !== '') this.addFlag(answer.flags);
    const { status, grpcStatus, bytes } = sendAnswer({ ...answer, fields }, this.request, this.exchange);
    this.finish(status, grpcStatus, bytes);
  }

  markCors(fields: FieldLines): void {
    if (this.#corsOrigin !== '') this.plan?.cors?.mark(this.#corsOrigin, fields);
  }

  addFlag(flag: string): void {
    this.flags = this.flags === '' ? flag : `${this.flags},${flag}`;
  }

  formatContext(response: FieldLines | undefined): FormatContext {
    const { downstream, endpoint } = this;
    return {
      request: this.request,
      response,
      remoteAddress: downstream.address,
      remotePort: downstream.port,
      localPort: this.request.port,
      upstreamHost: endpoint === undefined ? '' : `${endpoint.address}:${endpoint.port}`,
      cluster: this.cluster,
      rule: this.plan?.rule?.name ?? '',
      startedMs: this.startedMs,
      sni: downstream.tls?.sni ?? '',
    };
  }

  data(chunk: Buffer): void {
    if (this.isOver) return;
    this.requestBytes += chunk.length;
    if (this.#dispatch === undefined) this.body.keep(chunk);
    else this.#dispatch.requestData(chunk);
  }

  end(trailers: FieldLines): void {
    if (this.isOver || this.body.isEnded) return;
    if (this.#dispatch === undefined) this.body.end(trailers);
    else this.#dispatch.requestEnd(trailers);
  }

  /** The client is gone. */
  fail(): void {
    if (this.isOver) return;
    if (this.#dispatch !== undefined) {
      this.#dispatch.clientGone();
      return;
    }
    this.addFlag('DC');
    this.finish(0, undefined, 0);
  }

  drained(): void {
    if (!this.isOver) this.#dispatch?.responseDrained();
  }

  /** `status`: 0 when none was sent. */
  finish(status: number, grpcStatus: number | undefined, responseBytes: number): void {
    if (this.isOver) return;
    this.isOver = true;
    this.#endDelay();
    this.body.forget();
    this.parts.load.requests--;
    this.parts.onRecord(recordOf(this, status, grpcStatus, responseBytes));
  }
}
