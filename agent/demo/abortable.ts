import type { Clock } from '../clock.js';

/** A promise that rejects with the signal's reason when it is aborted first; `begin` returns what undoes it. */
export function abortable(begin: (resolve: () => void) => () => void, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) {
      reject(signal.reason);
      return;
    }
    const abort = (): void => {
      undo();
      reject(signal.reason);
    };
    const undo = begin(() => {
      signal.removeEventListener('abort', abort);
      resolve();
    });
    signal.addEventListener('abort', abort, { once: true });
  });
}

/** Resolves at `time`, in ms of the monotonic clock; rejects as {@link abortable}. */
export function until(time: number, clock: Clock, signal: AbortSignal): Promise<void> {
  return abortable((resolve) => clock.after(Math.max(0, time - clock.monotonic()), resolve), signal);
}
