import test from 'ava';
import { Catalog } from '../../agent/model/catalog.js';
import type { GatewayScope } from '../../agent/model/gateway-scope.js';
import { parseObject } from '../../agent/model/parse.js';
import { checkReferences } from '../../agent/model/references.js';
import { origin, type Raw, rawPod, rawRule, rawService, rawSlice } from './objects.js';

const scope: GatewayScope = { gatewayLabels: { istio: 'ingressgateway' }, directoryMode: true };

/** `CODE KIND NAME path` of what is wrong between the objects, sorted. */
function between(...raws: readonly Raw[]): string[] {
  const catalog = new Catalog();
  for (const raw of raws) {
    const { object, findings } = parseObject(raw, origin);
    if (object === undefined) throw new Error(JSON.stringify(findings));
    catalog.apply([{ type: 'put', object }]);
  }
  return checkReferences(catalog, scope)
    .map(({ code, object, path }) => `${code} ${object.kind} ${object.meta.name} ${path}`)
    .sort();
}

const web = rawService({ selector: { app: 'web' } });
const pod = rawPod('p', { app: 'web' }, { podIP: '10.1.0.1' });

function named(raw: Raw, name: string): Raw {
  return { ...raw, metadata: { ...(raw.metadata as Raw), name } };
}

function route(spec: Raw, name = 'v'): Raw {
  return { apiVersion: 'networking.istio.io/v1', kind: 'VirtualService', metadata: { name }, spec };
}

const deployment: Raw = {
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name: 'd' },
  spec: { template: { metadata: { labels: { app: 'web' } } } },
};

const to = (host: string, port?: number): Raw => ({
  destination: port === undefined ? { host } : { host, port: { number: port } },
});
const http = [{ route: [to('web')] }];

function entry(spec: Raw): Raw {
  return {
    apiVersion: 'networking.istio.io/v1',
    kind: 'ServiceEntry',
    metadata: { name: 'e' },
    spec: { hosts: ['api.example.com'], ports: [{ number: 80, name: 'http' }], ...spec },
  };
}

const gateway: Raw = {
  apiVersion: 'networking.istio.io/v1',
  kind: 'Gateway',
  metadata: { name: 'g' },
  spec: { servers: [{ port: { number: 80, protocol: 'HTTP' }, hosts: ['*'] }] },
};

function ending(credentialName: string, selector: Raw): Raw {
  const tls = { mode: 'SIMPLE', credentialName };
  return { ...gateway, spec: { selector, servers: [{ port: { number: 443, protocol: 'HTTPS' }, hosts: ['*'], tls }] } };
}

function secretOf(namespace: string, name: string): Raw {
  const pem = (label: string) => btoa(`-----BEGIN ${label}-----\nAAAA\n-----END ${label}-----\n`);
  const data = { 'tls.crt': pem('CERTIFICATE'), 'tls.key': pem('PRIVATE KEY') };
  return { apiVersion: 'v1', kind: 'Secret', metadata: { namespace, name }, type: 'kubernetes.io/tls', data };
}

function gatewayClass(name: string, controllerName: string): Raw {
  const apiVersion = 'gateway.networking.k8s.io/v1';
  return { apiVersion, kind: 'GatewayClass', metadata: { name }, spec: { controllerName } };
}

function listening(name: string, gatewayClassName: string, secret: string): Raw {
  const tls = { certificateRefs: [{ name: secret }] };
  return {
    apiVersion: 'gateway.networking.k8s.io/v1',
    kind: 'Gateway',
    metadata: { name },
    spec: { gatewayClassName, listeners: [{ name: 'a', port: 443, protocol: 'HTTPS', tls }] },
  };
}

const adaptive = { 'weft.dev/balancing': 'adaptive', 'weft.dev/when-agent-down': 'closed' };

/** Says what only the gateway does. */
const requestRule = rawRule({
  subsets: [{ name: 'v1' }],
  trafficPolicy: {
    loadBalancer: { consistentHash: { httpCookie: { name: 'c' } }, warmup: { duration: '1s' } },
    connectionPool: { http: { maxRetries: 1 }, tcp: { maxConnections: 1, connectTimeout: '1s' } },
    outlierDetection: { consecutive5xxErrors: 1 },
    retryBudget: {},
    portLevelSettings: [{ port: { number: 80 }, tls: { mode: 'SIMPLE' } }],
  },
});

const cases: readonly (readonly [string, readonly Raw[], readonly string[]])[] = [
  ['a Service and its Pod', [web, pod], []],
  ['a Service that selects nothing', [web], ['WEFT0403 Service web spec.selector']],
  ['a Service without selector or slices', [rawService({})], ['WEFT0403 Service web spec']],
  ['a Service with a slice', [rawService({}), rawSlice({})], []],
  ['a headless Service', [rawService({ clusterIP: 'None', selector: { app: 'x' } })], []],
  [
    'a container port that nobody has',
    [rawService({ selector: { app: 'web' }, ports: [{ port: 80, targetPort: 'http' }] }), pod],
    ['WEFT0404 Service web spec.ports[0].targetPort'],
  ],
  [
    'a slice of no Service',
    [rawSlice({})],
    ['WEFT0406 EndpointSlice web-a metadata.labels["kubernetes.io/service-name"]'],
  ],
  [
    'a slice without the label',
    [{ ...rawSlice({}), metadata: { name: 's' } }],
    ['WEFT0406 EndpointSlice s metadata.labels'],
  ],
  ['a rule of no Service', [rawRule({})], ['WEFT0401 DestinationRule web spec.host']],
  ['a rule of everything', [rawRule({ host: '*' })], []],
  [
    'a rule for a port that is not there',
    [web, pod, rawRule({ trafficPolicy: { portLevelSettings: [{ port: { number: 81 } }] } })],
    ['WEFT0407 DestinationRule web spec.trafficPolicy.portLevelSettings[0].port.number'],
  ],
  [
    'two rules of one host',
    [web, pod, rawRule({}), named(rawRule({ host: 'web.default' }), 'xyz')],
    ['WEFT0502 DestinationRule xyz spec.host'],
  ],
  ['two Services of one address and port', [web, pod, named(web, 'abc')], ['WEFT0503 Service web spec.clusterIP']],
  [
    'two Services of one address and different ports',
    [web, pod, named(rawService({ ports: [{ port: 81 }], selector: { app: 'web' } }), 'abc')],
    [],
  ],
  ['two Pods of one address', [web, pod, named(pod, 'q')], ['WEFT0504 Pod q status.podIP']],
  [
    'two Pods of one network namespace',
    ['p', 'q'].map((name) => rawPod(name, {}, {}, { annotations: { 'weft.dev/netns': 'n' } })),
    ['WEFT0505 Pod q metadata.annotations["weft.dev/netns"]'],
  ],
  ['a Deployment of a Service', [web, pod, deployment], []],
  ['a Deployment of no Service', [deployment], ['WEFT0405 Deployment d spec.template.metadata.labels']],
  [
    'routes to nowhere',
    [route({ hosts: ['web'], gateways: ['g'], http: [{ route: [{ destination: { host: 'nil' } }] }] })],
    ['WEFT0401 VirtualService v spec.http[0].route[0].destination.host', 'WEFT0402 VirtualService v spec.gateways[0]'],
  ],
  [
    'a route to a ServiceEntry',
    [
      route({
        hosts: ['x'],
        http: [{ route: [to('example.com', 80), { ...to('a.example.com'), weight: 1 }] }],
      }),
      entry({ hosts: ['example.com', '*.example.com'], addresses: ['192.0.2.1'] }),
    ],
    ['WEFT0312 ServiceEntry e spec.hosts[1]'],
  ],
  [
    'a route to no ServiceEntry, and to a port that one does not have',
    [
      route({ hosts: ['x'], http: [{ route: [to('a.example.com', 81), { ...to('b.example.org'), weight: 1 }] }] }),
      entry({ hosts: ['*.example.com'], addresses: ['192.0.2.1'] }),
    ],
    [
      'WEFT0402 VirtualService v spec.http[0].route[1].destination.host',
      'WEFT0407 VirtualService v spec.http[0].route[0].destination.port.number',
    ],
  ],
  ['a ServiceEntry without addresses', [entry({})], ['WEFT0312 ServiceEntry e spec.addresses']],
  [
    'a ServiceEntry with blocks of addresses alone',
    [entry({ addresses: ['192.0.2.0/24'], resolution: 'STATIC' })],
    ['WEFT0303 ServiceEntry e spec.addresses[0]', 'WEFT0312 ServiceEntry e spec.addresses'],
  ],
  [
    'a ServiceEntry for some namespaces',
    [entry({ addresses: ['192.0.2.1'], exportTo: ['.'] })],
    ['WEFT0303 ServiceEntry e spec.exportTo'],
  ],
  [
    'an address of two ServiceEntries',
    [
      entry({ addresses: ['192.0.2.1'] }),
      { ...entry({ hosts: ['b.example.com'], addresses: ['192.0.2.1'] }), metadata: { name: 'f' } },
    ],
    ['WEFT0503 ServiceEntry f spec.addresses'],
  ],
  [
    'a rule of a ServiceEntry’s host',
    [
      entry({ addresses: ['192.0.2.1'] }),
      rawRule({ host: 'api.example.com' }),
      rawRule({ host: 'b.example.org' }, { name: 'b' }),
    ],
    ['WEFT0402 DestinationRule b spec.host'],
  ],
  [
    'a route to a port that is not there',
    [web, pod, route({ hosts: ['web'], http: [{ route: [to('web', 81)] }] })],
    ['WEFT0407 VirtualService v spec.http[0].route[0].destination.port.number'],
  ],
  [
    'two routes of one host',
    [web, pod, route({ hosts: ['web'], http }), route({ hosts: ['web.default'], http }, 'w')],
    ['WEFT0506 VirtualService w spec.hosts[0]'],
  ],
  [
    'two routes of one host on different gateways',
    [web, pod, gateway, route({ hosts: ['web'], http, gateways: ['g'] }), route({ hosts: ['web.default'], http }, 'w')],
    [],
  ],
  [
    'a delegate',
    [
      web,
      pod,
      route({ hosts: ['web'], http: [{ delegate: { name: 'd' } }] }),
      route({ http }, 'd'),
      route({ http }, 'e'),
    ],
    ['WEFT0414 VirtualService e spec'],
  ],
  [
    'a delegate that is not there, and one with hosts',
    [
      web,
      pod,
      route({ hosts: ['web'], http: [{ delegate: { name: 'nil' } }, { delegate: { name: 'w' } }] }),
      route({ hosts: ['w'], http }, 'w'),
    ],
    ['WEFT0402 VirtualService v spec.http[0].delegate.name', 'WEFT0402 VirtualService v spec.http[1].delegate.name'],
  ],
  [
    'a certificate that is not there',
    [
      {
        ...gateway,
        spec: {
          servers: [
            {
              port: { number: 443, protocol: 'HTTPS' },
              hosts: ['*'],
              tls: { mode: 'SIMPLE', credentialName: 'c' },
            },
          ],
        },
      },
    ],
    ['WEFT0402 Gateway g spec.servers[0].tls.credentialName'],
  ],
  [
    'a certificate of the root namespace',
    [ending('c', { istio: 'ingressgateway' }), secretOf('istio-system', 'c')],
    [],
  ],
  ['a certificate of a Gateway that others serve', [ending('c', { istio: 'egressgateway' })], []],
  [
    'certificates of Gateways of the Gateway API',
    [
      gatewayClass('weft', 'weft.dev/gateway'),
      gatewayClass('istio', 'istio.io/gateway-controller'),
      listening('ours', 'weft', 'c'),
      listening('theirs', 'istio', 'c'),
    ],
    ['WEFT0402 KubernetesGateway ours spec.listeners[0].tls.certificateRefs[0].name'],
  ],
  [
    'a certificate of a Gateway without class',
    [listening('k', 'nil', 'c')],
    ['WEFT0402 KubernetesGateway k spec.gatewayClassName'],
  ],
  [
    'a certificate of a Gateway whose class weft somebody else has',
    [gatewayClass('weft', 'example.com/other'), listening('k', 'weft', 'c')],
    [],
  ],
  [
    'routes of the Gateway API to nowhere',
    [
      {
        apiVersion: 'gateway.networking.k8s.io/v1',
        kind: 'HTTPRoute',
        metadata: { name: 'h' },
        spec: { parentRefs: [{ name: 'g' }], rules: [{ backendRefs: [{ name: 'nil', port: 80 }] }] },
      },
      {
        apiVersion: 'gateway.networking.k8s.io/v1',
        kind: 'Gateway',
        metadata: { name: 'k' },
        spec: { gatewayClassName: 'other', listeners: [{ name: 'a', port: 80, protocol: 'HTTP' }] },
      },
    ],
    [
      'WEFT0401 HTTPRoute h spec.rules[0].backendRefs[0].name',
      'WEFT0402 HTTPRoute h spec.parentRefs[0].name',
      'WEFT0402 KubernetesGateway k spec.gatewayClassName',
    ],
  ],
  ['a policy of connections', [web, pod, rawRule({ trafficPolicy: { loadBalancer: { simple: 'RANDOM' } } })], []],
  [
    'a policy of requests, for connections',
    [web, pod, requestRule],
    [
      'WEFT0303 DestinationRule web spec.subsets',
      'WEFT0303 DestinationRule web spec.trafficPolicy.connectionPool.tcp.connectTimeout',
      'WEFT0303 DestinationRule web spec.trafficPolicy.loadBalancer.warmup',
      'WEFT0303 DestinationRule web spec.trafficPolicy.outlierDetection',
      'WEFT0304 DestinationRule web spec.trafficPolicy.connectionPool.http',
      'WEFT0304 DestinationRule web spec.trafficPolicy.loadBalancer.consistentHash.httpCookie',
      'WEFT0304 DestinationRule web spec.trafficPolicy.retryBudget',
      'WEFT0305 DestinationRule web spec.trafficPolicy.portLevelSettings[0].tls',
    ],
  ],
  ['a policy of requests, where a rule leads', [web, pod, requestRule, route({ hosts: ['web'], http })], []],
  [
    'a policy of requests, behind a Gateway',
    [web, pod, gateway, requestRule, route({ hosts: ['x'], gateways: ['g'], http })],
    [],
  ],
  [
    'a policy of requests, of a Service that asks for the gateway',
    [{ ...web, metadata: { name: 'web', annotations: { 'weft.dev/l7': 'enabled' } } }, pod, requestRule],
    [],
  ],
  [
    'annotations that need the gateway',
    [{ ...web, metadata: { name: 'web', annotations: adaptive } }, pod],
    [
      'WEFT0311 Service web metadata.annotations["weft.dev/balancing"]',
      'WEFT0312 Service web metadata.annotations["weft.dev/when-agent-down"]',
    ],
  ],
  [
    'annotations where the gateway is',
    [{ ...web, metadata: { name: 'web', annotations: adaptive } }, pod, route({ hosts: ['web'], http })],
    [],
  ],
  [
    'a rule for some clients, and one for all',
    [
      web,
      pod,
      rawRule({ workloadSelector: { matchLabels: { app: 'x' } } }, { name: 'a' }),
      rawRule({ trafficPolicy: { loadBalancer: { simple: 'RANDOM' } } }),
    ],
    ['WEFT0303 DestinationRule a spec.workloadSelector'],
  ],
];

for (const [title, raws, expected] of cases) {
  test(`References: ${title}`, (t) => {
    t.deepEqual(between(...raws), expected);
  });
}

test('the class weft needs no object in a directory, but in a cluster it does', (t) => {
  const raw = {
    apiVersion: 'gateway.networking.k8s.io/v1',
    kind: 'Gateway',
    metadata: { name: 'k' },
    spec: { gatewayClassName: 'weft', listeners: [{ name: 'a', port: 80, protocol: 'HTTP' }] },
  };
  const catalog = new Catalog();
  catalog.apply([{ type: 'put', object: parseObject(raw, origin).object! }]);
  t.deepEqual(checkReferences(catalog, scope), []);
  t.deepEqual(
    checkReferences(catalog, { ...scope, directoryMode: false }).map(({ code, path }) => `${code} ${path}`),
    ['WEFT0402 spec.gatewayClassName'],
  );
});
