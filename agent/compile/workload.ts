import type { Workload } from '../balance/cluster.js';
import type { Pod } from '../model/mesh.js';

const unknown = 'unknown';

/** Somebody outside the mesh. */
export const nobody: Workload = { workload: unknown, namespace: unknown, app: unknown, version: unknown };

const known = new WeakMap<Pod, Workload>();

/** A Pod as metrics name it; one object a Pod. */
export function workloadOf(pod: Pod): Workload {
  let workload = known.get(pod);
  if (workload === undefined) {
    workload = workloadOfLabels(pod.workload, pod.meta.namespace, pod.meta.labels);
    known.set(pod, workload);
  }
  return workload;
}

/**
 * Labels `app` and `version`, else the ones that Kubernetes recommends, else Istio's canonical ones; `unknown` without any
 * (an unknown value is never empty).
 */
export function workloadOfLabels(
  workload: string,
  namespace: string,
  labels: Readonly<Record<string, string>>,
): Workload {
  return {
    workload: workload || unknown,
    namespace: namespace || unknown,
    app: labels.app || labels['app.kubernetes.io/name'] || labels['service.istio.io/canonical-name'] || unknown,
    version:
      labels.version || labels['app.kubernetes.io/version'] || labels['service.istio.io/canonical-revision'] || unknown,
  };
}
