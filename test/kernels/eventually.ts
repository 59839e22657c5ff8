import { setTimeout as pause } from 'node:timers/promises';

const patienceMs = 30_000;

/** Reads until `isThere`, and returns what was read. Throws after 30 s with what was there instead. */
export async function eventually<T>(read: () => Promise<T>, isThere: (value: T) => boolean): Promise<T> {
  const end = performance.now() + patienceMs;
  for (;;) {
    const value = await read();
    if (isThere(value)) return value;
    if (performance.now() > end) throw new Error(`still ${JSON.stringify(value)} after ${patienceMs} ms`);
    await pause(50);
  }
}
