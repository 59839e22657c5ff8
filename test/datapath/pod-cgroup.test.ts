import test from 'ava';
import { type PodCgroup, podOfCgroups } from '../../agent/kernel/pod-cgroup.js';

const uid = '1f0c9ab2-6d1b-4c37-9b1e-0a5f3de2c4b7';
const underscored = uid.replaceAll('-', '_');
const other = '74c13223-5a00-11e9-b385-42010a80018d';
/** Of a static Pod: kubernetes.io/config.hash. */
const hash = '36b6d6be73b1065af369b3985edafa09';
const id = '34dc0b5e626f2c5c4c5170e34b10e7654ce36f0fcd532739f4445baabea03376';

function depth(levels: number, of = uid): PodCgroup {
  return { uid: of, depth: levels };
}

const burstable = `kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod${underscored}.slice`;

/** What kubelet and the runtimes make of a Pod: the content of /proc/PID/cgroup. */
const pods: Readonly<Record<string, readonly [string, PodCgroup]>> = {
  'containerd, systemd, v2': [`0::/${burstable}/cri-containerd-${id}.scope`, depth(1)],
  'containerd, systemd, v2, guaranteed': [
    `0::/kubepods.slice/kubepods-pod${underscored}.slice/cri-containerd-${id}.scope`,
    depth(1),
  ],
  'cri-o, systemd, v2': [
    `0::/kubepods.slice/kubepods-besteffort.slice/kubepods-besteffort-pod${underscored}.slice/crio-${id}.scope/container`,
    depth(2),
  ],
  'conmon of cri-o': [`0::/${burstable}/crio-conmon-${id}.scope`, depth(1)],
  'docker, systemd, v1': [
    `11:memory:/${burstable}/docker-${id}.scope\n10:cpu,cpuacct:/${burstable}/docker-${id}.scope\n1:name=systemd:/${burstable}/docker-${id}.scope`,
    depth(1),
  ],
  'containerd, cgroupfs, v1': [`4:memory:/kubepods/besteffort/pod${uid}/${id}\n1:name=systemd:/user/none`, depth(1)],
  'k3s, cgroupfs, v2': [`0::/kubepods/burstable/pod${uid}/${id}`, depth(1)],
  'guaranteed, cgroupfs': [`0::/kubepods/pod${uid}/${id}`, depth(1)],
  'hybrid: cgroup2 is the runtime’s': [
    `3:cpu:/kubepods/pod${uid}/${id}\n1:name=systemd:/kubepods/pod${uid}/${id}\n0::/system.slice/containerd.service`,
    depth(1),
  ],
  'hybrid: cgroup2 is the root': [`9:name=systemd:/\n4:memory:/kubepods/burstable/pod${uid}/${id}\n0::/`, depth(1)],
  'kind, cgroupfs': [`0::/docker/${id}/kubelet/kubepods/burstable/pod${uid}/${id}`, depth(1)],
  'kind, systemd': [
    `0::/system.slice/docker-${id}.scope/kubelet.slice/kubelet-kubepods.slice/kubelet-kubepods-burstable.slice/kubelet-kubepods-burstable-pod${underscored}.slice/cri-containerd-${id}.scope`,
    depth(1),
  ],
  'kind inside, where its own cgroup is the root': [
    `0::/kubelet.slice/kubelet-kubepods.slice/kubelet-kubepods-pod${underscored}.slice/cri-containerd-${id}.scope`,
    depth(1),
  ],
  'seen from another cgroup namespace': [`0::/../../../${burstable}/cri-containerd-${id}.scope`, depth(1)],
  'seen from a Pod of the same class, systemd': [
    `0::/../../kubepods-burstable-pod${underscored}.slice/cri-containerd-${id}.scope`,
    depth(1),
  ],
  'seen from a Pod of the same class, cgroupfs': [`0::/../../pod${uid}/${id}`, depth(1)],
  'a runtime that does not know of systemd': [
    `4:memory:/system.slice/containerd.service/kubepods-burstable-pod${hash}.slice:cri-containerd:${id}`,
    depth(0, hash),
  ],
  'static, systemd': [
    `0::/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod${hash}.slice/cri-containerd-${id}.scope`,
    depth(1, hash),
  ],
  'static, cgroupfs': [`2:pids:/kubepods/burstable/pod${hash}/${id}`, depth(1, hash)],
  'a container in a container, of one hierarchy': [
    `4:memory:/kubepods/pod${uid}/${id}/docker/${id}\n1:name=systemd:/kubepods/pod${uid}/${id}`,
    depth(3),
  ],
  'the Pod’s own cgroup': [`0::/kubepods/pod${uid}`, depth(0)],
};

for (const [name, [text, expected]] of Object.entries(pods)) {
  test(`a Pod's: ${name}`, (t) => t.deepEqual(podOfCgroups(`${text}\n`), expected));
}

/** What is no Pod's, or must not pass for one. */
const nobody: Readonly<Record<string, string>> = {
  nothing: '',
  'the root': '0::/',
  'a service': '0::/system.slice/containerd.service',
  "kubelet's classes": '0::/kubepods.slice/kubepods-burstable.slice',
  'a container of docker alone': `0::/system.slice/docker-${id}.scope`,
  'a container that is called like a Pod': `0::/docker/pod${uid}/${id}`,
  'podman’s pods': '0::/machine.slice/machine-libpod_pod_34dc0b5e626f.slice/libpod-1.scope',
  'a directory that begins like one': `0::/kubepods/po/${id}`,
  'a user’s session': `0::/user.slice/user-1000.slice/user@1000.service/${burstable}/cri-containerd-${id}.scope`,
  'a user’s session, cgroupfs': `0::/user.slice/user-1000.slice/kubepods/pod${uid}/${id}`,
  'a slice that only ends so': `0::/notkubepods-burstable-pod${underscored}.slice/${id}`,
  'an empty UID': '0::/kubepods/pod/x',
  'hierarchies of two Pods': `4:memory:/kubepods/pod${uid}/${id}\n1:name=systemd:/kubepods/pod${other}/${id}`,
  'lines that are none': `kubepods/pod${uid}/${id}\n0:/kubepods/pod${uid}`,
};

for (const [name, text] of Object.entries(nobody)) {
  test(`nobody's: ${name}`, (t) => t.is(podOfCgroups(text), undefined));
}

test('a Pod that calls a cgroup of its own like another Pod stays what it is', (t) => {
  const inner = `kubepods.slice/kubepods-pod${other.replaceAll('-', '_')}.slice/${id}`;
  t.deepEqual(podOfCgroups(`0::/${burstable}/cri-containerd-${id}.scope/${inner}`), depth(4));
  t.deepEqual(podOfCgroups(`0::/kubepods/pod${uid}/${id}/kubepods/pod${other}/${id}`), depth(4));
  t.deepEqual(podOfCgroups(`0::/kubepods/pod${uid}/${id}/user.slice`), depth(2));
});

test('UIDs are taken whole', (t) => {
  t.is(podOfCgroups('0::/kubepods/pod11/x')?.uid, '11');
  t.is(podOfCgroups('0::/kubepods.slice/kubepods-pod1.slice/x')?.uid, '1');
  t.is(podOfCgroups('0::/kubepods.slice/kubepods-pod1.slice.d/x'), undefined);
});
