import type { ChildProcess } from 'node:child_process';
import { readFileSync, statSync } from 'node:fs';
import { type Clock, pause } from '../clock.js';

/** Until a server that does not listen counts as failed, in ms. */
const patience = 15_000;
/** TCP_LISTEN of the kernel's include/net/tcp_states.h. */
const listenState = '0A';

/** Whether a socket of the process's namespace listens on the port, by proc_pid_net_tcp(5). */
function listens(pid: number, port: number, table: 'tcp' | 'tcp6'): boolean {
  const hexadecimal = port.toString(16).toUpperCase().padStart(4, '0');
  return readFileSync(`/proc/${pid}/net/${table}`, 'utf8')
    .split('\n')
    .some((line) => {
      const [, local, , state] = line.trim().split(/\s+/);
      return state === listenState && local?.endsWith(`:${hexadecimal}`);
    });
}

/** True once the process is in its namespace and a socket there listens on the port, for each of the address families. */
function isUp(pid: number, namespace: string, port: number, ipv6: boolean): boolean {
  try {
    if (statSync(`/proc/${pid}/ns/net`).ino !== statSync(namespace).ino) return false;
    return listens(pid, port, 'tcp') && (!ipv6 || listens(pid, port, 'tcp6'));
  } catch {
    return false;
  }
}

/** Resolves when the child listens, on IPv6 too where that is asked for. Throws when it ends or takes too long. */
export async function listening(
  child: ChildProcess,
  place: { readonly namespace: string; readonly port: number; readonly ipv6: boolean },
  clock: Clock,
): Promise<void> {
  let failure: Error | null = null;
  child.once('error', (error) => {
    failure = error;
  });
  const end = clock.monotonic() + patience;
  for (;;) {
    if (failure !== null) throw failure;
    if (child.exitCode !== null || child.signalCode !== null) throw new Error('ended at once');
    if (child.pid !== undefined && isUp(child.pid, place.namespace, place.port, place.ipv6)) return;
    if (clock.monotonic() > end) throw new Error(`does not listen after ${patience} ms`);
    await pause(clock, 20);
  }
}
