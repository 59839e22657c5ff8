import { closeSync, constants, fstatSync, openSync, readFileSync, statSync } from 'node:fs';
import type { PemReading } from './compile/credentials.js';

/** Files larger than this are no certificates, in bytes. */
const largestPem = 1 << 20;

/** Files of certificates and keys, and whether they are still what was read. */
export class PemFiles {
  /** Of each file when it was first read, by path. */
  readonly #read = new Map<string, string>();
  /** Of all of them at the last look at which one was different; empty: none was. */
  #changing = '';

  read(path: string): PemReading {
    if (!this.#read.has(path)) this.#read.set(path, stampOf(path));
    let fd: number | undefined;
    try {
      // A pipe or a device is no certificate, and may have no end.
      fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
      const found = fstatSync(fd);
      if (!found.isFile()) return { ok: false, error: 'is no file' };
      if (found.size > largestPem) return { ok: false, error: 'is larger than 1 MiB' };
      return { ok: true, text: readFileSync(fd, 'utf8') };
    } catch (error) {
      return { ok: false, error: (error as NodeJS.ErrnoException).code ?? 'cannot be read' };
    } finally {
      if (fd !== undefined) closeSync(fd);
    }
  }

  /**
   * Whether all are to be read again: one has changed, and none has since the call before, so that a certificate and its key
   * that are written one after the other come together.
   */
  takeChanges(): boolean {
    const now = [...this.#read.keys()].map((path) => [path, stampOf(path)] as const);
    const isSame = now.every(([path, stamp]) => this.#read.get(path) === stamp);
    const stamps = isSame ? '' : JSON.stringify(now);
    const isSettled = stamps !== '' && stamps === this.#changing;
    this.#changing = isSettled ? '' : stamps;
    if (isSettled) this.#read.clear();
    return isSettled;
  }
}

/** Of a file that cannot be had the reason. A symbolic link is followed. */
function stampOf(path: string): string {
  try {
    const { dev, ino, mtimeNs, size } = statSync(path, { bigint: true });
    return `${dev} ${ino} ${mtimeNs} ${size}`;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code ?? 'unknown';
  }
}
