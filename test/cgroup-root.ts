import { cgroupRoot as mountedRoot } from '../agent/kernel/cgroups.js';

/** Where cgroup v2 is mounted; throws when it is not. */
export function cgroupRoot(): string {
  const root = mountedRoot();
  if (root === undefined) throw new Error('cgroup v2 is not mounted');
  return root;
}
