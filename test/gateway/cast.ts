/**
 * The Services and Pods that the rows of the table talk about. `netns`: the network namespace for a Pod; empty for none (the matcher needs
 * none). Pods of a Service have the addresses that `pods` says.
 */
export function castOf(netns: (pod: string) => string = () => ''): string {
  return [
    ...services.map(([name, address, ports, type]) => serviceText(name, address, ports, type)),
    ...pods.map((pod) => podText(pod, netns(`${pod.namespace}/${pod.name}`))),
    subsets,
  ].join('---\n');
}

const services: readonly (readonly [name: string, address: string, ports: string, namespace: string])[] = [
  ['reviews', '10.96.0.1', '{ name: http, port: 9080, targetPort: 9080 }', 'default'],
  ['ratings', '10.96.0.2', '{ name: http, port: 9080, targetPort: 9080 }', 'default'],
  ['details', '10.96.0.3', '{ name: http, port: 9080, targetPort: 9080 }', 'other'],
  [
    'multi',
    '10.96.0.4',
    '{ name: http-a, port: 80, targetPort: 9080 }, { name: http-b, port: 8080, targetPort: 9080 }',
    'default',
  ],
  ['database', '10.96.0.5', '{ name: tcp-sql, port: 5432, targetPort: 9080 }', 'default'],
  ['quiet', '10.96.0.6', '{ port: 7000, targetPort: 9080 }', 'default'],
  ['calls', '10.96.0.7', '{ name: grpc, port: 50051, targetPort: 9080 }', 'default'],
  ['hinted', '10.96.0.8', '{ name: web, appProtocol: kubernetes.io/ws, port: 80, targetPort: 9080 }', 'default'],
];

interface CastPod {
  readonly namespace: string;
  readonly name: string;
  readonly address: string;
  readonly labels: string;
}

export const pods: readonly CastPod[] = [
  { namespace: 'default', name: 'client', address: '10.1.0.1', labels: 'app: client, tier: web' },
  { namespace: 'default', name: 'visitor', address: '10.1.0.2', labels: 'app: visitor' },
  { namespace: 'other', name: 'client', address: '10.1.0.3', labels: 'app: client' },
  { namespace: 'default', name: 'reviews-v1', address: '10.1.1.1', labels: 'app: reviews, version: v1' },
  { namespace: 'default', name: 'reviews-v2', address: '10.1.1.2', labels: 'app: reviews, version: v2' },
  { namespace: 'default', name: 'reviews-v3', address: '10.1.1.3', labels: 'app: reviews, version: v3' },
  { namespace: 'default', name: 'ratings', address: '10.1.2.1', labels: 'app: ratings' },
  { namespace: 'other', name: 'details', address: '10.1.3.1', labels: 'app: details' },
  { namespace: 'default', name: 'multi', address: '10.1.4.1', labels: 'app: multi' },
  { namespace: 'default', name: 'database', address: '10.1.5.1', labels: 'app: database' },
  { namespace: 'default', name: 'quiet', address: '10.1.6.1', labels: 'app: quiet' },
  { namespace: 'default', name: 'calls', address: '10.1.7.1', labels: 'app: calls' },
  { namespace: 'default', name: 'hinted', address: '10.1.8.1', labels: 'app: hinted' },
];

function serviceText(name: string, address: string, ports: string, namespace: string): string {
  return `apiVersion: v1
kind: Service
metadata: { name: ${name}, namespace: ${namespace} }
spec: { clusterIP: ${address}, selector: { app: ${name} }, ports: [${ports}] }
`;
}

function podText({ namespace, name, address, labels }: CastPod, netns: string): string {
  const annotations = netns === '' ? '' : `, annotations: { weft.dev/netns: ${netns} }`;
  return `apiVersion: v1
kind: Pod
metadata: { name: ${name}, namespace: ${namespace}, labels: { ${labels} }${annotations} }
status: { podIP: ${address}, podIPs: [{ ip: ${address} }] }
`;
}

const subsets = `apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: { name: reviews, namespace: default }
spec:
  host: reviews
  subsets:
  - { name: v1, labels: { version: v1 } }
  - { name: v2, labels: { version: v2 } }
  - { name: v3, labels: { version: v3 } }
`;
