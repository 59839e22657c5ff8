import { connect } from 'node:net';
import { createInterface } from 'node:readline';
import { type Clock, systemClock } from '../clock.js';
import type { Lap } from './phases.js';
import {
  type ClientMessage,
  type ClientOrder,
  type ClientPlan,
  type Request,
  readAnswer,
  type Target,
} from './request.js';

/*
 * The demo's client, a process of its own: sends requests at a steady rate, each over a new connection, and reports
 * how each went. The plan is its argument, as JSON.
 */

/** How often requests are begun and results are reported, in ms. */
const pace = 4;
const reportPace = 50;
/** Requests that are due longer than this, in ms, are left out instead of sent in a burst. */
const mostLag = 250;

class Client {
  readonly #plan: ClientPlan;
  readonly #clock: Clock;
  readonly #write: (message: ClientMessage) => void;
  #lap: Lap | null = null;
  #begun = 0;
  #skipped = 0;
  #start = 0;
  readonly #inflight = new Map<Lap, number>();
  /** The lap was ordered and waits for earlier requests to end. */
  #awaited = false;
  #results: Request[] = [];

  constructor(plan: ClientPlan, clock: Clock, write: (message: ClientMessage) => void) {
    this.#plan = plan;
    this.#clock = clock;
    this.#write = write;
    clock.every(reportPace, () => this.#report());
  }

  /** From here on requests belong to `lap`. The first lap begins them. */
  order(lap: Lap): void {
    if (this.#lap === null) {
      this.#start = this.#clock.monotonic();
      this.#clock.every(pace, () => this.#begin());
    }
    this.#lap = lap;
    this.#awaited = true;
    this.#acknowledge();
  }

  #begin(): void {
    const { rate, limit, targets } = this.#plan;
    const due = Math.floor(((this.#clock.monotonic() - this.#start) * rate) / 1000);
    const most = Math.ceil((rate * mostLag) / 1000);
    this.#skipped = Math.max(this.#skipped, due - this.#begun - most);
    let open = [...this.#inflight.values()].reduce((sum, count) => sum + count, 0);
    for (; this.#begun + this.#skipped < due && open < limit; open++) {
      this.#request(targets[this.#begun % targets.length]!, this.#lap!);
      this.#begun++;
    }
  }

  #request(target: Target, lap: Lap): void {
    const { service, address, port, path } = target;
    const start = this.#clock.monotonic();
    const chunks: Buffer[] = [];
    let failure = '';
    this.#inflight.set(lap, (this.#inflight.get(lap) ?? 0) + 1);
    const socket = connect({ host: address, port });
    socket.setTimeout(this.#plan.timeout, () => {
      failure = 'timeout';
      socket.destroy();
    });
    socket.on('data', (chunk) => chunks.push(chunk));
    socket.on('error', (error: NodeJS.ErrnoException) => {
      failure = error.code ?? error.message;
    });
    socket.on('close', () => {
      const answer = failure === '' ? readAnswer(Buffer.concat(chunks).toString('latin1')) : { failure };
      const latency = Math.round((this.#clock.monotonic() - start) * 1000) / 1000;
      this.#results.push({ service, lap, backend: '', failure: '', latency, ...answer });
      this.#inflight.set(lap, this.#inflight.get(lap)! - 1);
      this.#acknowledge();
    });
    socket.write(`GET ${path} HTTP/1.1\r\nHost: ${service}\r\nConnection: close\r\n\r\n`);
  }

  #acknowledge(): void {
    if (!this.#awaited || this.#lap === null) return;
    for (const [lap, count] of this.#inflight) if (lap !== this.#lap && count > 0) return;
    this.#awaited = false;
    this.#report();
    this.#write({ lap: this.#lap });
  }

  #report(): void {
    if (this.#results.length === 0) return;
    const requests = this.#results;
    this.#results = [];
    this.#write({ requests });
  }
}

const plan = JSON.parse(process.argv[2] ?? '') as ClientPlan;
const client = new Client(plan, systemClock, (message) => process.stdout.write(`${JSON.stringify(message)}\n`));
const orders = createInterface({ input: process.stdin });
orders.on('line', (line) => client.order((JSON.parse(line) as ClientOrder).lap));
orders.on('close', () => process.exit(0));
process.stdout.on('error', () => process.exit(0));
