import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { argv } from 'node:process';
import { fileURLToPath } from 'node:url';
import { checkout, defaultRelease, renderChart } from './chart.js';

/** Where the rendered manifest is. */
export const manifestPath: string = join(checkout, 'deploy/daemonset.yaml');

const { namespace } = defaultRelease;

const head = `# Weft on a cluster, without Helm: what deploy/helm/weft gives with its own values, for Kubernetes 1.30 or newer. Generated: node dist/deploy/render/daemonset.js
#
#   kubectl apply -f deploy/daemonset.yaml
#
# Set the image first. Where Gateway API's CRDs are installed, make the GatewayClass too:
#
#   kubectl apply -f - <<'END'
#   {apiVersion: gateway.networking.k8s.io/v1, kind: GatewayClass, metadata: {name: weft}, spec: {controllerName: weft.dev/gateway}}
#   END
apiVersion: v1
kind: Namespace
metadata:
  name: ${namespace}
  labels:
    # The agents are in the nodes' network, mount directories of theirs and have CAP_SYS_ADMIN.
    pod-security.kubernetes.io/enforce: privileged
    pod-security.kubernetes.io/audit: privileged
    pod-security.kubernetes.io/warn: privileged
`;

/** Namespace first, then what the chart gives. Helm's own labels are left out. */
export function renderManifest(): string {
  const { texts } = renderChart({}, { ...defaultRelease, service: 'kubectl' });
  const own = texts.map((text) => `${text.replace(/^ *helm\.sh\/chart: .*\n/gm, '').trimEnd()}\n`);
  return [head, ...own].join('---\n');
}

if (argv[1] === fileURLToPath(import.meta.url)) writeFileSync(manifestPath, renderManifest());
