import test from 'ava';
import { HttpRules } from '../../agent/compile/http/rules.js';
import { compileTarget, type GatewayUse, gatewayOf } from '../../agent/compile/l7.js';
import type { Target } from '../../agent/compile/snapshot.js';
import { virtualService } from '../gateway/manifest.js';
import { compiled } from '../gateway/outcome.js';

interface Bound {
  readonly use: GatewayUse;
  readonly target: Target | undefined;
}

async function boundOf(manifests: string, key = 'default/web', number?: number, family: 4 | 6 = 4): Promise<Bound> {
  const { catalog } = await compiled(manifests);
  const rules = new HttpRules(catalog);
  const service = catalog.service(key)!;
  const port = service.ports.find((each) => number === undefined || each.port === number)!;
  return { use: gatewayOf(service, port, rules), target: compileTarget(key, port, family, rules) };
}

function web(port: string, more = ''): string {
  return `apiVersion: v1
kind: Service
metadata: { name: web, namespace: default${more} }
spec: { clusterIP: 10.96.1.1, clusterIPs: [10.96.1.1, "fd00::1"], selector: { app: ratings }, ports: [${port}] }
---
`;
}

const http = virtualService('- route: [{ destination: { host: ratings } }]', 'hosts: [web]', 'web');
const l7 = ', annotations: { weft.dev/l7: enabled }';
const closed = ', annotations: { weft.dev/l7: enabled, weft.dev/when-agent-down: closed }';

const protocols: readonly (readonly [port: string, detection: Target['detection'] | undefined])[] = [
  ['{ name: http, port: 80 }', 'http'],
  ['{ name: http-api, port: 80 }', 'http'],
  ['{ name: http2, port: 80 }', 'http'],
  ['{ name: grpc-x, port: 80 }', 'http'],
  ['{ name: h2c, port: 80 }', 'http'],
  ['{ name: grpc-web, port: 80 }', 'http'],
  ['{ name: web, appProtocol: kubernetes.io/h2c, port: 80 }', 'http'],
  ['{ name: web, appProtocol: kubernetes.io/ws, port: 80 }', 'http'],
  ['{ name: tcp, appProtocol: http, port: 80 }', 'http'],
  ['{ port: 80 }', 'sniff'],
  ['{ name: web, port: 80 }', 'sniff'],
  ['{ name: httpx, port: 80 }', 'sniff'],
  ['{ name: tcp, port: 80 }', undefined],
  ['{ name: tls-x, port: 80 }', undefined],
  ['{ name: https, port: 443 }', undefined],
  ['{ name: mongo, port: 80 }', undefined],
  ['{ name: redis-cache, port: 80 }', undefined],
  ['{ name: http, appProtocol: tcp, port: 80 }', undefined],
  ['{ name: http, protocol: UDP, port: 80 }', undefined],
];

for (const [port, detection] of protocols) {
  test(`a port ${port} with an HTTP rule is ${detection ?? 'not the gateway’s'}`, async (t) => {
    const { use, target } = await boundOf(web(port) + http);
    t.is(target?.detection, detection);
    t.is(use, detection === undefined ? 'none' : 'bypass');
  });
}

test('annotation weft.dev/l7 makes HTTP and sniffed ports the gateway’s, and no others', async (t) => {
  t.is((await boundOf(web('{ name: http, port: 80 }', l7))).use, 'bypass');
  t.is((await boundOf(web('{ port: 80 }', l7))).use, 'bypass');
  t.is((await boundOf(web('{ name: tcp, port: 80 }', l7))).use, 'none');
  t.is((await boundOf(web('{ name: http, port: 80 }'))).use, 'none');
});

test('annotation weft.dev/when-agent-down', async (t) => {
  t.is((await boundOf(web('{ name: http, port: 80 }', closed))).use, 'closed');
  t.is((await boundOf(web('{ name: tcp, port: 80 }', closed))).use, 'none');
});

test('a target names itself, its cluster and its addresses of the family', async (t) => {
  const manifests = web('{ name: http, port: 80 }') + http;
  const { target } = await boundOf(manifests);
  t.like(target, {
    service: 'default/web',
    host: 'web.default.svc.cluster.local',
    port: 80,
    family: 4,
    addresses: ['10.96.1.1'],
    cluster: 'web.default.svc.cluster.local:80',
  });
  t.deepEqual((await boundOf(manifests, 'default/web', 80, 6)).target?.addresses, ['fd00::1']);
});

test('a port without an address of the family is no target', async (t) => {
  const { target, use } = await boundOf(
    virtualService('- route: [{ destination: { host: ratings } }]'),
    'default/reviews',
    9080,
    6,
  );
  t.is(target, undefined);
  t.is(use, 'bypass');
});

const connections = `apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: web, namespace: default }
spec:
  hosts: [web]
  exportTo: [.]
  tls:
  - match: [{ sniHosts: [web], port: 80, sourceLabels: { app: client } }, { sniHosts: [web], port: 81 }]
    route: [{ destination: { host: database }, weight: 3 }, { destination: { host: ratings }, weight: 1 }]
  tcp:
  - match: [{ destinationSubnets: [10.96.0.0/16], sourceSubnet: 10.1.0.0/24, sourceNamespace: default, gateways: [mesh] }]
    route: [{ destination: { host: ratings } }]
  - route: [{ destination: { host: database } }]
`;

test('tls and tcp rules make a TCP port the gateway’s', async (t) => {
  const { use, target } = await boundOf(web('{ name: tcp, port: 80 }') + connections);
  t.is(use, 'bypass');
  t.is(target?.detection, 'opaque');
  t.deepEqual(target?.tls, [
    {
      name: 'VirtualService default/web tls[0]',
      namespaces: ['default'],
      destinationSubnets: [],
      port: 80,
      sourceLabels: { app: 'client' },
      sourceNamespace: undefined,
      gateways: undefined,
      destinations: [
        { cluster: 'database.default.svc.cluster.local:5432', weight: 3 },
        { cluster: 'ratings.default.svc.cluster.local:9080', weight: 1 },
      ],
      sniHosts: ['web'],
    },
  ]);
  t.deepEqual(
    target?.tcp.map(({ name, sourceSubnets, destinationSubnets, sourceNamespace, gateways }) => [
      name,
      sourceSubnets,
      destinationSubnets,
      sourceNamespace,
      gateways,
    ]),
    [
      ['VirtualService default/web tcp[0]', ['10.1.0.0/24'], ['10.96.0.0/16'], 'default', ['mesh']],
      ['VirtualService default/web tcp[1]', [], [], undefined, undefined],
    ],
  );
});

test('on an HTTP port tls and tcp rules mean nothing', async (t) => {
  t.is((await boundOf(web('{ name: http, port: 80 }') + connections)).use, 'none');
});

test('on a port that does not say what it is all rules count', async (t) => {
  const both = connections.replace('spec:\n', 'spec:\n  http: [{ route: [{ destination: { host: ratings } }] }]\n');
  const { target } = await boundOf(web('{ port: 80 }') + both);
  t.is(target?.detection, 'sniff');
  t.is(target?.http.sets.length, 1);
  t.is(target?.tls.length, 1);
  t.is(target?.tcp.length, 2);
});
