import { strict as assert } from 'node:assert';
import { execFileSync } from 'node:child_process';
import type { Check } from '../check.js';

/** Runs last: what the other checks did made no kernel complain. */
export const kernelLogChecks: readonly Check[] = [
  {
    name: 'the kernel logged no warning and no bug',
    run() {
      const log = execFileSync('dmesg', { encoding: 'utf8' }).split('\n');
      assert.deepEqual(
        log.filter((line) => /\b(WARNING: |BUG: |Oops|general protection|soft lockup)/.test(line)),
        [],
      );
      return undefined;
    },
  },
];
