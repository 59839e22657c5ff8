import test from 'ava';
import { Thrift } from '../agent/memory.js';

function thriftAt(): {
  readonly thrift: Thrift;
  readonly world: { now: number; resident: number; settled: number };
} {
  const world = { now: 0, resident: 200, settled: 0 };
  const thrift = new Thrift({
    clock: { monotonic: () => world.now },
    resident: () => world.resident,
    settle: () => {
      world.settled++;
      world.resident = 130; // which is 100 a moment later
    },
  });
  return { thrift, world };
}

/** A tick each second for so long; `changing`: with a change in each. */
function pass(seconds: number, { thrift, world }: ReturnType<typeof thriftAt>, changing: boolean): void {
  for (let second = 0; second < seconds; second++) {
    world.now += 1000;
    if (world.resident === 130) world.resident = 100;
    if (changing) thrift.touch();
    thrift.tick();
  }
}

test('nothing is settled before the first time', (t) => {
  const it = thriftAt();
  pass(3600, it, false);
  t.is(it.world.settled, 0);
});

test('memory that changes took is given back when they have ended', (t) => {
  const it = thriftAt();
  it.thrift.settle();
  pass(60, it, true);
  it.world.resident = 150;
  pass(1, it, true);
  pass(9, it, false);
  t.is(it.world.settled, 1, 'others may still come');
  pass(2, it, false);
  t.is(it.world.settled, 2);
  pass(300, it, false);
  t.is(it.world.settled, 2);
});

test('a little more is not worth it', (t) => {
  const it = thriftAt();
  it.thrift.settle();
  it.world.resident = 109;
  pass(60, it, true);
  pass(3600, it, false);
  t.is(it.world.settled, 1);
});

test('under steady changes it happens now and then', (t) => {
  const it = thriftAt();
  it.thrift.settle();
  for (let minute = 0; minute < 60; minute++) {
    it.world.resident = 150;
    pass(60, it, true);
  }
  t.is(it.world.settled, 7);
});
