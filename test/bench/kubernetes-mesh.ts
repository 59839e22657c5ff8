import type { KubernetesObject } from '../../agent/demo/kubernetes/stored.js';
import { backendAddress, backendPort, meshNamespace, serviceAddress, serviceName, servicePort } from './mesh.js';

/** A cluster as an API server has it: each object with what the server and its controllers add, since a client must read past that. */
export interface ClusterSize {
  readonly services: number;
  /** Of each Service, in one EndpointSlice. */
  readonly endpoints: number;
  readonly pods: number;
  /** Of the node {@link localNode}. */
  readonly localPods: number;
}

export const localNode = 'node-0';

const time = '2026-01-01T00:00:00Z';
const zones = 3;

function uid(kind: number, index: number): string {
  return `00000000-0000-4000-8${kind.toString().padStart(3, '0')}-${index.toString(16).padStart(12, '0')}`;
}

/** `metadata.managedFields` of one writer. */
function written(manager: string, apiVersion: string, fieldsV1: object, subresource?: string): object {
  const entry = { manager, operation: 'Update', apiVersion, time, fieldsType: 'FieldsV1', fieldsV1 };
  return subresource === undefined ? entry : { ...entry, subresource };
}

const named = (...names: readonly string[]): object => Object.fromEntries(names.map((name) => [`f:${name}`, {}]));

const localShare = (index: number, { localPods, pods }: ClusterSize): number =>
  index < localPods ? 0 : 1 + Math.floor(((index - localPods) * 45) / Math.max(1, pods - localPods));

export const nodeOf = (pod: number, size: ClusterSize): string => `node-${localShare(pod, size)}`;

export const podName = (index: number): string =>
  `app-${Math.floor(index / 10)}-7d9f8c6b5d-${index.toString(36).padStart(5, '0')}`;

export function serviceOf(index: number): KubernetesObject {
  const name = serviceName(index);
  const ports = [{ name: 'tcp-main', protocol: 'TCP', port: servicePort, targetPort: backendPort }];
  const applied = {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { annotations: {}, name, namespace: meshNamespace },
    spec: { ports, selector: { app: name } },
  };
  const fields = {
    'f:metadata': {
      'f:annotations': { '.': {}, ...named('kubectl.kubernetes.io/last-applied-configuration') },
      'f:labels': { '.': {}, ...named('app') },
    },
    'f:spec': {
      ...named('internalTrafficPolicy', 'selector', 'sessionAffinity', 'type'),
      'f:ports': {
        '.': {},
        'k:{"port":80,"protocol":"TCP"}': { '.': {}, ...named('name', 'port', 'protocol', 'targetPort') },
      },
    },
  };
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: {
      name,
      namespace: meshNamespace,
      uid: uid(1, index),
      creationTimestamp: time,
      labels: { app: name },
      annotations: { 'kubectl.kubernetes.io/last-applied-configuration': `${JSON.stringify(applied)}\n` },
      managedFields: [written('kubectl-client-side-apply', 'v1', fields)],
    },
    spec: {
      ports,
      selector: { app: name },
      clusterIP: serviceAddress(index),
      clusterIPs: [serviceAddress(index)],
      type: 'ClusterIP',
      sessionAffinity: 'None',
      ipFamilies: ['IPv4'],
      ipFamilyPolicy: 'SingleStack',
      internalTrafficPolicy: 'Cluster',
    },
    status: { loadBalancer: {} },
  };
}

/** The addresses of a Service's endpoints. */
export const addressesOf = (service: number, { endpoints }: ClusterSize): readonly string[] =>
  Array.from({ length: endpoints }, (_, endpoint) => backendAddress(service * endpoints + endpoint));

/** `isReady`: of each endpoint; `triggered`: as the controller notes it. */
export function sliceOf(
  service: number,
  size: ClusterSize,
  isReady: (endpoint: number) => boolean,
  triggered: string = time,
): KubernetesObject {
  const name = serviceName(service);
  const fields = {
    ...named('addressType', 'endpoints', 'ports'),
    'f:metadata': {
      'f:annotations': { '.': {}, ...named('endpoints.kubernetes.io/last-change-trigger-time') },
      ...named('generateName'),
      'f:labels': { '.': {}, ...named('app', 'endpointslice.kubernetes.io/managed-by', 'kubernetes.io/service-name') },
      'f:ownerReferences': { '.': {}, [`k:{"uid":"${uid(1, service)}"}`]: {} },
    },
  };
  return {
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: {
      name: `${name}-x7k2p`,
      generateName: `${name}-`,
      namespace: meshNamespace,
      uid: uid(2, service),
      creationTimestamp: time,
      labels: {
        app: name,
        'endpointslice.kubernetes.io/managed-by': 'endpointslice-controller.k8s.io',
        'kubernetes.io/service-name': name,
      },
      annotations: { 'endpoints.kubernetes.io/last-change-trigger-time': triggered },
      ownerReferences: [
        { apiVersion: 'v1', kind: 'Service', name, uid: uid(1, service), controller: true, blockOwnerDeletion: true },
      ],
      managedFields: [written('kube-controller-manager', 'discovery.k8s.io/v1', fields)],
    },
    addressType: 'IPv4',
    endpoints: addressesOf(service, size).map((address, endpoint) => {
      const pod = (service * size.endpoints + endpoint) % size.pods;
      return {
        addresses: [address],
        conditions: { ready: isReady(endpoint), serving: isReady(endpoint), terminating: false },
        targetRef: { kind: 'Pod', namespace: meshNamespace, name: podName(pod), uid: uid(3, pod) },
        nodeName: nodeOf(pod, size),
        zone: `zone-${localShare(pod, size) % zones}`,
      };
    }),
    ports: [{ name: 'tcp-main', protocol: 'TCP', port: backendPort }],
  };
}

function podOf(index: number, size: ClusterSize): KubernetesObject {
  const app = `app-${Math.floor(index / 10)}`;
  const owner = `${app}-7d9f8c6b5d`;
  const address = backendAddress(index);
  const spec = {
    'f:containers': {
      'k:{"name":"main"}': {
        '.': {},
        ...named('image', 'imagePullPolicy', 'name', 'resources', 'terminationMessagePath', 'terminationMessagePolicy'),
        'f:ports': {
          '.': {},
          'k:{"containerPort":8080,"protocol":"TCP"}': { '.': {}, ...named('containerPort', 'protocol') },
        },
      },
    },
    ...named(
      'dnsPolicy',
      'enableServiceLinks',
      'restartPolicy',
      'schedulerName',
      'securityContext',
      'terminationGracePeriodSeconds',
    ),
  };
  const condition = { '.': {}, ...named('lastProbeTime', 'lastTransitionTime', 'status', 'type') };
  const conditions = ['ContainersReady', 'Initialized', 'PodReadyToStartContainers', 'Ready'];
  const status = {
    'f:conditions': Object.fromEntries(conditions.map((type) => [`k:{"type":"${type}"}`, condition])),
    ...named('containerStatuses', 'hostIP', 'hostIPs', 'phase', 'podIP', 'startTime'),
    'f:podIPs': { '.': {}, [`k:{"ip":"${address}"}`]: { '.': {}, ...named('ip') } },
  };
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name: podName(index),
      generateName: `${owner}-`,
      namespace: meshNamespace,
      uid: uid(3, index),
      generation: 1,
      creationTimestamp: time,
      labels: {
        app,
        version: index % 5 === 0 ? 'v2' : 'v1',
        'pod-template-hash': '7d9f8c6b5d',
        'weft.dev/mesh': 'enabled',
      },
      ownerReferences: [
        {
          apiVersion: 'apps/v1',
          kind: 'ReplicaSet',
          name: owner,
          uid: uid(4, Math.floor(index / 10)),
          controller: true,
          blockOwnerDeletion: true,
        },
      ],
      managedFields: [
        written('kube-controller-manager', 'v1', {
          'f:metadata': {
            ...named('generateName'),
            'f:labels': { '.': {}, ...named('app', 'version', 'pod-template-hash', 'weft.dev/mesh') },
            'f:ownerReferences': { '.': {}, [`k:{"uid":"${uid(4, Math.floor(index / 10))}"}`]: {} },
          },
          'f:spec': spec,
        }),
        written('kubelet', 'v1', { 'f:status': status }, 'status'),
      ],
    },
    spec: {
      nodeName: nodeOf(index, size),
      containers: [
        {
          name: 'main',
          image: 'app:1',
          ports: [{ containerPort: backendPort, protocol: 'TCP' }],
          resources: {},
          terminationMessagePath: '/dev/termination-log',
          terminationMessagePolicy: 'File',
          imagePullPolicy: 'IfNotPresent',
        },
      ],
      restartPolicy: 'Always',
      terminationGracePeriodSeconds: 30,
      dnsPolicy: 'ClusterFirst',
      serviceAccountName: 'default',
      securityContext: {},
      schedulerName: 'default-scheduler',
      tolerations: ['not-ready', 'unreachable'].map((taint) => ({
        key: `node.kubernetes.io/${taint}`,
        operator: 'Exists',
        effect: 'NoExecute',
        tolerationSeconds: 300,
      })),
      priority: 0,
      enableServiceLinks: true,
      preemptionPolicy: 'PreemptLowerPriority',
    },
    status: {
      phase: 'Running',
      conditions: ['PodScheduled', ...conditions].map((type) => ({
        type,
        status: 'True',
        lastProbeTime: null,
        lastTransitionTime: time,
      })),
      hostIP: '192.0.2.11',
      hostIPs: [{ ip: '192.0.2.11' }],
      podIP: address,
      podIPs: [{ ip: address }],
      startTime: time,
      containerStatuses: [
        {
          name: 'main',
          state: { running: { startedAt: time } },
          lastState: {},
          ready: true,
          restartCount: 0,
          image: 'app:1',
          imageID: '',
          containerID: `containerd://${index.toString(16).padStart(64, '0')}`,
          started: true,
        },
      ],
      qosClass: 'BestEffort',
    },
  };
}

/** Namespace, nodes, Pods, and each Service with its slice; every endpoint is ready. */
export function* clusterObjects(size: ClusterSize): Generator<KubernetesObject> {
  yield { apiVersion: 'v1', kind: 'Namespace', metadata: { name: meshNamespace } };
  for (let node = 0; node <= 45; node++) {
    const labels = {
      'kubernetes.io/hostname': `node-${node}`,
      'topology.kubernetes.io/region': 'region',
      'topology.kubernetes.io/zone': `zone-${node % zones}`,
    };
    yield { apiVersion: 'v1', kind: 'Node', metadata: { name: `node-${node}`, labels } };
  }
  for (let pod = 0; pod < size.pods; pod++) yield podOf(pod, size);
  for (let service = 0; service < size.services; service++) {
    yield serviceOf(service);
    yield sliceOf(service, size, () => true);
  }
}
