import { execFileSync } from 'node:child_process';
import { mkdirSync, rmdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { viewOf } from '../tables/bytes.js';
import { native } from './native.js';
import { features, loadProbe } from './probe.js';

/** How the agent learns the cookie of a network namespace, by the path of a file that stands for it. Throws NativeError. */
export type CookieReader = (path: string) => bigint;

const child = fileURLToPath(new URL('./cookie-child.js', import.meta.url));

/**
 * SO_NETNS_COOKIE where the kernel has it (5.14). Before that only a BPF program can tell: a child process in a
 * cgroup of its own connects a UDP socket inside the namespace, and a program there writes down both cookies.
 */
export function cookieReader(cgroup: string): CookieReader {
  if (features().netnsCookie) return (path) => native().netnsCookie(path);
  return (path) => cookieByProgram(cgroup, path);
}

function cookieByProgram(cgroup: string, path: string): bigint {
  const own = join(cgroup, `weft-cookie-${process.pid}`);
  mkdirSync(own, { recursive: true });
  const object = loadProbe('weft_probe_cookie');
  try {
    const program = object.program('weft_probe_cookie');
    const link = program.attachCgroup(own);
    try {
      const socket = BigInt(
        execFileSync(process.execPath, [child, own, path], { encoding: 'utf8', timeout: 20_000 }).trim(),
      );
      const key = new Uint8Array(8);
      viewOf(key).setBigUint64(0, socket, true);
      const cookies = object.map('cookies');
      const value = cookies.lookup(key);
      cookies.close();
      if (!value) throw new Error(`no socket was seen in ${path}`);
      return viewOf(value).getBigUint64(0, true);
    } finally {
      link.close();
      program.close();
    }
  } finally {
    object.close();
    rmdirSync(own);
  }
}
