import { constants } from 'node:os';

/** A signal that asked the demo to end. */
export class Interruption extends Error {
  /** As a shell reports it: 128 and the signal's number. */
  readonly exitCode: number;

  constructor(signal: NodeJS.Signals) {
    super(`ended by ${signal}`);
    this.exitCode = 128 + constants.signals[signal];
  }
}

const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/**
 * Aborts `control` at the first signal or error that nobody caught, so that the run ends in order; later ones change
 * nothing. The returned function gives the signals back.
 */
export function abortOnSignals(control: AbortController): () => void {
  const interrupt = (signal: NodeJS.Signals): void => control.abort(new Interruption(signal));
  const fail = (error: unknown): void => control.abort(error);
  for (const signal of signals) process.on(signal, interrupt);
  process.on('uncaughtException', fail);
  process.on('unhandledRejection', fail);
  return () => {
    for (const signal of signals) process.off(signal, interrupt);
    process.off('uncaughtException', fail);
    process.off('unhandledRejection', fail);
  };
}
