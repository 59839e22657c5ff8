import test from 'ava';
import { Deadlines } from '../../../agent/gateway/proxy/deadlines.js';
import { TestClock } from './clock.js';

function ticking() {
  const clock = new TestClock();
  const deadlines = new Deadlines(clock);
  const expired: string[] = [];
  const after = (ms: number, name: string) =>
    deadlines.after(ms, () => expired.push(`${name} at ${clock.monotonic()}`));
  return { clock, deadlines, expired, after };
}

test('deadlines expire in their order, up to 10 ms late', (t) => {
  const { clock, expired, after } = ticking();
  after(95, 'b');
  after(12, 'a');
  after(99, 'c');
  after(5000, 'd');
  clock.pass(100);
  t.deepEqual(expired, ['a at 20', 'b at 100', 'c at 100']);
  clock.pass(4900);
  t.is(expired.length, 4);
  t.is(clock.waiting, 0);
});

test('what is cancelled does not happen, and costs no timer', (t) => {
  const { clock, expired, after } = ticking();
  for (let count = 0; count < 1000; count++) {
    after(1000, 'never').cancel();
    clock.pass(1);
    t.true(clock.waiting <= 1);
  }

  const kept = after(50, 'kept');
  after(50, 'gone').cancel();
  clock.pass(5000);
  t.deepEqual(expired, ['kept at 1050']);
  t.is(clock.waiting, 0);
  kept.cancel();
});

test('a deadline may cancel another, and set new ones', (t) => {
  const { clock, deadlines, expired, after } = ticking();
  const deadline = deadlines.after(10, () => {
    other.cancel();
    after(10, 'new');
  });
  const other = after(10, 'other');
  clock.pass(100);
  t.deepEqual(expired, ['new at 20']);
  deadline.cancel();
});

test('random deadlines never come early, nor 10 ms late', (t) => {
  const { clock, deadlines } = ticking();
  let state = 1;
  let open = 0;
  for (let count = 0; count < 2000; count++) {
    state = (state * 48_271) % 2_147_483_647;
    const ms = state % 500;
    const due = clock.monotonic() + ms;
    open++;
    const deadline = deadlines.after(ms, () => {
      open--;
      const late = clock.monotonic() - due;
      t.true(late >= 0 && late < 10, String(late));
    });
    if (state % 3 === 0) {
      deadline.cancel();
      open--;
    }
    clock.pass(state % 4);
  }
  clock.pass(600);
  t.is(open, 0);
});
