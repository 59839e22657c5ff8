import type { Listing, PodItem } from '../api/items.js';
import { keyOf, type Pod } from '../model/mesh.js';
import type { ViewParts } from './parts.js';

/** By NS/POD. */
export function listPods(parts: ViewParts): Listing<PodItem> {
  const { catalog, overrides, pods, sync } = parts;
  const { drained } = overrides.current;
  const items = [...catalog.pods()].map((pod): PodItem => {
    const key = keyOf(pod);
    const place = pods.get(key)?.path;
    const captured = place !== undefined;
    return {
      pod: key,
      namespace: pod.meta.namespace,
      name: pod.meta.name,
      addresses: pod.addresses,
      node: pod.node,
      netns: pod.netns === '' ? (place ?? '') : pod.netns,
      workload: pod.workload,
      captured,
      why: captured ? '' : whyNotCaptured(pod, parts),
      ready: pod.ready,
      terminating: pod.terminating,
      drained: drained.has(key),
    };
  });
  items.sort((a, b) => (a.pod < b.pod ? -1 : 1));
  return { generation: sync.generation, items };
}

/** Why the connections a Pod makes are not captured, as the end of a sentence. */
export function whyNotCaptured(pod: Pod, { catalog, pods }: ViewParts): string {
  if (pod.finished) return 'it has ended';
  if (pod.hostNetwork) return "it is in the host's network";
  if (pod.uid === '' && pod.netns === '') return 'no annotation weft.dev/netns says where it lives';
  if (pod.uid !== '' && pod.node === '') return 'it is on another node';
  if (!catalog.isMeshed(pod)) {
    if (pod.mesh === 'disabled') return 'label weft.dev/mesh is disabled';
    const namespace = catalog.namespaceOf(pod)?.mesh;
    if (namespace === 'disabled') return `label weft.dev/mesh of Namespace ${pod.meta.namespace} is disabled`;
    return 'neither it nor its Namespace has the label weft.dev/mesh';
  }
  return pods.troubleOf(keyOf(pod)) ?? 'it was not looked at yet';
}
