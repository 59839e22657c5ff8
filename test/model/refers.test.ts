import test from 'ava';
import { parseObject } from '../../agent/model/parse.js';
import { referencesOf } from '../../agent/model/refers.js';
import { origin, type Raw, rawGatewayApi, rawIstio, rawRule } from './objects.js';

const to = (host: string, port?: number): Raw => ({
  destination: port === undefined ? { host } : { host, port: { number: port } },
});

const cases: readonly (readonly [string, Raw, readonly string[]])[] = [
  [
    'a VirtualService',
    rawIstio('VirtualService', {
      hosts: ['web', 'db.example.com'],
      gateways: ['mesh', 'g', 'other/g'],
      http: [
        {
          match: [{ uri: { prefix: '/' }, gateways: ['h'] }],
          route: [{ ...to('web', 80), weight: 1 }, to('web.b')],
          mirror: { host: 'web.b.svc.cluster.local' },
        },
        { route: [to('web')], mirrors: [to('copy', 81)] },
        { delegate: { name: 'd' } },
      ],
      tls: [{ match: [{ sniHosts: ['db.example.com'] }], route: [to('db')] }],
      tcp: [{ route: [to('db.example.com', 5432)] }],
    }),
    [
      'Gateway ns/g spec.gateways[1]',
      'Gateway other/g spec.gateways[2]',
      'Gateway ns/h spec.http[0].match[0].gateways[0]',
      'Service ns/web spec.http[0].route[0].destination.host port 80 spec.http[0].route[0].destination.port.number',
      'Service b/web spec.http[0].route[1].destination.host',
      'Service b/web spec.http[0].mirror.host',
      'Service ns/web spec.http[1].route[0].destination.host',
      'Service ns/copy spec.http[1].mirrors[0].destination.host port 81 spec.http[1].mirrors[0].destination.port.number',
      'VirtualService ns/d spec.http[2].delegate.name',
      'Service ns/db spec.tls[0].route[0].destination.host',
      'Host db.example.com spec.tcp[0].route[0].destination.host port 5432 spec.tcp[0].route[0].destination.port.number',
    ],
  ],
  [
    'a DestinationRule',
    rawRule({
      trafficPolicy: {
        tls: { mode: 'SIMPLE', credentialName: 'a' },
        portLevelSettings: [
          { port: { number: 80 } },
          { port: { number: 81 }, tls: { mode: 'SIMPLE', credentialName: 'b' } },
        ],
      },
      subsets: [
        { name: 'v1', trafficPolicy: { tls: { mode: 'MUTUAL', credentialName: 'c' } } },
        { name: 'v2', trafficPolicy: { tls: { mode: 'DISABLE', credentialName: 'd' } } },
      ],
    }),
    [
      'Secret default/a spec.trafficPolicy.tls.credentialName',
      'Secret default/b spec.trafficPolicy.portLevelSettings[1].tls.credentialName',
      'Secret default/c spec.subsets[0].trafficPolicy.tls.credentialName',
    ],
  ],
  [
    'a Gateway of Istio',
    rawIstio('Gateway', {
      servers: [
        {
          port: { number: 443, name: 'https', protocol: 'HTTPS' },
          hosts: ['a'],
          tls: { mode: 'MUTUAL', credentialName: 'c', caCertCredentialName: 'ca' },
        },
        {
          port: { number: 443, name: 'more', protocol: 'HTTPS' },
          hosts: ['b'],
          tls: { mode: 'SIMPLE', credentialNames: ['d', 'e'] },
        },
      ],
    }),
    [
      'Secret ns/c spec.servers[0].tls.credentialName',
      'Secret ns/ca spec.servers[0].tls.caCertCredentialName',
      'Secret ns/d spec.servers[1].tls.credentialNames[0]',
      'Secret ns/e spec.servers[1].tls.credentialNames[1]',
    ],
  ],
  [
    'a Gateway of the Gateway API',
    rawGatewayApi('Gateway', {
      gatewayClassName: 'weft',
      listeners: [
        {
          name: 'a',
          port: 443,
          protocol: 'HTTPS',
          tls: { certificateRefs: [{ name: 'c' }, { name: 'd', namespace: 'b' }, { kind: 'ConfigMap', name: 'e' }] },
        },
      ],
    }),
    [
      'GatewayClass /weft spec.gatewayClassName',
      'Secret ns/c spec.listeners[0].tls.certificateRefs[0].name',
      'Secret b/d spec.listeners[0].tls.certificateRefs[1].name',
    ],
  ],
  [
    'an HTTPRoute',
    rawGatewayApi('HTTPRoute', {
      parentRefs: [
        { name: 'g' },
        { kind: 'Service', group: '', name: 'web', port: 80 },
        { group: 'x.y', kind: 'Z', name: 'z' },
      ],
      rules: [
        {
          filters: [{ type: 'RequestMirror', requestMirror: { backendRef: { name: 'copy', port: 81 } } }],
          backendRefs: [
            { name: 'web', namespace: 'b', port: 80 },
            { group: 'x.y', kind: 'Z', name: 'z' },
          ],
        },
      ],
    }),
    [
      'KubernetesGateway ns/g spec.parentRefs[0].name',
      'Service ns/web spec.parentRefs[1].name port 80 spec.parentRefs[1].port',
      'Service ns/copy spec.rules[0].filters[0].requestMirror.backendRef.name port 81 spec.rules[0].filters[0].requestMirror.backendRef.port',
      'Service b/web spec.rules[0].backendRefs[0].name port 80 spec.rules[0].backendRefs[0].port',
    ],
  ],
  [
    'a GRPCRoute',
    rawGatewayApi('GRPCRoute', { rules: [{ backendRefs: [{ name: 'web', port: 80 }] }] }),
    ['Service ns/web spec.rules[0].backendRefs[0].name port 80 spec.rules[0].backendRefs[0].port'],
  ],
];

for (const [title, raw, expected] of cases) {
  test(`${title} refers to others`, (t) => {
    const { object } = parseObject(raw, origin);
    t.deepEqual(
      referencesOf(object!).map(({ kind, key, path, port }) =>
        [kind, key, path, ...(port === undefined ? [] : ['port', port.number, port.path])].join(' '),
      ),
      expected,
    );
  });
}
