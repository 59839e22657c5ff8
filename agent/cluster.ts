import type { Clock } from './clock.js';
import type { KubernetesConfig } from './config.js';
import type { ApiClient } from './kubernetes/api.js';
import { openClient } from './kubernetes/client.js';
import { inClusterCredentials } from './kubernetes/in-cluster.js';
import { kubeconfigCredentials } from './kubernetes/kubeconfig.js';

/** Of the Lease, where neither an option nor the credentials name one. */
const defaultNamespace = 'weft-system';

/** The API server that an agent is told of. */
export interface Cluster {
  readonly client: ApiClient;
  /** Where the agent's own Lease is. */
  readonly namespace: string;
}

/** Nothing is asked of the server yet. Throws CredentialsError. */
export function openCluster({ kubeconfig, namespace }: KubernetesConfig, clock: Clock): Cluster {
  const credentials =
    kubeconfig === undefined ? inClusterCredentials(process.env) : kubeconfigCredentials(kubeconfig, clock);
  return {
    client: openClient(credentials, clock),
    namespace: namespace ?? credentials.namespace ?? defaultNamespace,
  };
}
