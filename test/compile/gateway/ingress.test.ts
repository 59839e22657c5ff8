import test from 'ava';
import { gatewayStatuses, routeStatuses } from '../../../agent/compile/gateway-status.js';
import { unboundFindings } from '../../../agent/compile/ingress.js';
import type { IngressListener } from '../../../agent/compile/snapshot.js';
import { service, World } from './world.js';

const pem = (kind: string) => Buffer.from(`-----BEGIN ${kind}-----\nAA==\n-----END ${kind}-----\n`).toString('base64');

function secret(name: string, namespace = 'shop', ca = ''): string {
  return `
kind: Secret
metadata: {name: ${name}, namespace: ${namespace}}
type: kubernetes.io/tls
data: {tls.crt: ${pem('CERTIFICATE')}, tls.key: ${pem('PRIVATE KEY')}${ca}}
`;
}

/** Gateway `shop/NAME` of Istio, its servers in flow style. */
function gateway(
  servers: string,
  name = 'gate',
  more: { readonly selector?: string; readonly year?: number } = {},
): string {
  const created = more.year === undefined ? '' : `, creationTimestamp: "${more.year}-01-01T00:00:00Z"`;
  return `
kind: Gateway
metadata: {name: ${name}, namespace: shop${created}}
spec: {selector: ${more.selector ?? '{istio: ingressgateway}'}, servers: [${servers}]}
`;
}

const http = '{port: {number: 80, name: http, protocol: HTTP}, hosts: ["*"]}';
const tlsServer = (tls: string, hosts = '["a.example"]') =>
  `{port: {number: 443, name: https, protocol: HTTPS}, hosts: ${hosts}, tls: ${tls}}`;

/** A VirtualService for hosts and gateways, all requests to web. */
function route(hosts: string, gateways: string, name = 'web'): string {
  return `
kind: VirtualService
metadata: {name: ${name}, namespace: shop}
spec: {hosts: ${hosts}, gateways: ${gateways}, http: [{route: [{destination: {host: web}}]}]}
`;
}

/** `PORT PROTOCOL [BINDS]: NAME HOSTS FLAGS -> DOMAINS` a server. */
function show(listeners: Readonly<Record<string, IngressListener>>): readonly string[] {
  return Object.values(listeners).flatMap(({ port, protocol, binds, servers }) =>
    servers.map((server) => {
      const flags = [server.httpsRedirect ? ' redirect' : '', server.tls === undefined ? '' : ' tls'].join('');
      const domains = server.virtualHosts.flatMap((host) => host.domains);
      const rules = [...server.tlsRules.flatMap((rule) => rule.sniHosts), ...server.tcpRules.map(({ name }) => name)];
      const leads = [...domains, ...rules].join(' ');
      return `${port} ${protocol} [${binds.join()}]: ${server.name} ${server.hosts.join()}${flags} -> ${leads}`;
    }),
  );
}

const rows: readonly (readonly [title: string, manifests: readonly string[], expected: readonly string[]])[] = [
  [
    'a gateway of ours, with the hosts of its VirtualService',
    [gateway(http), route('[a.example]', '[gate]')],
    ['80 http []: Gateway shop/gate servers[0] * -> a.example'],
  ],
  ['a gateway whose selector is not ours', [gateway(http, 'gate', { selector: '{istio: other}' })], []],
  [
    'an empty selector means every gateway',
    [gateway(http, 'gate', { selector: '{}' })],
    ['80 http []: Gateway shop/gate servers[0] * -> '],
  ],
  [
    'a VirtualService of another gateway is not served',
    [gateway(http), route('[a.example]', '[other]')],
    ['80 http []: Gateway shop/gate servers[0] * -> '],
  ],
  ...['HTTP2', 'GRPC', 'GRPC-WEB'].map(
    (protocol) =>
      [
        `${protocol} is HTTP`,
        [gateway(http.replace('HTTP', protocol))],
        ['80 http []: Gateway shop/gate servers[0] * -> '],
      ] as const,
  ),
  [
    'httpsRedirect',
    [gateway(http.replace('}, hosts', '}, tls: {httpsRedirect: true}, hosts'))],
    ['80 http []: Gateway shop/gate servers[0] * redirect -> '],
  ],
  [
    'bind',
    [gateway(http.replace('}, hosts', '}, bind: 127.0.0.1, hosts'))],
    ['80 http [127.0.0.1]: Gateway shop/gate servers[0] * -> '],
  ],
  [
    'hosts of a namespace',
    [gateway(http.replace('["*"]', '[./a.example, other/b.example]')), route('[a.example, b.example]', '[gate]')],
    ['80 http []: Gateway shop/gate servers[0] a.example,b.example -> a.example'],
  ],
  [
    'HTTPS by a Secret',
    [gateway(tlsServer('{mode: SIMPLE, credentialName: cert}')), secret('cert'), route('[a.example]', '[gate]')],
    ['443 https []: Gateway shop/gate servers[0] a.example tls -> a.example'],
  ],
  [
    'HTTPS by files',
    [gateway(tlsServer('{mode: SIMPLE, serverCertificate: /cert.pem, privateKey: /key.pem}'))],
    ['443 https []: Gateway shop/gate servers[0] a.example tls -> '],
  ],
  ['HTTPS by a Secret that is not there', [gateway(tlsServer('{mode: SIMPLE, credentialName: none}'))], []],
  [
    'PASSTHROUGH',
    [
      gateway(tlsServer('{mode: PASSTHROUGH}').replace('protocol: HTTPS', 'protocol: TLS')),
      `
kind: VirtualService
metadata: {name: tls, namespace: shop}
spec: {hosts: [a.example], gateways: [gate], tls: [{match: [{sniHosts: [a.example]}], route: [{destination: {host: web}}]}]}
`,
    ],
    ['443 tls []: Gateway shop/gate servers[0] a.example -> a.example'],
  ],
  [
    'TLS that ends here, then TCP',
    [
      gateway(tlsServer('{mode: SIMPLE, credentialName: cert}').replace('protocol: HTTPS', 'protocol: TLS')),
      secret('cert'),
      `
kind: VirtualService
metadata: {name: tcp, namespace: shop}
spec: {hosts: [a.example], gateways: [gate], tcp: [{route: [{destination: {host: web}}]}]}
`,
    ],
    ['443 tls []: Gateway shop/gate servers[0] a.example tls -> VirtualService shop/tcp tcp[0]'],
  ],
  [
    'TCP',
    [
      gateway(http.replace('HTTP', 'TCP')),
      `
kind: VirtualService
metadata: {name: tcp, namespace: shop}
spec: {hosts: ["*"], gateways: [gate], tcp: [{route: [{destination: {host: web}}]}]}
`,
    ],
    ['80 tcp []: Gateway shop/gate servers[0] * -> VirtualService shop/tcp tcp[0]'],
  ],
  [
    'a server of HTTP has no use for tcp and tls rules',
    [
      gateway(`${http}, ${tlsServer('{mode: SIMPLE, credentialName: cert}')}`),
      secret('cert'),
      `
kind: VirtualService
metadata: {name: all, namespace: shop}
spec:
  hosts: [a.example]
  gateways: [gate]
  http: [{route: [{destination: {host: web}}]}]
  tls: [{match: [{sniHosts: [a.example]}], route: [{destination: {host: web}}]}]
  tcp: [{route: [{destination: {host: web}}]}]
`,
    ],
    [
      '80 http []: Gateway shop/gate servers[0] * -> a.example',
      '443 https []: Gateway shop/gate servers[1] a.example tls -> a.example',
    ],
  ],
  [
    'two gateways on one port are one listener',
    [gateway(http, 'a'), gateway(http, 'b'), route('[a.example]', '[a]', 'ra'), route('[b.example]', '[b]', 'rb')],
    ['80 http []: Gateway shop/a servers[0] * -> a.example', '80 http []: Gateway shop/b servers[0] * -> b.example'],
  ],
  [
    'another protocol on one port: the older gateway has it',
    [gateway(http, 'a', { year: 2025 }), gateway(http.replace('HTTP', 'TCP'), 'b', { year: 2024 })],
    ['80 tcp []: Gateway shop/b servers[0] * -> '],
  ],
  [
    'HTTPS and passthrough share a port',
    [
      gateway(
        `${tlsServer('{mode: SIMPLE, credentialName: cert}')}, ${tlsServer('{mode: PASSTHROUGH}', '["b.example"]')}`,
      ),
      secret('cert'),
    ],
    [
      '443 https []: Gateway shop/gate servers[0] a.example tls -> ',
      '443 https []: Gateway shop/gate servers[1] b.example -> ',
    ],
  ],
  [
    'a name of TLS leads to one server',
    [
      gateway(tlsServer('{mode: SIMPLE, credentialName: cert}'), 'a'),
      gateway(tlsServer('{mode: SIMPLE, credentialName: cert}', '[a.example, b.example]'), 'b'),
      secret('cert'),
    ],
    [
      '443 https []: Gateway shop/a servers[0] a.example tls -> ',
      '443 https []: Gateway shop/b servers[0] b.example tls -> ',
    ],
  ],
];

for (const [title, manifests, expected] of rows) {
  test(`ingress: ${title}`, (t) => {
    t.deepEqual(show(new World([service(), ...manifests]).compiler.snapshot.ingress), expected);
  });
}

test('clusters that only ingress names are there', (t) => {
  const plain = service().replace('weft.dev/l7: enabled', '');
  const { clusters, targets } = new World([plain, gateway(http), route('[a.example]', '[gate]')]).compiler.snapshot;
  t.deepEqual([Object.keys(targets), Object.keys(clusters)], [[], ['web.shop.svc.cluster.local:80']]);
});

const tlsSettings: readonly (readonly [string, string, object])[] = [
  ['{mode: SIMPLE, credentialName: cert}', '', {}],
  ['{mode: MUTUAL, credentialName: cert}', `, ca.crt: ${pem('CERTIFICATE')}`, { clientCertificate: 'required' }],
  [
    '{mode: OPTIONAL_MUTUAL, credentialName: cert}',
    `, ca.crt: ${pem('CERTIFICATE')}`,
    { clientCertificate: 'optional' },
  ],
  ['{mode: SIMPLE, credentialName: cert, minProtocolVersion: TLSV1_3}', '', { minVersion: 'TLSv1.3' }],
  ['{mode: SIMPLE, credentialName: cert, maxProtocolVersion: TLSV1_2}', '', { maxVersion: 'TLSv1.2' }],
  [
    '{mode: SIMPLE, credentialName: cert, cipherSuites: [AES256-GCM-SHA384]}',
    '',
    { cipherSuites: ['AES256-GCM-SHA384'] },
  ],
  ['{mode: SIMPLE, credentialName: cert, subjectAltNames: [x]}', '', { subjectAltNames: ['x'] }],
];

for (const [tls, ca, expected] of tlsSettings) {
  test(`ingress: ${tls}`, (t) => {
    const world = new World([service(), gateway(tlsServer(tls)), secret('cert', 'shop', ca)]);
    const { certificates, authorities, ...found } = world.compiler.snapshot.ingress['443']!.servers[0]!.tls!;
    t.deepEqual(found, {
      clientCertificate: 'none',
      subjectAltNames: [],
      minVersion: 'TLSv1.2',
      maxVersion: 'TLSv1.3',
      cipherSuites: [],
      ...expected,
    });
    t.regex(certificates[0]!.key, /^-----BEGIN PRIVATE KEY/);
    t.is(authorities !== '', ca !== '');
  });
}

test('authorities of clients: NAME-cacert, or a file; without one nothing is served', (t) => {
  const mutual = gateway(tlsServer('{mode: MUTUAL, credentialName: cert}'));
  t.deepEqual(new World([service(), mutual, secret('cert')]).compiler.snapshot.ingress, {});
  const cacert = secret('cert-cacert', 'shop', `, ca.crt: ${pem('CERTIFICATE')}`);
  const world = new World([service(), mutual, secret('cert'), cacert]);
  t.regex(world.compiler.snapshot.ingress['443']!.servers[0]!.tls!.authorities, /^-----BEGIN/);
  const files = '{mode: MUTUAL, serverCertificate: /cert.pem, privateKey: /key.pem, caCertificates: /ca.pem}';
  const { tls } = new World([service(), gateway(tlsServer(files))]).compiler.snapshot.ingress['443']!.servers[0]!;
  t.deepEqual([tls!.certificates, tls!.authorities], [[{ certificate: 'CERT', key: 'KEY' }], 'CA']);
});

test('a Secret may lie where Istio has its gateways, but the own namespace goes first', (t) => {
  const simple = gateway(tlsServer('{mode: SIMPLE, credentialName: cert}'));
  t.deepEqual(Object.keys(new World([service(), simple, secret('cert', 'istio-system')]).compiler.snapshot.ingress), [
    '443',
  ]);
  t.deepEqual(new World([service(), simple, secret('cert', 'other')]).compiler.snapshot.ingress, {});
});

test('conflicts and missing certificates are told', (t) => {
  const world = new World([
    service(),
    gateway(http, 'a'),
    gateway(http.replace('HTTP', 'TCP'), 'b'),
    gateway(http.replace('}, hosts', '}, bind: 10.0.0.1, hosts'), 'c'),
    gateway(tlsServer('{mode: SIMPLE, serverCertificate: /none.pem, privateKey: /key.pem}'), 'd'),
  ]);
  t.deepEqual(world.findings(), [
    'WEFT0507 Gateway shop/b spec.servers[0].port: port 80 speaks http for Gateway shop/a servers[0]',
    'WEFT0507 Gateway shop/c spec.servers[0].port: Gateway shop/a servers[0] binds port 80 to all addresses',
    'WEFT0408 Gateway shop/d spec.servers[0].tls.serverCertificate: the file /none.pem cannot be read: no such file',
  ]);
});

test('a port that is taken is a problem of who asked for it', (t) => {
  const { ingress } = new World([service(), gateway(`${http}, ${http.replace('80', '81')}`)]).compiler;
  const told = unboundFindings(ingress, 81, 'another program listens on it').map(
    ({ code, path, message }) => `${code} ${path} ${message}`,
  );
  t.deepEqual(told, [
    'WEFT0608 spec.servers[1].port.number port 81 cannot be listened on: another program listens on it',
  ]);
  t.deepEqual(unboundFindings(ingress, 82, 'x'), []);
});

/** A Gateway API Gateway `shop/api` of class weft, its listeners in flow style. */
function apiGateway(listeners: string, className = 'weft'): string {
  return `
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {name: api, namespace: shop}
spec: {gatewayClassName: ${className}, listeners: [${listeners}]}
`;
}

const listener = '{name: http, port: 80, protocol: HTTP}';
const ends = (refs: string) =>
  `{name: tls, port: 443, protocol: HTTPS, hostname: a.example, tls: {certificateRefs: [${refs}]}}`;

function httpRoute(more = '', meta = 'name: r, namespace: shop'): string {
  return `
kind: HTTPRoute
metadata: {${meta}}
spec: {parentRefs: [{name: api, namespace: shop}], rules: [{backendRefs: [{name: web, port: 80}]}]${more}}
`;
}

function gatewayClass(controller: string, name = 'weft'): string {
  return `
kind: GatewayClass
metadata: {name: ${name}}
spec: {controllerName: ${controller}}
`;
}

const served = ['80 http []: Gateway shop/api listeners[0] (http) * -> *'];
const grant = `
kind: ReferenceGrant
metadata: {name: g, namespace: other}
spec: {from: [{group: gateway.networking.k8s.io, kind: Gateway, namespace: shop}], to: [{group: "", kind: Secret}]}
`;

const apiRows: readonly (readonly [title: string, manifests: readonly string[], expected: readonly string[]])[] = [
  ['of class weft, without the class', [apiGateway(listener), httpRoute()], served],
  ['of a class of ours', [apiGateway(listener, 'mine'), gatewayClass('weft.dev/gateway', 'mine'), httpRoute()], served],
  ['of a class of somebody else', [apiGateway(listener), gatewayClass('example.com/other'), httpRoute()], []],
  ['of an unknown class', [apiGateway(listener, 'mine'), httpRoute()], []],
  [
    'a hostname',
    [
      apiGateway('{name: http, port: 80, protocol: HTTP, hostname: "*.example"}'),
      httpRoute(', hostnames: [a.example, b.other]'),
    ],
    ['80 http []: Gateway shop/api listeners[0] (http) *.example -> a.example'],
  ],
  [
    'HTTPS',
    [apiGateway(ends('{name: cert}')), secret('cert'), httpRoute()],
    ['443 https []: Gateway shop/api listeners[0] (tls) a.example tls -> a.example'],
  ],
  ['HTTPS by a Secret of elsewhere', [apiGateway(ends('{name: cert, namespace: other}')), secret('cert', 'other')], []],
  [
    'HTTPS by a Secret of elsewhere that is granted',
    [apiGateway(ends('{name: cert, namespace: other}')), secret('cert', 'other'), grant],
    ['443 https []: Gateway shop/api listeners[0] (tls) a.example tls -> '],
  ],
  [
    'routes of other namespaces',
    [apiGateway(listener), httpRoute('', 'name: r, namespace: other')],
    ['80 http []: Gateway shop/api listeners[0] (http) * -> '],
  ],
  [
    'routes of all namespaces',
    [
      apiGateway('{name: http, port: 80, protocol: HTTP, allowedRoutes: {namespaces: {from: All}}}'),
      httpRoute('', 'name: r, namespace: other'),
    ],
    served,
  ],
  [
    'beside a gateway of Istio',
    [gateway(http, 'zz'), apiGateway(listener), httpRoute()],
    [...served, '80 http []: Gateway shop/zz servers[0] * -> '],
  ],
];

for (const [title, manifests, expected] of apiRows) {
  test(`ingress of the Gateway API: ${title}`, (t) => {
    t.deepEqual(show(new World([service(), ...manifests]).compiler.snapshot.ingress), expected);
  });
}

test('from an API server the class must be there', (t) => {
  const from = (...more: string[]) =>
    new World([service(), apiGateway(listener), ...more], { directoryMode: false }).compiler.snapshot.ingress;
  t.deepEqual(from(), {});
  t.deepEqual(Object.keys(from(gatewayClass('weft.dev/gateway'))), ['80']);
});

/** `TYPE=STATUS REASON` of each condition. */
function shown(
  conditions: readonly { readonly type: string; readonly status: string; readonly reason: string }[],
): string {
  return conditions.map(({ type, status, reason }) => `${type}=${status} ${reason}`).join(', ');
}

const fine =
  'Accepted=True Accepted, ResolvedRefs=True ResolvedRefs, Programmed=True Programmed, Conflicted=False NoConflicts';

const statusRows: readonly (readonly [string, string, ReadonlyMap<number, string>, string, readonly string[]])[] = [
  ['all is well', listener, new Map(), 'Accepted=True Accepted, Programmed=True Programmed', [fine]],
  [
    'a port is taken',
    listener,
    new Map([[80, 'taken']]),
    'Accepted=True Accepted, Programmed=False Invalid',
    [
      'Accepted=False PortUnavailable, ResolvedRefs=True ResolvedRefs, Programmed=False Invalid, Conflicted=False NoConflicts',
    ],
  ],
  [
    'a certificate is missing',
    `${listener}, ${ends('{name: none}')}`,
    new Map(),
    'Accepted=True ListenersNotValid, Programmed=True Programmed',
    [
      fine,
      'Accepted=True Accepted, ResolvedRefs=False InvalidCertificateRef, Programmed=False Invalid, Conflicted=False NoConflicts',
    ],
  ],
  [
    'a certificate is not granted',
    ends('{name: cert, namespace: other}'),
    new Map(),
    'Accepted=False ListenersNotValid, Programmed=False Invalid',
    [
      'Accepted=True Accepted, ResolvedRefs=False RefNotPermitted, Programmed=False Invalid, Conflicted=False NoConflicts',
    ],
  ],
  [
    'a protocol without routes',
    '{name: tcp, port: 90, protocol: TCP}',
    new Map(),
    'Accepted=False ListenersNotValid, Programmed=False Invalid',
    [
      'Accepted=False UnsupportedProtocol, ResolvedRefs=True ResolvedRefs, Programmed=False Invalid, Conflicted=False NoConflicts',
    ],
  ],
  [
    'a protocol in the way',
    `${listener}, ${ends('{name: cert}').replace('443', '80')}`,
    new Map(),
    'Accepted=True ListenersNotValid, Programmed=True Programmed',
    [
      fine,
      'Accepted=True Accepted, ResolvedRefs=True ResolvedRefs, Programmed=False Invalid, Conflicted=True ProtocolConflict',
    ],
  ],
  [
    'a kind that is not known',
    '{name: http, port: 80, protocol: HTTP, allowedRoutes: {kinds: [{kind: HTTPRoute}, {kind: TCPRoute}]}}',
    new Map(),
    'Accepted=True Accepted, Programmed=True Programmed',
    [fine.replace('ResolvedRefs=True ResolvedRefs', 'ResolvedRefs=False InvalidRouteKinds')],
  ],
];

for (const [title, listeners, troubles, conditions, ofListeners] of statusRows) {
  test(`status of a Gateway: ${title}`, (t) => {
    const world = new World([service(), apiGateway(listeners), secret('cert', 'other'), secret('cert')]);
    const [status] = gatewayStatuses(world.compiler.ingress, troubles);
    t.is(shown(status!.conditions), conditions);
    t.deepEqual(
      status!.listeners.map((each) => shown(each.conditions)),
      ofListeners,
    );
  });
}

test('status of a Gateway: an older one has the name of TLS', (t) => {
  const young = apiGateway(ends('{name: cert}')).replace(
    'name: api',
    'name: young, creationTimestamp: "2025-01-01T00:00:00Z"',
  );
  const old = apiGateway(ends('{name: cert}')).replace(
    'name: api',
    'name: old, creationTimestamp: "2024-01-01T00:00:00Z"',
  );
  const world = new World([service(), secret('cert'), young, old]);
  const statuses = gatewayStatuses(world.compiler.ingress, new Map());
  t.deepEqual(
    statuses.map(({ gateway: { meta }, listeners }) => `${meta.name}: ${shown(listeners[0]!.conditions)}`),
    [
      `old: ${fine}`,
      'young: Accepted=True Accepted, ResolvedRefs=True ResolvedRefs, Programmed=False Invalid, Conflicted=True HostnameConflict',
    ],
  );
});

test('status of routes, and how many are attached', (t) => {
  const stray = httpRoute('', 'name: stray, namespace: other');
  const world = new World([service(), apiGateway(listener), httpRoute(), stray]);
  const [status] = gatewayStatuses(world.compiler.ingress, new Map());
  t.is(status!.listeners[0]!.attachedRoutes, 1);
  const routes = routeStatuses(world.catalog.httpRoutes(), world.compiler.ingress, world.compiler.rules);
  t.deepEqual(routes.map(({ route, parents }) => `${route.meta.name}: ${shown(parents[0]!.conditions)}`).sort(), [
    'r: Accepted=True Accepted, ResolvedRefs=True ResolvedRefs',
    'stray: Accepted=False NotAllowedByListeners, ResolvedRefs=False BackendNotFound',
  ]);
});
