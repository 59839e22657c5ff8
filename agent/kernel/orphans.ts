import { readdirSync, readFileSync } from 'node:fs';

/** The argument that names a worker's agent, by the agent's pin directory: one agent has it at a time. */
export function markOf(pin: string): string {
  return `--pin=${pin}`;
}

function argumentsOf(pid: string): readonly string[] {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
  } catch {
    return [];
  }
}

/** Users that a worker runs as: first root, then nobody. */
const users: ReadonlySet<string> = new Set(['0', '65534']);

/** The real user of a process; empty when it is gone. */
function userOf(pid: string): string {
  try {
    return /^Uid:\t(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? '';
  } catch {
    return '';
  }
}

/**
 * Whether `pid` is a worker of an agent with this mark. To be asked right before a signal: pids are given again. Arguments say what a process likes, so
 * the user has to be one of theirs: from an orphan listening sockets are taken.
 */
export function isWorker(pid: number, mark: string): boolean {
  const given = argumentsOf(String(pid));
  const isNamed = given.includes(mark) && given.some((each) => each.endsWith('/gateway/worker.js'));
  return isNamed && users.has(userOf(String(pid)));
}

/** Workers that an agent which was killed has left behind; they serve on. None of `own`. */
export function findOrphans(mark: string, own: ReadonlySet<number>): readonly number[] {
  return readdirSync('/proc')
    .filter((name) => /^[0-9]+$/.test(name))
    .map(Number)
    .filter((pid) => !own.has(pid) && isWorker(pid, mark));
}

/** Ends them: SIGTERM lets them finish what they have. */
export function endOrphans(pids: readonly number[], mark: string, signal: 'SIGTERM' | 'SIGKILL'): void {
  for (const pid of pids) {
    try {
      if (isWorker(pid, mark)) process.kill(pid, signal);
    } catch {
      // Gone meanwhile.
    }
  }
}
