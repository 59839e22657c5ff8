import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { findOrphans, markOf } from '../../../agent/kernel/orphans.js';

/** pids of the gateway workers of agents with these pins, whichever agent started them. */
export function workersOf(pin: string): readonly number[] {
  return findOrphans(markOf(pin), new Set()).filter(isAlive);
}

/** pids of the agent's socket brokers. */
export function brokersOf(agent: number): readonly number[] {
  return readdirSync('/proc')
    .filter((name) => /^[0-9]+$/.test(name))
    .map(Number)
    .filter((pid) => field(pid, 'Name') === 'weft-sockets' && Number(field(pid, 'PPid')) === agent);
}

export function isAlive(pid: number): boolean {
  const state = field(pid, 'State');
  return state !== '' && !state.startsWith('Z');
}

/** Resident memory now, and the most there ever was, in MiB. */
export function memoryOf(pid: number): { readonly now: number; readonly most: number } {
  return {
    now: Number.parseInt(field(pid, 'VmRSS'), 10) / 1024,
    most: Number.parseInt(field(pid, 'VmHWM'), 10) / 1024,
  };
}

/** Inodes of the sockets that a process has. */
export function socketsOf(pid: number): ReadonlySet<string> {
  const found = new Set<string>();
  for (const fd of readdirSync(`/proc/${pid}/fd`)) {
    try {
      const inode = /^socket:\[(\d+)\]$/.exec(readlinkSync(`/proc/${pid}/fd/${fd}`))?.[1];
      if (inode !== undefined) found.add(inode);
    } catch {
      // Closed meanwhile.
    }
  }
  return found;
}

/** Inodes of established connections by IPv4 to `port`, accepted in the network namespace of process `pid`. */
export function acceptedAt(pid: number, isPort: (port: number) => boolean): readonly string[] {
  return readFileSync(`/proc/${pid}/net/tcp`, 'utf8')
    .split('\n')
    .slice(1)
    .map((line) => line.trim().split(/\s+/))
    .filter(([, local, , state]) => state === '01' && isPort(Number.parseInt(local!.split(':')[1]!, 16)))
    .map((columns) => columns[9]!);
}

/** Of /proc/PID/status; empty when the process is gone. */
function field(pid: number, name: string): string {
  try {
    return new RegExp(`^${name}:\\s*(.*)$`, 'm').exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? '';
  } catch {
    return '';
  }
}
