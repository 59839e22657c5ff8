import { readFileSync } from 'node:fs';
import { isIPv6 } from 'node:net';
import { join } from 'node:path';
import { type Credentials, CredentialsError } from './credentials.js';
import { KeptFile } from './kept-file.js';

/** Where kubelet puts a Pod's service account. */
export const serviceAccountDirectory: string = '/var/run/secrets/kubernetes.io/serviceaccount';

/**
 * Those of the Pod that this process runs in: the server of the environment's KUBERNETES_SERVICE_HOST and _PORT, and `token`,
 * `ca.crt` and `namespace` of `directory`. Throws {@link CredentialsError} when something is missing.
 */
export function inClusterCredentials(
  environment: NodeJS.ProcessEnv,
  directory: string = serviceAccountDirectory,
): Credentials {
  const server = serverOf(environment);
  const token = new KeptFile(join(directory, 'token'));
  const authority = new KeptFile(join(directory, 'ca.crt'));
  const access = () => ({ authority: read(authority), certificate: undefined, key: undefined, token: read(token) });
  access();
  return {
    ...{ server, serverName: undefined, isInsecure: false, proxy: undefined },
    namespace: namespaceOf(directory),
    access: async () => access(),
  };
}

function serverOf({ KUBERNETES_SERVICE_HOST: host, KUBERNETES_SERVICE_PORT: port }: NodeJS.ProcessEnv): URL {
  if (!host || !port)
    throw new CredentialsError(
      'not in a Pod (KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT are not set): name a file with --kubeconfig',
    );
  try {
    return new URL(`https://${isIPv6(host) ? `[${host}]` : host}:${port}`);
  } catch {
    throw new CredentialsError(
      `KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT are no address: ${host} and ${port}`,
    );
  }
}

function read(file: KeptFile): string {
  try {
    return file.read();
  } catch (error) {
    throw new CredentialsError(
      `the service account cannot be read: ${(error as Error).message}; is automountServiceAccountToken false?`,
    );
  }
}

function namespaceOf(directory: string): string | undefined {
  try {
    return readFileSync(join(directory, 'namespace'), 'utf8').trim() || undefined;
  } catch {
    return undefined;
  }
}
