import { Readable } from 'node:stream';
import type { Clock } from '../clock.js';
import { type Flow, type FlowFilter, type FlowHub, matchesFlow } from './flow.js';

/** How flows are written: a JSON object a line, or server-sent events (WHATWG HTML 9.2). */
export type FlowFormat = 'ndjson' | 'sse';

/** Stands where `lost` flows are missing from what this client gets; those that its filter would have hidden may be among them. */
export interface LostRecord {
  readonly event: 'lost';
  readonly lost: number;
}

export const flowTypes: Record<FlowFormat, string> = {
  ndjson: 'application/x-ndjson; charset=utf-8',
  sse: 'text/event-stream; charset=utf-8',
};

function show(format: FlowFormat, record: Flow | LostRecord): string {
  const json = JSON.stringify(record);
  if (format === 'ndjson') return `${json}\n`;
  return `event: ${record.event === 'lost' ? 'lost' : 'flow'}\ndata: ${json}\n\n`;
}

/** The last `limit` flows that match, and how many were lost since the agent's start when there are any. */
export function recentFlows(hub: FlowHub, filter: FlowFilter, limit: number, format: FlowFormat): Readable {
  const flows = limit === 0 ? [] : hub.recent(filter, limit);
  const lost = hub.lost();
  function* records(): Generator<string> {
    for (const flow of flows) yield show(format, flow);
    if (lost > 0) yield show(format, { event: 'lost', lost });
  }
  return Readable.from(records(), { objectMode: false });
}

const queueLength = 1024;
const heartbeatMs = 15_000;

/**
 * Flows as they happen, for one client. At most 1 024 wait for it: what comes while the queue is full is dropped, and a
 * {@link LostRecord} with the exact number stands in its place. Ends with `destroy()`.
 */
export class FlowStream extends Readable {
  readonly #hub: FlowHub;
  readonly #filter: FlowFilter;
  readonly #format: FlowFormat;
  readonly #queue: (Flow | LostRecord)[] = [];
  readonly #ends: (() => void)[];
  #dropped = 0;
  #hubLost: number;
  #wanted = false;

  constructor(hub: FlowHub, filter: FlowFilter, last: number, format: FlowFormat, clock: Clock) {
    super({ highWaterMark: 16 * 1024 });
    this.#hub = hub;
    this.#filter = filter;
    this.#format = format;
    this.#hubLost = hub.lost();
    if (last > 0) this.#queue.push(...hub.recent(filter, Math.min(last, queueLength)));
    this.#ends = [hub.subscribe((flows) => this.#take(flows)), clock.every(heartbeatMs, () => this.#beat())];
  }

  #take(flows: readonly Flow[]): void {
    const lost = this.#hub.lost();
    this.#dropped += lost - this.#hubLost;
    this.#hubLost = lost;
    for (const flow of flows) {
      if (!matchesFlow(this.#filter, flow)) continue;
      if (this.#queue.length + (this.#dropped > 0 ? 2 : 1) > queueLength) {
        this.#dropped += 1;
        continue;
      }
      this.#admitLoss();
      this.#queue.push(flow);
    }
    this.#flush();
  }

  #admitLoss(): void {
    if (this.#dropped === 0) return;
    this.#queue.push({ event: 'lost', lost: this.#dropped });
    this.#dropped = 0;
  }

  /** A comment line tells an idle SSE client, and every proxy between, that the stream lives. Lines of JSON have no comments. */
  #beat(): void {
    if (this.#format === 'sse' && this.#wanted && this.#queue.length === 0) this.push(': alive\n\n');
    this.#take([]);
  }

  #flush(): void {
    if (!this.#wanted) return;
    if (this.#queue.length === 0) this.#admitLoss();
    if (this.#queue.length === 0) return;
    let chunk = '';
    for (const record of this.#queue) chunk += show(this.#format, record);
    this.#queue.length = 0;
    this.#wanted = false;
    this.push(chunk);
  }

  override _read(): void {
    this.#wanted = true;
    this.#flush();
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    for (const end of this.#ends) end();
    done(error);
  }
}
