import { existsSync, readdirSync, readFileSync, rmdirSync } from 'node:fs';
import { join } from 'node:path';

/** Where cgroup2 is mounted, by /proc/self/mountinfo; undefined when nowhere. On hybrid hosts that is not /sys/fs/cgroup. */
export function cgroupRoot(mountinfo: string = readFileSync('/proc/self/mountinfo', 'utf8')): string | undefined {
  for (const line of mountinfo.split('\n')) {
    // 36 35 98:0 / /mnt/point rw,noatime master:1 - cgroup2 cgroup2 rw (proc(5))
    const [before, after] = line.split(' - ');
    if (after?.startsWith('cgroup2 ')) return unescapeMount(before!.split(' ')[4]!);
  }
  return undefined;
}

/** mountinfo writes space, tab, newline and backslash as octal. */
function unescapeMount(path: string): string {
  return path.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)));
}

/** Paths of the cgroups right below one; none when it went away while we looked. */
export function childrenOf(cgroup: string): readonly string[] {
  try {
    const entries = readdirSync(cgroup, { withFileTypes: true });
    return entries.filter((entry) => entry.isDirectory()).map((entry) => join(cgroup, entry.name));
  } catch {
    return [];
  }
}

const ours = /\/weft-(?:canary|cookie)-(\d+)$/;

/** Cgroups that Weft's short-lived processes left behind, below `root`: their maker is dead. */
export function staleCgroups(root: string): readonly string[] {
  return childrenOf(root).flatMap((path) => {
    const maker = ours.exec(path)?.[1];
    if (maker === undefined) return staleCgroups(path);
    return existsSync(`/proc/${maker}`) ? [] : [path];
  });
}

/** Removes a cgroup that is empty. False when it is not, or gone. */
export function removeCgroup(path: string): boolean {
  try {
    rmdirSync(path);
    return true;
  } catch {
    return false;
  }
}
