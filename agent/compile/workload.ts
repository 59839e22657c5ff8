import type { Workload } from '../balance/cluster.js';
import type { Pod } from '../model/mesh.js';

const unknown = 'unknown';

/** Somebody outside the mesh. */
export const nobody: Workload = everywhere(unknown);

/** The workload with one text for everything. */
export function everywhere(text: string): Workload {
  return {
    ...{ workload: text, namespace: text, app: text, version: text },
    ...{ canonicalService: text, canonicalRevision: text },
  };
}

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
 * Labels `app` and `version`, else the ones that Kubernetes recommends, else Istio's canonical ones; canonical service and revision fall back as Istio's
 * CanonicalService and CanonicalRevision do. `unknown` where nothing is said (an unknown value is never empty).
 */
export function workloadOfLabels(
  workload: string,
  namespace: string,
  labels: Readonly<Record<string, string>>,
): Workload {
  const [name, canonicalName] = [labels['app.kubernetes.io/name'], labels['service.istio.io/canonical-name']];
  const [release, canonicalRelease] = [
    labels['app.kubernetes.io/version'],
    labels['service.istio.io/canonical-revision'],
  ];
  return {
    workload: workload || unknown,
    namespace: namespace || unknown,
    app: labels.app || name || canonicalName || unknown,
    version: labels.version || release || canonicalRelease || unknown,
    canonicalService: canonicalName || name || labels.app || workload || unknown,
    canonicalRevision: canonicalRelease || release || labels.version || 'latest',
  };
}
