import { lookup, Resolver } from 'node:dns/promises';
import type { Clock } from '../../clock.js';

export interface Answer {
  /** IPv4 ones where there are any, else IPv6 ones; sorted. */
  readonly addresses: readonly string[];
  readonly ttlMs: number;
}

/** Asks for the addresses of a name; rejects when there is no answer. */
export type Resolve = (name: string) => Promise<Answer>;

/** An answer is asked for again after its time to live, at most and at least this often, ms. */
const longestMs = 30_000;
const shortestMs = 1000;
/** After a failure, ms. */
const retryMs = 5000;

interface Name {
  addresses: readonly string[] | undefined;
  dueAt: number;
  isAsked: boolean;
  hasFailed: boolean;
}

/** Keeps the addresses of the DNS names of clusters fresh; the last good answer stays while there is no better one. */
export class NameTable {
  readonly #resolve: Resolve;
  readonly #clock: Clock;
  readonly #changed: (name: string) => void;
  readonly #names = new Map<string, Name>();

  /** `changed`: a name has other addresses than before, or its first failure. */
  constructor(resolve: Resolve, clock: Clock, changed: (name: string) => void) {
    this.#resolve = resolve;
    this.#clock = clock;
    this.#changed = changed;
  }

  /** The names to keep; others are forgotten. */
  watch(names: Iterable<string>): void {
    const wanted = new Set(names);
    for (const name of this.#names.keys()) if (!wanted.has(name)) this.#names.delete(name);
    for (const name of wanted) this.addressesOf(name);
  }

  /** Undefined: not known yet, and asked for. Empty: there are none, as far as is known. */
  addressesOf(name: string): readonly string[] | undefined {
    let known = this.#names.get(name);
    if (known === undefined) {
      known = { addresses: undefined, dueAt: 0, isAsked: false, hasFailed: false };
      this.#names.set(name, known);
      this.#ask(name, known);
    }
    return known.addresses ?? (known.hasFailed ? [] : undefined);
  }

  /** Asks again where it is time. */
  refresh(): void {
    const now = this.#clock.monotonic();
    for (const [name, known] of this.#names) if (!known.isAsked && now >= known.dueAt) this.#ask(name, known);
  }

  #ask(name: string, known: Name): void {
    known.isAsked = true;
    this.#resolve(name).then(
      (answer) => this.#answered(name, known, answer),
      () => this.#failed(name, known),
    );
  }

  #answered(name: string, known: Name, answer: Answer): void {
    if (answer.addresses.length === 0) {
      this.#failed(name, known);
      return;
    }
    const before = known.addresses?.join();
    known.isAsked = false;
    known.dueAt = this.#clock.monotonic() + Math.min(Math.max(answer.ttlMs, shortestMs), longestMs);
    known.addresses = answer.addresses;
    if (before !== answer.addresses.join() && this.#names.get(name) === known) this.#changed(name);
  }

  #failed(name: string, known: Name): void {
    const isFirst = known.addresses === undefined && !known.hasFailed;
    known.isAsked = false;
    known.hasFailed = true;
    known.dueAt = this.#clock.monotonic() + retryMs;
    if (isFirst && this.#names.get(name) === known) this.#changed(name);
  }
}

/** By the node's name servers, with their time to live; names that these do not know by the node's own ways (/etc/hosts). */
export async function resolveName(name: string): Promise<Answer> {
  const resolver = new Resolver({ timeout: 2000, tries: 2 });
  for (const ask of [() => resolver.resolve4(name, { ttl: true }), () => resolver.resolve6(name, { ttl: true })]) {
    const records = await ask().catch(() => []);
    if (records.length === 0) continue;
    const ttl = records.reduce((least, record) => Math.min(least, record.ttl), Number.POSITIVE_INFINITY);
    return { addresses: records.map((record) => record.address).sort(), ttlMs: ttl * 1000 };
  }
  const found = await lookup(name, { all: true });
  const family = found.some((each) => each.family === 4) ? 4 : 6;
  const addresses = found.filter((each) => each.family === family).map((each) => each.address);
  return { addresses: [...new Set(addresses)].sort(), ttlMs: retryMs };
}
