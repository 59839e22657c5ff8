import { Batch } from '../tables/batch.js';
import { FrontendKeySize, FrontendRowSize } from '../tables/layout.gen.js';
import { bytesOfRow, keyOfName } from './frontends.js';
import type { Store } from './store.js';

/** One row of `frontends`, there or wanted. */
interface Claim {
  /** The plan whose row it is. */
  owner: string | undefined;
  /** Plans that want it too, but come after the owner by name. */
  contenders: Set<string> | undefined;
  /** The text of the row that the store has; `unknown` after a write that failed. */
  written: string | undefined;
  /** Left by an earlier agent, and neither claimed nor pruned yet. */
  isFound: boolean;
}

const unknown = '';
const noBytes = new Uint8Array(0);

/**
 * Who has which address, port and protocol: the rows of `frontends`. Of several plans that claim a key the first by its Service's
 * name owns it, in whatever order they came, so that a restart changes nothing.
 */
export class Claims {
  readonly #capacity: number;
  /** By the name of the key. */
  readonly #claims = new Map<string, Claim>();
  /** To be looked at by `write`. */
  readonly #touched = new Map<string, Claim>();
  #owned = 0;
  #found = 0;

  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  /** Rows that a plan owns. */
  get owned(): number {
    return this.#owned;
  }

  /** A row that an earlier agent left. It stays until a plan claims its key, or `forgetFound`. */
  adopt(name: string, row: string): void {
    this.#claims.set(name, { owner: undefined, contenders: undefined, written: row, isFound: true });
    this.#found++;
  }

  /** Whether the row is an earlier agent's. */
  isFound(name: string): boolean {
    const claim = this.#claims.get(name);
    return claim?.isFound === true;
  }

  /** Found rows that nobody owns are to go. */
  forgetFound(): void {
    for (const [name, claim] of this.#claims) {
      if (!claim.isFound) continue;
      claim.isFound = false;
      this.#touched.set(name, claim);
    }
    this.#found = 0;
  }

  ownerOf(name: string): string | undefined {
    return this.#claims.get(name)?.owner;
  }

  /** Whether the rows fit in when the plan claims `wanted` and drops the rest of `held`. */
  hasRoom(plan: string, wanted: readonly string[], held: readonly string[]): boolean {
    let rows = this.#owned + this.#found;
    for (const name of wanted) {
      const claim = this.#claims.get(name);
      if (claim === undefined || (claim.owner === undefined && !claim.isFound)) rows++;
    }
    for (const name of held) {
      const claim = this.#claims.get(name);
      if (!wanted.includes(name) && claim?.owner === plan && !claim.contenders) rows--;
    }
    return rows <= this.#capacity;
  }

  /** The plan wants this key: it owns it from now on, or waits until those before it by name drop it. */
  claim(plan: string, name: string): void {
    let claim = this.#claims.get(name);
    if (!claim) {
      claim = { owner: undefined, contenders: undefined, written: undefined, isFound: false };
      this.#claims.set(name, claim);
    }
    this.#touched.set(name, claim);
    if (claim.owner === plan) return;
    const before = claim.owner;
    if (before !== undefined && inOrder(before, plan)) {
      this.#await(claim, plan);
      return;
    }
    this.#leave(claim, plan);
    this.#own(claim, plan);
    if (before !== undefined) this.#await(claim, before);
  }

  /** The plan does not want this key any more. */
  drop(plan: string, name: string): void {
    const claim = this.#claims.get(name);
    if (!claim) return;
    if (claim.owner !== plan) {
      this.#leave(claim, plan);
      return;
    }
    this.#touched.set(name, claim);
    this.#own(claim, undefined);
    let next: string | undefined;
    for (const contender of claim.contenders ?? []) if (!inOrder(next, contender)) next = contender;
    if (next === undefined) return;
    this.#leave(claim, next);
    this.#own(claim, next);
  }

  /** The rows as they should be; `rowOf` gives that of a plan. */
  desired(rowOf: (plan: string) => string): Batch {
    const batch = new Batch(FrontendKeySize, FrontendRowSize, this.#owned + 1);
    for (const [name, { owner }] of this.#claims)
      if (owner !== undefined) batch.addRow(keyOfName(name), bytesOfRow(rowOf(owner)));
    return batch;
  }

  /** Brings the claimed and dropped rows into the store, each with one write. Returns the rows written and removed. What fails is tried again by the next call. */
  write(store: Store, rowOf: (plan: string) => string): number {
    if (this.#touched.size === 0) return 0;
    const changed = new Batch(FrontendKeySize, FrontendRowSize);
    const removed = new Batch(FrontendKeySize, 0);
    for (const [name, claim] of this.#touched) {
      if (claim.owner !== undefined) {
        const row = rowOf(claim.owner);
        if (claim.written === row) continue;
        changed.addRow(keyOfName(name), bytesOfRow(row));
      } else {
        if (claim.written === undefined) continue;
        removed.addRow(keyOfName(name), noBytes);
      }
      claim.written = unknown;
    }
    // Rows that go make room for rows that come.
    store.remove('frontends', removed.keys, removed.count);
    store.update('frontends', changed);
    for (const [name, claim] of this.#touched) {
      if (claim.owner !== undefined) claim.written = rowOf(claim.owner);
      else this.#claims.delete(name);
    }
    this.#touched.clear();
    return changed.count + removed.count;
  }

  #own(claim: Claim, owner: string | undefined): void {
    this.#owned += (owner === undefined ? 0 : 1) - (claim.owner === undefined ? 0 : 1);
    if (claim.isFound) this.#found--;
    claim.isFound = false;
    claim.owner = owner;
  }

  #await(claim: Claim, plan: string): void {
    claim.contenders ??= new Set();
    claim.contenders.add(plan);
  }

  #leave(claim: Claim, plan: string): void {
    claim.contenders?.delete(plan);
    if (claim.contenders?.size === 0) claim.contenders = undefined;
  }
}

/** Whether plan `a` comes before plan `b` by the name of its Service, as checkReferences says it. Plan keys are `NS/NAME:PORT/…`. */
function inOrder(a: string | undefined, b: string): boolean {
  if (a === undefined) return false;
  const [first, second] = [a.slice(0, a.indexOf(':')), b.slice(0, b.indexOf(':'))];
  return first === second ? a < b : first < second;
}
