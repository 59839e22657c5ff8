import { connect } from 'node:net';
import { createInterface } from 'node:readline';
import { type Clock, systemClock } from '../clock.js';
import type { Lap } from './phases.js';
import {
  type Answer,
  type ClientMessage,
  type ClientOrder,
  type ClientPlan,
  type Request,
  readAnswer,
  type Target,
} from './request.js';

/*
 * A client of the demo, a process of its own: sends requests at a steady rate, each over a new connection, and reports
 * how each went. The plan is its argument, as JSON.
 */

/** How often requests are begun and results are reported, in ms. */
const pace = 4;
const reportPace = 50;
/** Requests that are due longer than this, in ms, are left out instead of sent in a burst. */
const mostLag = 250;

/** A target, and how many of its requests were begun and left out. */
interface Course {
  readonly target: Target;
  /** Part of the time between two requests by which the first one is late, 0…1: so that targets do not begin at once. */
  readonly delay: number;
  begun: number;
  skipped: number;
}

class Client {
  readonly #plan: ClientPlan;
  readonly #clock: Clock;
  readonly #write: (message: ClientMessage) => void;
  readonly #courses: readonly Course[];
  #lap: Lap | null = null;
  #start = 0;
  readonly #inflight = new Map<Lap, number>();
  /** The lap was ordered and waits for earlier requests to end. */
  #awaited = false;
  #results: Request[] = [];

  constructor(plan: ClientPlan, clock: Clock, write: (message: ClientMessage) => void) {
    this.#plan = plan;
    this.#clock = clock;
    this.#write = write;
    this.#courses = plan.targets.map((target, index) => {
      return { target, delay: index / plan.targets.length, begun: 0, skipped: 0 };
    });
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
    const seconds = (this.#clock.monotonic() - this.#start) / 1000;
    let open = [...this.#inflight.values()].reduce((sum, count) => sum + count, 0);
    for (const course of this.#courses) {
      const { rate } = course.target;
      const due = Math.floor(seconds * rate - course.delay);
      const most = Math.ceil((rate * mostLag) / 1000);
      course.skipped = Math.max(course.skipped, due - course.begun - most);
      for (; course.begun + course.skipped < due && open < this.#plan.limit; open++) {
        this.#request(course.target, this.#lap!);
        course.begun++;
      }
    }
  }

  #request(target: Target, lap: Lap): void {
    const { question, address, port, host, path, headers } = target;
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
      const answer: Answer =
        failure === ''
          ? readAnswer(Buffer.concat(chunks).toString('latin1'), target)
          : { backend: '', status: 0, failure };
      const latency = Math.round((this.#clock.monotonic() - start) * 1000) / 1000;
      this.#results.push({ question, from: this.#plan.from, lap, latency, ...answer });
      this.#inflight.set(lap, this.#inflight.get(lap)! - 1);
      this.#acknowledge();
    });
    const fields = { host, ...headers, connection: 'close' };
    const lines = Object.entries(fields).map(([name, value]) => `${name}: ${value}\r\n`);
    socket.write(`GET ${path} HTTP/1.1\r\n${lines.join('')}\r\n`);
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
