/** Whose a process is by its cgroups. */
export interface PodCgroup {
  /** metadata.uid of the Pod, or, of a static one, what annotation kubernetes.io/config.hash says. */
  readonly uid: string;
  /** How many cgroups lie between the Pod's own and the process: 1 for a container's, more for containers in containers. */
  readonly depth: number;
}

/** Of the systemd driver. A runtime that does not know that kubelet has this driver puts its own words behind: `….slice:cri-containerd:ID`. */
const slice = /^(?:[^:]+?-)??kubepods(?:-burstable|-besteffort)?-pod([^:]+?)\.slice(?::|$)/;
/** Of the cgroupfs driver. */
const directory = /^pod(.+)$/;
/** What such a directory lies in. A cgroup namespace cuts off what its root and the process have in common. */
const parents: ReadonlySet<string | undefined> = new Set(['kubepods', 'burstable', 'besteffort', '..']);
/** systemd leaves what is below to users, who may name cgroups as they like. */
const users = 'user.slice';

/**
 * The Pod whose process has this /proc/PID/cgroup (cgroups(7): a line a hierarchy, of version 1, 2 or both), as kubelet lays cgroups out
 * (pkg/kubelet/cm: `ToSystemd`, `GetPodContainerName`). The outermost cgroup that is a Pod's counts: what is below is the Pod's own affair. Undefined: no
 * Pod's, or hierarchies that contradict each other.
 */
export function podOfCgroups(text: string): PodCgroup | undefined {
  let found: PodCgroup | undefined;
  for (const line of text.split('\n')) {
    const pod = podOfPath(/^\d+:[^:]*:(.*)$/.exec(line)?.[1] ?? '');
    if (pod === undefined) continue;
    if (found !== undefined && found.uid !== pod.uid) return undefined;
    if (found === undefined || found.depth < pod.depth) found = pod;
  }
  return found;
}

function podOfPath(path: string): PodCgroup | undefined {
  const names = path.split('/');
  for (const [i, name] of names.entries()) {
    if (name === users) return undefined;
    const uid = slice.exec(name)?.[1] ?? (parents.has(names[i - 1]) ? directory.exec(name)?.[1] : undefined);
    if (uid !== undefined) return { uid: plainUid(uid), depth: names.length - 1 - i };
  }
  return undefined;
}

/** The UID as a cgroup of either driver has it: systemd's names use dashes for something else. */
export function plainUid(uid: string): string {
  return uid.replaceAll('_', '-');
}
