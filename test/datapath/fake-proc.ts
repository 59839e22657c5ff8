import { mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

export interface FakeProcess {
  /** The path of its cgroup. */
  readonly cgroup: string;
  /** The inode of its network namespace; none: it has ended and nobody has waited for it. */
  readonly namespace?: number;
  /** In ticks since boot. */
  readonly started?: number;
}

/** A directory that looks like proc(5), as far as the processes of Pods are looked for there. */
export class FakeProc {
  readonly path: string;

  constructor(path: string) {
    this.path = path;
    for (const name of ['sys', 'self', 'uptime']) mkdirSync(join(path, name));
  }

  /** Starts it, or makes of it what this says. */
  put(pid: number, { cgroup, namespace, started = pid }: FakeProcess): void {
    this.end(pid);
    const own = join(this.path, String(pid));
    mkdirSync(join(own, 'ns'), { recursive: true });
    writeFileSync(join(own, 'cgroup'), `1:name=systemd:${cgroup}\n0::/\n`);
    const fields = ['S', ...Array<number>(18).fill(0), started, 0];
    writeFileSync(join(own, 'stat'), `${pid} (a) R (b c) ${fields.join(' ')}\n`);
    if (namespace !== undefined) symlinkSync(`net:[${namespace}]`, join(own, 'ns/net'));
  }

  end(pid: number): void {
    rmSync(join(this.path, String(pid)), { recursive: true, force: true });
  }
}
