import type { Clock } from '../../clock.js';
import { compileTable, matchHttp } from '../../compile/route.js';
import type { ClientPod, Snapshot } from '../../compile/snapshot.js';
import type { ServerExchange } from '../exchange.js';
import type { Upstreams } from '../upstream/attempt.js';
import { addresseeOf } from './addressee.js';
import { Call } from './call.js';
import { Deadlines } from './deadlines.js';
import { noCluster, noRoute, plainAnswer } from './local-answer.js';
import type { LoggedRequest, ProxyLoad, ProxyParts } from './parts.js';
import { ReceivedRequest } from './received.js';
import { defaultPlanOf, planOf } from './rule-plan.js';

export interface ProxyOptions {
  readonly upstreams: Upstreams;
  /** What requests that begin now are served by. */
  readonly snapshot: () => Snapshot;
  readonly clock: Clock;
  /** In [0, 1). */
  readonly random: () => number;
  /** Called once for each request, when it has ended. */
  readonly onRecord: (record: LoggedRequest) => void;
}

const noLoad: ProxyLoad = {
  requests: 0,
  delayed: 0,
  mirrored: 0,
  delaysSkipped: 0,
  mirrorsSkipped: 0,
  mirrorsCut: 0,
  keptBytes: 0,
  keepsSkipped: 0,
};

/** Finds the rule for each request and does what it says. */
export class HttpProxy {
  readonly #parts: ProxyParts;
  readonly #snapshot: () => Snapshot;

  constructor({ upstreams, snapshot, clock, random, onRecord }: ProxyOptions) {
    const load = { ...noLoad };
    this.#parts = { upstreams, clock, random, deadlines: new Deadlines(clock), onRecord, load };
    this.#snapshot = snapshot;
  }

  /** Requests that have not ended, and how often a bound was hit. */
  get load(): Readonly<ProxyLoad> {
    return this.#parts.load;
  }

  onRequest(exchange: ServerExchange): void {
    const { downstream, head } = exchange;
    const snapshot = this.#snapshot();
    const client: ClientPod | undefined = downstream.pod === '' ? undefined : snapshot.clients[downstream.pod];
    const addressee = addresseeOf(snapshot, downstream, head, client);
    const request = new ReceivedRequest(head, addressee.port);
    const call = new Call(this.#parts, exchange, snapshot, request, client);
    if (head.method === 'CONNECT' && head.upgrade === '') {
      call.answer(plainAnswer(405, '', ''));
      return;
    }
    switch (addressee.type) {
      case 'gone':
        call.answer(noCluster);
        return;
      case 'unknown':
        call.answer(noRoute);
        return;
      case 'https-redirect':
        call.answer(plainAnswer(301, '', '', ['location', `https://${head.authority}${head.target}`]));
        return;
      case 'table': {
        const verdict = matchHttp(compileTable(addressee.table), request, addressee.client);
        if (verdict.type === 'rule') call.follow(planOf(verdict.rule, this.#parts.random), verdict.match);
        else if (verdict.type === 'default' && addressee.target !== undefined) {
          call.follow(defaultPlanOf(addressee.target), undefined);
        } else call.answer(noRoute);
      }
    }
  }
}
