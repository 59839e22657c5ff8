import test from 'ava';
import { podNamed } from '../../agent/demo/cast.js';
import { Cluster } from '../../agent/demo/cluster.js';
import { containerCgroup, containerId, uidOf } from '../../agent/demo/containers.js';
import type { KubernetesObject } from '../../agent/demo/kubernetes/stored.js';
import { runOf } from '../../agent/demo/run.js';

const run = runOf('weft-demo-7-1234', '/cgroup');

const named = (object: KubernetesObject): string =>
  `${object.kind} ${object.metadata.namespace ?? '-'}/${object.metadata.name.replace(/-[0-9a-f]{5}$/, '')}`;

test('the cluster has what users apply and what kubelet and controllers write', (t) => {
  t.deepEqual(new Cluster(run, true).objects().map(named), [
    'Namespace -/weft-system',
    'Namespace -/default',
    'GatewayClass -/weft',
    'Service default/catalog',
    'VirtualService default/catalog',
    'DestinationRule default/catalog',
    'Node -/demo',
    'Gateway default/user-service-gateway',
    'VirtualService default/user-service',
    'DestinationRule default/user-service',
    'DestinationRule default/order-service',
    'Service default/user-service',
    'Service default/order-service',
    ...['catalog-1', 'catalog-2', 'catalog-3', 'catalog-4', 'order-1', 'order-2', 'user-1', 'user-2', 'client'].map(
      (name) => `Pod default/${name}`,
    ),
    'EndpointSlice default/catalog',
    'EndpointSlice default/user-service',
    'EndpointSlice default/order-service',
    'EndpointSlice default/order-service',
  ]);
});

test('Pods are captured by a label, and found by their UID', (t) => {
  const objects = new Cluster(run, true).objects();
  const find = (kind: string, name: string): KubernetesObject =>
    objects.find((object) => object.kind === kind && object.metadata.name === name)!;
  t.like(find('Namespace', 'default').metadata, { labels: { 'weft.dev/mesh': 'enabled' } });
  const pod = find('Pod', 'catalog-4');
  t.is(pod.metadata.annotations, undefined);
  t.is(pod.metadata.uid, uidOf(run, 'Pod', 'catalog-4'));
  t.like(pod.metadata, { ownerReferences: { 0: { kind: 'ReplicaSet', controller: true } } });
  const [owner] = pod.metadata.ownerReferences as [{ readonly name: string }];
  const labels = pod.metadata.labels as Readonly<Record<string, string>>;
  t.is(owner.name, `catalog-v2-${labels['pod-template-hash']}`);
});

test('a Pod that is no longer ready changes itself and the slices of its Service, in this order', (t) => {
  const cluster = new Cluster(run, true);
  t.deepEqual(
    cluster.mark(podNamed('order-1'), true).map((write) => ('apply' in write ? named(write.apply) : '')),
    ['Pod default/order-1'],
  );
  const writes = cluster.mark(podNamed('order-1'), false);
  t.deepEqual(
    writes.map((write) => ('apply' in write ? named(write.apply) : '')),
    ['Pod default/order-1', 'EndpointSlice default/order-service', 'EndpointSlice default/order-service'],
  );
  const told = JSON.stringify(cluster.objects());
  for (const write of writes) t.true('apply' in write && told.includes(JSON.stringify(write.apply)));
});

test('containers’ cgroups are laid out as kubelet’s cgroupfs driver does', (t) => {
  const cgroup = containerCgroup(run, 'user-1', 'app');
  t.regex(
    cgroup,
    /^\/cgroup\/weft-demo-7-1234\/kubepods\/burstable\/pod[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-a[0-9a-f]{3}-[0-9a-f]{12}\/[0-9a-f]{64}$/,
  );
  t.true(cgroup.includes(`/pod${uidOf(run, 'Pod', 'user-1')}/`));
  t.true(cgroup.endsWith(containerId(run, 'user-1', 'app')));
  t.not(containerId(run, 'user-1', 'app'), containerId(run, 'user-1', 'sandbox'));
  t.not(uidOf(run, 'Pod', 'user-1'), uidOf(runOf('weft-demo-8-1234', '/cgroup'), 'Pod', 'user-1'));
});
