import { eventually } from '../agent/site.js';
import { FakeClock } from '../gateway/upstream/fake-clock.js';

/** A clock that moves when told to, and knows when somebody has begun to wait. */
export class CountingClock extends FakeClock {
  /** How often somebody began to wait. */
  waits = 0;

  override after(ms: number, task: () => void): () => void {
    this.waits += 1;
    return super.after(ms, task);
  }

  /** Does something that makes somebody wait by this clock, and comes back when they do. The function returned is what it comes to. */
  async armedBy<Value>(act: () => Promise<Value>): Promise<() => Promise<Value>> {
    const before = this.waits;
    const acting = act();
    await eventually(
      () => this.waits,
      (waits) => waits > before,
    );
    return () => acting;
  }
}
