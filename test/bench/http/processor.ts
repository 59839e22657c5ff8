import { readFileSync } from 'node:fs';

/** USER_HZ: fixed at 100 for user space on every architecture that Node runs on. */
const ticks = 100;

/** Processor time that these processes have used, in s. */
export function processorTime(pids: readonly number[]): number {
  return pids.reduce((sum, pid) => {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The name may hold blanks and brackets.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return sum + (Number(fields[11]) + Number(fields[12])) / ticks;
  }, 0);
}
