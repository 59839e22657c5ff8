import test from 'ava';
import { type EndpointPod, endpointSlicesOf, type ServiceObject } from '../../agent/demo/endpoint-slices.js';

interface PodTraits {
  readonly labels?: Readonly<Record<string, string>>;
  readonly namespace?: string;
  readonly ips?: readonly string[];
  readonly ready?: boolean;
  readonly ending?: boolean;
  readonly phase?: string;
  readonly ports?: EndpointPod['spec']['containers'][number]['ports'];
}

function pod(name: string, traits: PodTraits = {}): EndpointPod {
  const { labels = { app: 'shop' }, namespace = 'default', ips = [`10.0.0.${name.length}`], ready = true } = traits;
  const ending = traits.ending === true ? { deletionTimestamp: '2026-01-01T00:00:00Z' } : {};
  return {
    metadata: { name, namespace, uid: `uid-${name}`, labels, ...ending },
    spec: { nodeName: 'n1', containers: [{ ports: traits.ports ?? [{ name: 'web', containerPort: 8080 }] }] },
    status: {
      phase: traits.phase ?? 'Running',
      podIPs: ips.map((ip) => ({ ip })),
      conditions: [{ type: 'Ready', status: ready ? 'True' : 'False' }],
    },
  };
}

function service(spec: ServiceObject['spec']): ServiceObject {
  return {
    metadata: { name: 'shop', namespace: 'default', uid: 'uid-shop', labels: { team: 'a' } },
    spec: { selector: { app: 'shop' }, ports: [{ name: 'http', port: 80, targetPort: 8080 }], ...spec },
  };
}

const conditionsOf = (each: EndpointPod, spec: ServiceObject['spec'] = {}): unknown =>
  endpointSlicesOf(service(spec), [each])[0]!.endpoints![0]!.conditions;

test('a slice has the addresses and states of the Pods that the selector means', (t) => {
  const others = [pod('other', { labels: { app: 'x' } }), pod('elsewhere', { namespace: 'b' })];
  const ended = [pod('done', { phase: 'Succeeded' }), pod('broken', { phase: 'Failed' })];
  const [slice, ...rest] = endpointSlicesOf(service({}), [pod('a'), ...others, ...ended, pod('bb', { ready: false })]);
  t.deepEqual(rest, []);
  const { metadata, ...body } = slice!;
  t.regex(metadata.name, /^shop-[0-9a-f]{5}$/);
  t.deepEqual(metadata.labels, {
    team: 'a',
    'endpointslice.kubernetes.io/managed-by': 'endpointslice-controller.k8s.io',
    'kubernetes.io/service-name': 'shop',
  });
  t.like(metadata.ownerReferences, { 0: { kind: 'Service', name: 'shop', uid: 'uid-shop', controller: true } });
  t.deepEqual(body, {
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    addressType: 'IPv4',
    endpoints: [
      {
        addresses: ['10.0.0.1'],
        conditions: { ready: true, serving: true, terminating: false },
        targetRef: { kind: 'Pod', namespace: 'default', name: 'a', uid: 'uid-a' },
        nodeName: 'n1',
      },
      {
        addresses: ['10.0.0.2'],
        conditions: { ready: false, serving: false, terminating: false },
        targetRef: { kind: 'Pod', namespace: 'default', name: 'bb', uid: 'uid-bb' },
        nodeName: 'n1',
      },
    ],
    ports: [{ name: 'http', protocol: 'TCP', port: 8080 }],
  });
});

test('a Pod that ends serves on while it is ready, and is not ready', (t) => {
  t.deepEqual(conditionsOf(pod('a', { ending: true })), { ready: false, serving: true, terminating: true });
  const both = pod('a', { ending: true, ready: false });
  t.deepEqual(conditionsOf(both), { ready: false, serving: false, terminating: true });
});

test('publishNotReadyAddresses makes every endpoint ready, and tells whether it serves', (t) => {
  const published = conditionsOf(pod('a', { ready: false }), { publishNotReadyAddresses: true });
  t.deepEqual(published, { ready: true, serving: false, terminating: false });
});

test('each family has its own slice, an empty one where no Pod has an address of it', (t) => {
  const families = { ipFamilies: ['IPv4', 'IPv6'] } as const;
  const both = endpointSlicesOf(service(families), [pod('a', { ips: ['10.0.0.1', 'fd00::1'] })]);
  const seen = both.map(({ addressType, endpoints }) => `${addressType} ${endpoints?.[0]?.addresses}`);
  t.deepEqual(seen.sort(), ['IPv4 10.0.0.1', 'IPv6 fd00::1']);
  const single = endpointSlicesOf(service(families), [pod('a')]);
  t.deepEqual(
    single.filter(({ addressType }) => addressType === 'IPv6').map(({ endpoints, ports }) => [endpoints, ports]),
    [[null, null]],
  );
});

test('a named targetPort is each Pod’s own number: Pods of other numbers are in another slice', (t) => {
  const named = { ports: [{ name: 'http', port: 80, targetPort: 'web' }] };
  const old = pod('a', { ports: [{ name: 'web', containerPort: 8080 }] });
  const young = pod('bb', { ports: [{ name: 'web', containerPort: 9090 }] });
  const without = pod('ccc', { ports: [{ name: 'web', containerPort: 53, protocol: 'UDP' }] });
  const slices = endpointSlicesOf(service(named), [old, young, without]);
  const shown = slices.map(({ ports, endpoints }) => [
    endpoints!.map(({ targetRef }) => targetRef.name).join(),
    ...ports!.map(({ port }) => port),
  ]);
  t.deepEqual(shown.sort(), [['a', 8080], ['bb', 9090], ['ccc']]);
  t.is(new Set(slices.map(({ metadata }) => metadata.name)).size, 3);
});

test('without targetPort the port is meant, and protocol and appProtocol are the Service’s', (t) => {
  const ports = [
    { name: 'dns', port: 53, protocol: 'UDP' },
    { name: 'h2', port: 81, appProtocol: 'kubernetes.io/h2c' },
  ];
  t.deepEqual(endpointSlicesOf(service({ ports }), [pod('a')])[0]!.ports, [
    { name: 'dns', protocol: 'UDP', port: 53 },
    { name: 'h2', protocol: 'TCP', port: 81, appProtocol: 'kubernetes.io/h2c' },
  ]);
});

test('a Service without selector has none; its endpoints are somebody else’s', (t) => {
  t.deepEqual(endpointSlicesOf(service({ selector: {} }), [pod('a')]), []);
});

test('a slice keeps its name while Pods come and go', (t) => {
  const name = (pods: readonly EndpointPod[]): string => endpointSlicesOf(service({}), pods)[0]!.metadata.name;
  t.is(name([pod('a')]), name([pod('a', { ready: false }), pod('bb')]));
});
