import { openSync, writeSync } from 'node:fs';
import { formatRecord, type GuestRecord } from './record.js';

/** One thing a kernel must do. `run` throws when it does not, and returns {@link skip}'s value when the kernel cannot be asked. */
export interface Check {
  readonly name: string;
  run(report: Report): Promise<Skip | undefined> | Skip | undefined;
}

export interface Skip {
  readonly skipped: string;
}

/** What a check found out besides that it passed. */
export interface Report {
  /** A number. */
  measure(name: string, value: number, unit: string): void;
  /** How this kernel does something that kernels do differently. */
  fact(name: string, value: string): void;
}

export function skip(reason: string): Skip {
  return { skipped: reason };
}

/** A check may take this many ms under emulation before it counts as failed. */
const limit = 180_000;

/**
 * Runs checks one after the other and writes their records to the file `report`. A check that fails or takes too long does not keep
 * the next from running. Returns how many failed.
 */
export async function runChecks(checks: readonly Check[], report: string): Promise<number> {
  const descriptor = openSync(report, 'a');
  const write = (record: GuestRecord): void => {
    writeSync(descriptor, formatRecord(record));
  };
  let failed = 0;
  for (const check of checks) {
    write({ kind: 'begin', check: check.name });
    const started = performance.now();
    const end = (outcome: 'passed' | 'failed' | 'skipped', reason: string): void => {
      const milliseconds = Math.round(performance.now() - started);
      write({ kind: 'end', check: check.name, outcome, reason, milliseconds });
    };
    try {
      const found: Report = {
        measure: (name, value, unit) => write({ kind: 'measure', name, value, unit }),
        fact: (name, value) => write({ kind: 'fact', name, value }),
      };
      const result = await within(limit, async () => await check.run(found));
      if (result === undefined) end('passed', '');
      else end('skipped', result.skipped);
    } catch (error) {
      failed += 1;
      end('failed', describe(error));
    }
  }
  write({ kind: 'done' });
  return failed;
}

/** What `task` gives, or an error when it takes more than `ms`. */
async function within<T>(ms: number, task: () => Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`took more than ${ms} ms`)), ms);
  });
  try {
    return await Promise.race([task(), late]);
  } finally {
    clearTimeout(timer);
  }
}

/** An error with what the addon adds to it: the end of the verifier's log says what was refused. */
function describe(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { operation, object, code, log } = error as Error & Record<string, string | undefined>;
  const where = operation ? ` [${operation} ${object ?? ''} ${code ?? ''}]` : '';
  const frames = error.stack?.split('\n').slice(1, 4).join('\n') ?? '';
  return `${error.message}${where}\n${frames}${log ? `\n${log.slice(-3000)}` : ''}`;
}
