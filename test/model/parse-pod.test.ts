import test from 'ava';
import type { Pod } from '../../agent/model/mesh.js';
import { findings, parsed, type Raw, rawPod } from './objects.js';

function pod(raw: Raw): Omit<Pod, 'kind' | 'meta'> {
  const { kind: _kind, meta: _meta, ...rest } = parsed('Pod', raw);
  return rest;
}

const plain: Omit<Pod, 'kind' | 'meta'> = {
  addresses: [],
  ports: [],
  ready: true,
  terminating: false,
  finished: false,
  node: '',
  hostNetwork: false,
  uid: '',
  netns: '',
  cgroup: '',
  mesh: undefined,
  workload: 'p',
};

function condition(status: string): Raw {
  return {
    conditions: [
      { type: 'Initialized', status: 'False' },
      { type: 'Ready', status },
    ],
  };
}

const replicaSet = { ownerReferences: [{ kind: 'ReplicaSet', name: 'web-7d4b9c6f5d', controller: true }] };
const good: readonly (readonly [string, Raw, Partial<Pod>])[] = [
  ['without a Ready condition it is ready', rawPod('p', {}, {}), {}],
  ['ready', rawPod('p', {}, condition('True')), {}],
  ['not ready', rawPod('p', {}, condition('False')), { ready: false }],
  ['nobody knows', rawPod('p', {}, condition('Unknown')), { ready: false }],
  ['terminating', rawPod('p', {}, {}, { deletionTimestamp: '2026-01-01T00:00:00Z' }), { terminating: true }],
  ['succeeded', rawPod('p', {}, { phase: 'Succeeded' }), { finished: true }],
  ['failed', rawPod('p', {}, { phase: 'Failed' }), { finished: true }],
  [
    'an address twice',
    rawPod('p', {}, { podIP: '10.1.0.1', podIPs: [{ ip: '10.1.0.1' }, { ip: 'FD00::1' }] }),
    { addresses: ['10.1.0.1', 'fd00::1'] },
  ],
  ['labels of the mesh', rawPod('p', { 'weft.dev/mesh': 'disabled' }, {}), { mesh: 'disabled' }],
  [
    'where it lives',
    rawPod('p', {}, {}, { annotations: { 'weft.dev/netns': 'a', 'weft.dev/cgroup': 'b/c' } }),
    { netns: 'a', cgroup: 'b/c' },
  ],
  ['a workload by its label', rawPod('p', { app: 'web' }, {}), { workload: 'web' }],
  [
    'a workload by its owner',
    rawPod('p', {}, {}, { ownerReferences: [{ kind: 'StatefulSet', name: 'db' }] }),
    { workload: 'db' },
  ],
  ['a Deployment by its ReplicaSet', rawPod('p', {}, {}, replicaSet), { workload: 'web' }],
  [
    'a Deployment by its hash',
    rawPod('p', { 'pod-template-hash': 'x' }, {}, { ownerReferences: [{ kind: 'ReplicaSet', name: 'a-b-x' }] }),
    { workload: 'a-b' },
  ],
  [
    'ports of containers that go on running',
    {
      ...rawPod('p', {}, {}),
      spec: {
        nodeName: 'n',
        hostNetwork: true,
        containers: [
          {
            name: 'a',
            image: 'x',
            ports: [
              { containerPort: 80, name: 'http' },
              { containerPort: 53, protocol: 'UDP' },
            ],
          },
          {},
        ],
        initContainers: [{ ports: [{ containerPort: 1 }] }, { restartPolicy: 'Always', ports: [{ containerPort: 2 }] }],
      },
    },
    {
      node: 'n',
      hostNetwork: true,
      ports: [
        { name: 'http', port: 80, protocol: 'TCP' },
        { name: '', port: 53, protocol: 'UDP' },
        { name: '', port: 2, protocol: 'TCP' },
      ],
    },
  ],
];

for (const [title, raw, expected] of good) {
  test(`Pod: ${title}`, (t) => {
    t.deepEqual(findings(raw), []);
    t.deepEqual(pod(raw), { ...plain, ...expected });
  });
}

const netns = 'metadata.annotations["weft.dev/netns"]';
const bad: readonly (readonly [string, Raw, readonly string[]])[] = [
  [
    'a network namespace that is a path',
    rawPod('p', {}, {}, { annotations: { 'weft.dev/netns': '../x' } }),
    [`WEFT0216 error ${netns}`],
  ],
  [
    'the directory itself',
    rawPod('p', {}, {}, { annotations: { 'weft.dev/netns': '.' } }),
    [`WEFT0216 error ${netns}`],
  ],
  [
    'an annotation of another kind',
    rawPod('p', {}, {}, { annotations: { 'weft.dev/balancing': 'random' } }),
    ['WEFT0309 error metadata.annotations["weft.dev/balancing"]'],
  ],
  [
    'a mesh label of another value',
    rawPod('p', { 'weft.dev/mesh': 'on' }, {}),
    ['WEFT0216 error metadata.labels["weft.dev/mesh"]'],
  ],
  ['an address that is none', rawPod('p', {}, { podIP: '10.1.0' }), ['WEFT0209 error status.podIP']],
  [
    'two addresses of a family',
    rawPod('p', {}, { podIPs: [{ ip: '10.1.0.1' }, { ip: '10.1.0.2' }] }),
    ['WEFT0212 error status.podIPs'],
  ],
  ['an unknown phase', rawPod('p', {}, { phase: 'Runing' }), ['WEFT0206 error status.phase']],
  [
    'a time that is none',
    rawPod('p', {}, {}, { deletionTimestamp: 'now' }),
    ['WEFT0205 error metadata.deletionTimestamp'],
  ],
  ['a name of 10 kB', rawPod('x'.repeat(10_240), {}, {}), ['WEFT0204 error metadata.name']],
  ['a label value of 10 kB', rawPod('p', { app: 'x'.repeat(10_240) }, {}), ['WEFT0213 error metadata.labels.app']],
  ['a label key with a space', rawPod('p', { 'a b': 'x' }, {}), ['WEFT0213 error metadata.labels["a b"]']],
];

for (const [title, raw, expected] of bad) {
  test(`Pod: ${title}`, (t) => {
    t.deepEqual(findings(raw), expected);
  });
}
