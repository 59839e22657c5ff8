import test from 'ava';
import { clusterKeyOf, clusterNameOf } from '../../../agent/compile/cluster-key.js';
import { localityFrom } from '../../../agent/compile/locality.js';
import { namedProtocol, portProtocol } from '../../../agent/compile/port-protocol.js';
import { nobody, workloadOfLabels } from '../../../agent/compile/workload.js';

test('the key of a cluster says its host, port and subset', (t) => {
  for (const [key, host, port, subset] of [
    ['a.b.svc.cluster.local:80', 'a.b.svc.cluster.local', 80, ''],
    ['*.example.com:443|v1', '*.example.com', 443, 'v1'],
  ] as const) {
    t.is(clusterKeyOf(host, port, subset), key);
    t.deepEqual(clusterNameOf(key), { host, port, subset });
  }
});

const ports: readonly (readonly [name: string, appProtocol: string, expected: string])[] = [
  ['http', '', 'http1'],
  ['http-admin', '', 'http1'],
  ['HTTP', '', 'http1'],
  ['httpx', '', 'sniff'],
  ['http2', '', 'http2'],
  ['h2c', '', 'http2'],
  ['grpc-api', '', 'http2'],
  ['grpc-web', '', 'http1'],
  ['grpc-web-a', '', 'http1'],
  ['grpc-webby', '', 'http2'],
  ['tcp-a', '', 'opaque'],
  ['tls', '', 'opaque'],
  ['https', '', 'opaque'],
  ['mongo', '', 'opaque'],
  ['redis', '', 'opaque'],
  ['mysql', '', 'opaque'],
  ['metrics', '', 'sniff'],
  ['', '', 'sniff'],
  ['tcp', 'http', 'http1'],
  ['http', 'tcp', 'opaque'],
  ['http', 'example.com/own', 'sniff'],
  ['a', 'kubernetes.io/h2c', 'http2'],
  ['a', 'kubernetes.io/ws', 'http1'],
  ['a', 'kubernetes.io/wss', 'opaque'],
];

test('what a port declares: appProtocol, else the first part of its name', (t) => {
  const found = ports.map(([name, appProtocol]) => [name, appProtocol, portProtocol({ name, appProtocol })]);
  t.deepEqual(
    found,
    ports.map((row) => [...row]),
  );
  t.deepEqual(['HTTP', 'GRPC', 'GRPC-WEB', 'TLS'].map(namedProtocol), ['http1', 'http2', 'http1', 'opaque']);
});

test('app and version: the plain labels, then those that Kubernetes recommends, then the canonical ones', (t) => {
  const canonical = { 'service.istio.io/canonical-name': 'c', 'service.istio.io/canonical-revision': 'r' };
  const recommended = { ...canonical, 'app.kubernetes.io/name': 'n', 'app.kubernetes.io/version': 'v' };
  const plain = { ...recommended, app: 'a', version: '1' };
  const found = [plain, recommended, canonical, {}].map((labels) => {
    const { app, version } = workloadOfLabels('w', 'ns', labels);
    return `${app} ${version}`;
  });
  t.deepEqual(found, ['a 1', 'n v', 'c r', 'unknown unknown']);
  t.deepEqual(workloadOfLabels('', '', {}), { ...nobody, canonicalRevision: 'latest' });
});

test('canonical service and revision: Istio’s labels, those that Kubernetes recommends, the plain ones, the workload', (t) => {
  const plain = { app: 'a', version: '1' };
  const recommended = { ...plain, 'app.kubernetes.io/name': 'n', 'app.kubernetes.io/version': 'v' };
  const canonical = { 'service.istio.io/canonical-name': 'c', 'service.istio.io/canonical-revision': 'r' };
  const found = [{ ...recommended, ...canonical }, recommended, plain, {}].map((labels) => {
    const { canonicalService, canonicalRevision } = workloadOfLabels('w', 'ns', labels);
    return `${canonicalService} ${canonicalRevision}`;
  });
  t.deepEqual(found, ['c r', 'n v', 'a 1', 'w latest']);
});

test('a locality as text', (t) => {
  t.deepEqual(localityFrom('r/z/s'), { region: 'r', zone: 'z', subzone: 's' });
  t.deepEqual(localityFrom('r'), { region: 'r', zone: '', subzone: '' });
  t.deepEqual(localityFrom(undefined), { region: '', zone: '', subzone: '' });
});
