import type { Locality } from '../balance/cluster.js';
import type { Pod } from '../model/mesh.js';
import { topologyLabels } from './locality.js';
import type { ClientPod } from './snapshot.js';
import { workloadOf } from './workload.js';

/** A captured Pod as rules see it: with the labels that Istio adds by where it runs. */
export function clientPod(pod: Pod, node: string, locality: Locality): ClientPod {
  return {
    namespace: pod.meta.namespace,
    labels: { ...topologyLabels(node, locality), ...pod.meta.labels },
    addresses: pod.addresses,
    workload: workloadOf(pod),
  };
}
