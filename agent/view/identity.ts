import type { Identity } from '../api/measures.js';
import type { Pod } from '../model/mesh.js';

export const nobody: Identity = {
  workload: '',
  namespace: '',
  app: '',
  version: '',
  canonicalService: '',
  canonicalRevision: '',
};

const known = new WeakMap<Pod, Identity>();

/** A Pod's identity in Istio's labels; canonical service and revision fall back as Istio's CanonicalService and CanonicalRevision do. */
export function identityOf(pod: Pod): Identity {
  let identity = known.get(pod);
  if (identity === undefined) {
    const { labels, namespace } = pod.meta;
    const app = labels.app ?? labels['app.kubernetes.io/name'] ?? '';
    const version = labels.version ?? labels['app.kubernetes.io/version'] ?? '';
    identity = {
      workload: pod.workload,
      namespace,
      app,
      version,
      canonicalService:
        labels['service.istio.io/canonical-name'] ?? labels['app.kubernetes.io/name'] ?? labels.app ?? pod.workload,
      canonicalRevision:
        labels['service.istio.io/canonical-revision'] ??
        labels['app.kubernetes.io/version'] ??
        labels.version ??
        'latest',
    };
    known.set(pod, identity);
  }
  return identity;
}

/** What can be said of a backend whose Pod is not known: `name` is NS/POD or an address. */
export function identityOfName(name: string): Identity {
  const slash = name.indexOf('/');
  return slash < 0 ? nobody : { ...nobody, namespace: name.slice(0, slash) };
}
