import { cpus, release, totalmem } from 'node:os';

/** The machine a result was measured on. */
export interface Machine {
  readonly cpu: string;
  readonly cores: number;
  readonly kernel: string;
  readonly memory_mib: number;
  readonly node: string;
}

export function machine(): Machine {
  return {
    cpu: cpus()[0]?.model ?? 'unknown',
    cores: cpus().length,
    kernel: release(),
    memory_mib: Math.round(totalmem() / 2 ** 20),
    node: process.version,
  };
}
