import test from 'ava';
import type { KubernetesGateway } from '../../agent/model/kubernetes-gateway.js';
import { findings, parsed, type Raw, rawGatewayApi } from './objects.js';

const plain = { name: 'http', port: 80, protocol: 'HTTP' };
const secure = { name: 'https', port: 443, protocol: 'HTTPS', tls: { certificateRefs: [{ name: 'c' }] } };

function raw(...listeners: readonly Raw[]): Raw {
  return rawGatewayApi('Gateway', { gatewayClassName: 'weft', listeners });
}

test('Gateway of the Gateway API: every field', (t) => {
  const object = raw(
    { ...plain, hostname: '*.Example.com' },
    {
      ...secure,
      tls: { mode: 'Terminate', certificateRefs: [{ name: 'c', namespace: 'b' }] },
      allowedRoutes: {
        namespaces: {
          from: 'Selector',
          selector: {
            matchLabels: { a: 'b' },
            matchExpressions: [
              { key: 'k', operator: 'In', values: ['v'] },
              { key: 'l', operator: 'Exists' },
            ],
          },
        },
        kinds: [{ kind: 'HTTPRoute' }],
      },
    },
  );
  t.deepEqual(findings(object), []);
  const { meta: _, ...gateway } = parsed('KubernetesGateway', object);
  const expected: Omit<KubernetesGateway, 'meta'> = {
    kind: 'KubernetesGateway',
    gatewayClassName: 'weft',
    listeners: [
      {
        name: 'http',
        hostname: '*.example.com',
        port: 80,
        protocol: 'HTTP',
        tls: undefined,
        allowedRoutes: { namespaces: { from: 'Same' }, kinds: [] },
      },
      {
        name: 'https',
        hostname: undefined,
        port: 443,
        protocol: 'HTTPS',
        tls: {
          mode: 'Terminate',
          certificateRefs: [{ group: '', kind: 'Secret', namespace: 'b', name: 'c' }],
          options: {},
        },
        allowedRoutes: {
          namespaces: {
            from: 'Selector',
            selector: {
              matchLabels: { a: 'b' },
              matchExpressions: [
                { key: 'k', operator: 'In', values: ['v'] },
                { key: 'l', operator: 'Exists', values: [] },
              ],
            },
          },
          kinds: [{ group: 'gateway.networking.k8s.io', kind: 'HTTPRoute' }],
        },
      },
    ],
  };
  t.deepEqual(gateway, expected);
});

const l = 'spec.listeners[0]';
const listeners: readonly (readonly [string, readonly Raw[], readonly string[]])[] = [
  ['none', [], ['WEFT0208 error spec.listeners']],
  ['two of a name', [plain, { ...plain, port: 81 }], ['WEFT0211 error spec.listeners[1].name']],
  ['two of a port', [plain, { ...plain, name: 'b' }], ['WEFT0211 error spec.listeners[1]']],
  ['two hosts of a port', [plain, { ...plain, name: 'b', hostname: 'b' }], []],
  ['a name that is none', [{ ...plain, name: 'A' }], [`WEFT0204 error ${l}.name`]],
  ['UDP', [{ ...plain, protocol: 'UDP' }], [`WEFT0307 warning ${l}.protocol`]],
  ['TCP', [{ ...plain, protocol: 'TCP' }], [`WEFT0312 warning ${l}.protocol`]],
  [
    'TCP with a host',
    [{ ...plain, protocol: 'TCP', hostname: 'a' }],
    [`WEFT0312 warning ${l}.protocol`, `WEFT0212 error ${l}.hostname`],
  ],
  ['HTTPS without TLS', [{ ...secure, tls: undefined }], [`WEFT0208 error ${l}.tls`]],
  ['HTTPS passed through', [{ ...secure, tls: { mode: 'Passthrough' } }], [`WEFT0212 error ${l}.tls.mode`]],
  ['HTTP with TLS', [{ ...plain, tls: secure.tls }], [`WEFT0212 error ${l}.tls`]],
  ['TLS without a certificate', [{ ...secure, tls: {} }], [`WEFT0208 error ${l}.tls.certificateRefs`]],
  [
    'a certificate of another kind',
    [{ ...secure, tls: { certificateRefs: [{ kind: 'ConfigMap', name: 'c' }] } }],
    [`WEFT0413 warning ${l}.tls.certificateRefs[0]`],
  ],
  [
    'options',
    [{ ...secure, tls: { ...secure.tls, options: { 'x.y/z': '1' } } }],
    [`WEFT0303 warning ${l}.tls.options["x.y/z"]`],
  ],
  [
    'clients’ certificates',
    [{ ...secure, tls: { ...secure.tls, frontendValidation: {} } }],
    [`WEFT0305 error ${l}.tls.frontendValidation`],
  ],
  [
    'a selector that is missing',
    [{ ...plain, allowedRoutes: { namespaces: { from: 'Selector' } } }],
    [`WEFT0208 error ${l}.allowedRoutes.namespaces.selector`],
  ],
  [
    'a selector that is none',
    [
      {
        ...plain,
        allowedRoutes: {
          namespaces: {
            from: 'Selector',
            selector: {
              matchExpressions: [
                { key: 'a', operator: 'In' },
                { key: 'a', operator: 'Exists', values: ['b'] },
              ],
            },
          },
        },
      },
    ],
    [
      `WEFT0208 error ${l}.allowedRoutes.namespaces.selector.matchExpressions[0].values`,
      `WEFT0212 error ${l}.allowedRoutes.namespaces.selector.matchExpressions[1].values`,
    ],
  ],
];

for (const [title, list, expected] of listeners) {
  test(`Listeners: ${title}`, (t) => {
    t.deepEqual(findings(raw(...list)), expected);
  });
}

test('a listener of another protocol is kept, and left alone', (t) => {
  t.is(parsed('KubernetesGateway', raw({ ...plain, protocol: 'UDP' })).listeners[0]!.protocol, 'unsupported');
});

test('addresses and infrastructure of a Gateway are not enforced, TLS for all of it is refused', (t) => {
  const spec = { gatewayClassName: 'weft', listeners: [plain] };
  t.deepEqual(findings(rawGatewayApi('Gateway', { ...spec, addresses: [{ value: '10.0.0.1' }], infrastructure: {} })), [
    'WEFT0303 warning spec.addresses',
    'WEFT0303 warning spec.infrastructure',
  ]);
  t.deepEqual(findings(rawGatewayApi('Gateway', { ...spec, tls: {} })), ['WEFT0305 error spec.tls']);
});

test('GatewayClass and ReferenceGrant', (t) => {
  const gatewayClass = rawGatewayApi('GatewayClass', { controllerName: 'weft.dev/gateway', description: 'x' });
  t.deepEqual(findings(gatewayClass), []);
  t.is(parsed('GatewayClass', gatewayClass).controllerName, 'weft.dev/gateway');
  t.deepEqual(findings(rawGatewayApi('GatewayClass', {})), ['WEFT0208 error spec.controllerName']);
  const grant = rawGatewayApi('ReferenceGrant', {
    from: [{ group: 'gateway.networking.k8s.io', kind: 'HTTPRoute', namespace: 'b' }],
    to: [
      { group: '', kind: 'Service' },
      { group: '', kind: 'Secret', name: 'c' },
    ],
  });
  t.deepEqual(findings(grant), []);
  const { from, to } = parsed('ReferenceGrant', grant);
  t.deepEqual(from, [{ group: 'gateway.networking.k8s.io', kind: 'HTTPRoute', namespace: 'b' }]);
  t.deepEqual(to, [
    { group: '', kind: 'Service', name: undefined },
    { group: '', kind: 'Secret', name: 'c' },
  ]);
  t.deepEqual(findings(rawGatewayApi('ReferenceGrant', { from: [{ group: '', kind: 'x' }] })), [
    'WEFT0208 error spec.from[0].namespace',
    'WEFT0208 error spec.to',
  ]);
});
