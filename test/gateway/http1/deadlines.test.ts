import test from 'ava';
import { Deadlines } from '../../../agent/gateway/http1/deadlines.js';
import { HandClock } from '../../view/world.js';

test('thousands that give up at one tick do so in more than one turn of the event loop', async (t) => {
  const clock = new HandClock();
  const deadlines = new Deadlines(clock);
  let ticked = 0;
  const count = 1_000;
  for (let i = 0; i < count; i++) {
    const timed = {
      tick: (): void => {
        ticked++;
        deadlines.delete(timed);
      },
    };
    deadlines.add(timed);
  }
  clock.advance(500);
  t.true(ticked > 0 && ticked < count, `${ticked} in the first turn`);
  const turns: number[] = [];
  while (ticked < count) {
    turns.push(ticked);
    await new Promise((resolve) => setImmediate(resolve));
  }
  t.true(turns.length >= 2);
  t.is(ticked, count);
});
