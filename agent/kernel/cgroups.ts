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

const ours = /^weft-(?:canary|cookie)-(\d+)$/;

/** Cgroups that Weft's short-lived processes left behind, below `root`: their maker is dead and they are empty. */
export function staleCgroups(root: string): readonly string[] {
  const stale: string[] = [];
  for (const entry of readdirSync(root, { withFileTypes: true })) {
    if (!entry.isDirectory()) continue;
    const path = join(root, entry.name);
    const maker = ours.exec(entry.name)?.[1];
    if (maker === undefined) stale.push(...staleCgroups(path));
    else if (!existsSync(`/proc/${maker}`)) stale.push(path);
  }
  return stale;
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
