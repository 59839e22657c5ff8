import test from 'ava';
import fc from 'fast-check';
import { Regions } from '../../agent/tables/regions.js';

type Operation = { readonly take: number } | { readonly release: number } | 'settle';

const operations = fc.array(
  fc.oneof(
    { weight: 4, arbitrary: fc.record({ take: fc.integer({ min: 0, max: 9 }) }) },
    { weight: 3, arbitrary: fc.record({ release: fc.nat(20) }) },
    { weight: 2, arbitrary: fc.constant('settle' as const) },
  ),
  { maxLength: 60 },
);

/** Rows of a table, each with how many settles it still rests: the obvious model. -1: taken, 0: free. */
class Rows {
  readonly rows: number[];
  constructor(capacity: number) {
    this.rows = Array.from({ length: capacity }, () => 0);
  }
  set(base: number, size: number, state: number): void {
    this.rows.fill(state, base, base + size);
  }
  isFree(base: number, size: number): boolean {
    return base + size <= this.rows.length && this.rows.slice(base, base + size).every((row) => row === 0);
  }
  hasRun(size: number): boolean {
    return this.rows.some((_, base) => this.isFree(base, size));
  }
  settle(): void {
    this.rows.forEach((row, i) => {
      if (row > 0) this.rows[i] = row - 1;
    });
  }
}

test('a run is taken where it is free and only there, the lowest first, and given again after two settles', (t) => {
  fc.assert(
    fc.property(operations, fc.integer({ min: 1, max: 40 }), (steps: readonly Operation[], capacity) => {
      const regions = new Regions(capacity);
      const model = new Rows(capacity);
      const taken: { base: number; size: number }[] = [];
      for (const step of steps) {
        if (step === 'settle') {
          const before = model.rows.filter((row) => row === 0).length;
          model.settle();
          if (regions.settle() !== model.rows.filter((row) => row === 0).length - before)
            throw new Error('rows made available');
        } else if ('take' in step) {
          const base = regions.take(step.take);
          if (base === undefined ? model.hasRun(step.take) : !model.isFree(base, step.take))
            throw new Error(`take gave ${base}`);
          if (base === undefined || step.take === 0) continue;
          if (model.rows.some((_, lower) => lower < base && model.isFree(lower, step.take)))
            throw new Error('not the first');
          model.set(base, step.take, -1);
          taken.push({ base, size: step.take });
        } else if (taken.length > 0) {
          const [run] = taken.splice(step.release % taken.length, 1);
          regions.release(run!.base, run!.size);
          model.set(run!.base, run!.size, 2);
        }
        if (regions.used !== model.rows.filter((row) => row < 0).length) throw new Error('used');
      }
    }),
    { numRuns: 500, includeErrorInReport: true },
  );
  t.pass();
});

test('runs that were found are nobody else’s, in whatever order', (t) => {
  fc.assert(
    fc.property(
      fc.array(fc.record({ base: fc.nat(50), size: fc.integer({ min: 1, max: 9 }) }), { maxLength: 12 }),
      (found) => {
        const regions = new Regions(48);
        const model = new Rows(48);
        for (const { base, size } of found) {
          const free = model.isFree(base, size);
          if (regions.adopt(base, size) !== free) throw new Error(`adopt ${base}+${size}`);
          if (free) model.set(base, size, -1);
        }
        for (let base = regions.take(1); base !== undefined; base = regions.take(1)) {
          if (!model.isFree(base, 1)) throw new Error(`${base} was found`);
          model.set(base, 1, -1);
        }
        return !model.hasRun(1);
      },
    ),
    { numRuns: 500, includeErrorInReport: true },
  );
  t.pass();
});

test('what was cancelled can be taken at once', (t) => {
  const regions = new Regions(10);
  regions.cancel(regions.take(10)!, 10);
  t.is(regions.take(10), 0);
});

test('freed neighbours become one run', (t) => {
  const regions = new Regions(30);
  const runs = [10, 10, 10].map((size) => regions.take(size)!);
  for (const base of [runs[2]!, runs[0]!, runs[1]!]) regions.release(base, 10);
  t.is(regions.settle(), 0);
  t.is(regions.settle(), 30);
  t.is(regions.take(30), 0);
});

test('services that grow and shrink for a long time do not eat up a table that is half full', (t) => {
  const regions = new Regions(2 * 500 * 10);
  let seed = 1;
  const random = (below: number): number => {
    seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
    return Math.floor((seed / 2 ** 32) * below);
  };
  const runs = Array.from({ length: 500 }, () => ({ base: regions.take(10)!, size: 10 }));
  for (let change = 0; change < 20_000; change++) {
    const run = runs[random(runs.length)]!;
    const size = 5 + random(11);
    const base = regions.take(size);
    if (base === undefined) return t.fail(`no room for ${size} rows at change ${change}, ${regions.used} are used`);
    regions.release(run.base, run.size);
    Object.assign(run, { base, size });
    if (change % 10 === 0) regions.settle();
  }
  t.is(
    regions.used,
    runs.reduce((sum, { size }) => sum + size, 0),
  );
});
