import { defaultRelease, type Release, type Values } from '../../deploy/render/chart.js';

/** A value other than the default for each value of the chart. */
export const allValues: Values = {
  nameOverride: 'mesh',
  image: { repository: 'images.example/weft', tag: '1.2.3', digest: `sha256:${'0'.repeat(64)}`, pullPolicy: 'Always' },
  imagePullSecrets: ['images'],
  agent: {
    logLevel: 'debug',
    accessLog: true,
    acceleration: 'off',
    workers: 3,
    gatewayLabels: { istio: 'edge', 'example.com/tier': 'outer' },
    capacity: { frontends: 2_000_000, pods: 512 },
    metricsPort: 9999,
  },
  host: {
    bpffs: '/run/bpf',
    pins: 'mesh',
    cgroup: '/run/cgroup',
    captured: '/run/cgroup/kubepods.slice',
    run: '/run/mesh',
  },
  secrets: { namespaces: [{ namespace: 'shop', names: ['shop-tls', 'other-tls'] }, { namespace: 'edge' }] },
  gatewayClass: { create: 'always' },
  serviceAccount: { create: true, name: 'mesh-agent', annotations: { note: 'yes' } },
  rbac: { create: true },
  securityContext: {
    seccomp: 'Localhost',
    localhostProfile: 'profiles/mesh.json',
    appArmor: 'RuntimeDefault',
    seLinuxOptions: { type: 'other_t', level: 's0' },
  },
  resources: { requests: { cpu: '1', memory: '1Gi' }, limits: { memory: '2Gi' } },
  priorityClassName: 'mesh-critical',
  tolerations: [{ key: 'a', operator: 'Equal', value: 'b', effect: 'NoSchedule' }],
  nodeSelector: { mesh: 'true' },
  affinity: {
    nodeAffinity: {
      requiredDuringSchedulingIgnoredDuringExecution: {
        nodeSelectorTerms: [{ matchExpressions: [{ key: 'mesh', operator: 'Exists' }] }],
      },
    },
  },
  podAnnotations: { note: 'on: the: Pod' },
  podLabels: { team: 'net' },
  updateStrategy: { maxUnavailable: 2 },
  terminationGracePeriodSeconds: 60,
  podMonitor: { enabled: true, interval: '15s', labels: { prometheus: 'main' } },
  prometheusRule: { enabled: true, labels: { prometheus: 'main' }, runbookUrl: 'https://git.example/weft/runbook.md' },
  dashboards: { enabled: true, labels: { grafana_dashboard: '1' }, annotations: { grafana_folder: 'Weft' } },
  networkPolicy: {
    enabled: true,
    from: [{ namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': 'monitoring' } } }],
    otherPorts: [
      { protocol: 'TCP', port: 443 },
      { port: 30000, endPort: 32767 },
    ],
  },
};

/** A cluster with Gateway API, and another release of the chart than the default one. */
export const otherRelease: Release = {
  ...defaultRelease,
  name: 'second',
  namespace: 'mesh-system',
  apiVersions: ['gateway.networking.k8s.io/v1/GatewayClass'],
};
