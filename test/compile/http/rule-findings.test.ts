import test from 'ava';
import { routeFindings } from '../../../agent/compile/http/rule-findings.js';
import { grpcRoute, httpRoute, virtualService } from '../../gateway/manifest.js';
import { compiled } from '../../gateway/outcome.js';

const toV1 = 'route: [{ destination: { host: reviews, subset: v1 } }]';
const toRatings = 'backendRefs: [{ name: ratings, port: 9080 }]';

const edge = `---
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: { name: edge, namespace: default }
spec:
  selector: { istio: ingressgateway }
  servers: [{ port: { number: 80, name: http, protocol: HTTP }, hosts: ["shops.example"] }]
`;

/** A Gateway with every host, and a VirtualService for a wildcard there and in the mesh. */
const wild = (http: string, gateways = '[edge, mesh]') =>
  virtualService(http, `hosts: ["*.wild.example"]\ngateways: ${gateways}`) + edge.replace('shops.example', '*');

const headless = `---
apiVersion: v1
kind: Service
metadata: { name: bare, namespace: default }
spec: { clusterIP: None, selector: { app: bare }, ports: [{ name: http, port: 80 }] }
`;

const entry = `---
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: { name: far, namespace: default }
spec: { hosts: [far.example], ports: [{ number: 443, name: https, protocol: HTTPS }], resolution: DNS }
`;

/** Manifests, and what is told of them: CODE KIND NAME PATH. */
const cases: Readonly<Record<string, readonly [manifests: string, told: readonly string[]]>> = {
  'good rules': [virtualService(`- match: [{ uri: { prefix: /a } }]\n  ${toV1}\n- ${toV1}`), []],
  'a rule behind one for everything': [
    virtualService(`- ${toV1}\n- match: [{ uri: { prefix: /a } }]\n  ${toV1}`),
    ['WEFT0508 VirtualService reviews spec.http[1]'],
  ],
  'a match behind a wider prefix': [
    virtualService(`- match: [{ uri: { prefix: /a } }]
  ${toV1}
- match: [{ uri: { exact: /ab } }, { uri: { exact: /b } }]
  ${toV1}`),
    ['WEFT0508 VirtualService reviews spec.http[1].match[0]'],
  ],
  'the same match twice': [
    virtualService(
      `- match: [{ headers: { x: { exact: y } } }]\n  ${toV1}\n- match: [{ headers: { x: { exact: y } } }]\n  ${toV1}`,
    ),
    ['WEFT0508 VirtualService reviews spec.http[1]'],
  ],
  'a narrower rule first': [
    virtualService(`- match: [{ uri: { exact: /ab } }]\n  ${toV1}\n- match: [{ uri: { prefix: /a } }]\n  ${toV1}`),
    [],
  ],
  'a subset that is not there': [
    virtualService('- route: [{ destination: { host: reviews, subset: v9 } }]'),
    ['WEFT0410 VirtualService reviews spec.http[0].route[0].destination.subset'],
  ],
  'a port that nobody says': [
    virtualService('- route: [{ destination: { host: multi } }]'),
    ['WEFT0411 VirtualService reviews spec.http[0].route[0].destination'],
  ],
  'HTTP rules of a TCP port': [
    virtualService('- route: [{ destination: { host: database } }]', 'hosts: [database]'),
    ['WEFT0304 VirtualService reviews spec.http'],
  ],
  'rules for another port alone': [
    virtualService(`- match: [{ port: 1 }]\n  ${toV1}`),
    ['WEFT0412 VirtualService reviews spec.http'],
  ],
  'rules of a headless Service': [
    virtualService(`- ${toV1}`, 'hosts: [bare]') + headless,
    ['WEFT0412 VirtualService reviews spec.hosts[0]'],
  ],
  'rules of a host outside': [
    virtualService(`- ${toV1}`, 'hosts: [far.example]') + entry,
    ['WEFT0412 VirtualService reviews spec.hosts[0]'],
  ],
  'a Gateway without the host': [
    virtualService(`- ${toV1}`, 'hosts: [books.example]\ngateways: [edge]') + edge,
    ['WEFT0412 VirtualService reviews spec.gateways[0]'],
  ],
  'a Gateway with the host': [virtualService(`- ${toV1}`, 'hosts: [shops.example]\ngateways: [edge]') + edge, []],
  'a wildcard that covers no Service': [
    virtualService(`- ${toV1}`, 'hosts: ["*.wild.example"]'),
    ['WEFT0412 VirtualService reviews spec.hosts[0]'],
  ],
  'a wildcard that a Gateway serves, in the mesh too': [wild(`- ${toV1}`), []],
  'a wildcard for no Gateway of its hosts, in the mesh too': [
    virtualService(`- ${toV1}`, 'hosts: ["*.wild.example"]\ngateways: [edge, mesh]') + edge,
    ['WEFT0412 VirtualService reviews spec.gateways[0]', 'WEFT0412 VirtualService reviews spec.hosts[0]'],
  ],
  'a wildcard with rules for the mesh alone': [
    wild(`- match: [{ gateways: [mesh] }]\n  ${toV1}`),
    ['WEFT0412 VirtualService reviews spec.hosts[0]'],
  ],
  'a headless Service that a Gateway serves, in the mesh too': [
    virtualService(`- ${toV1}`, 'hosts: [bare.default.svc.cluster.local]\ngateways: [edge, mesh]') +
      edge.replace('shops.example', '*') +
      headless,
    [],
  ],
  'rules for a Gateway alone, in the mesh too': [
    virtualService(`- match: [{ gateways: [edge] }]\n  ${toV1}`, 'hosts: [reviews]\ngateways: [edge, mesh]') +
      edge.replace('shops.example', '*'),
    [],
  ],
  'HTTP rules of a TCP port that a Gateway serves, in the mesh too': [
    virtualService('- route: [{ destination: { host: database } }]', 'hosts: [database]\ngateways: [edge, mesh]') +
      edge.replace('shops.example', '*'),
    ['WEFT0304 VirtualService reviews spec.gateways[1]'],
  ],
  'what a root says to a delegate that redirects': [
    `${virtualService('- delegate: { name: inner }\n  timeout: 1s\n  corsPolicy: {}\n  mirror: { host: ratings }')}---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: inner, namespace: default }
spec: { http: [{ match: [{ uri: { prefix: /a } }], redirect: { uri: /b } }, { ${toV1} }] }
`,
    [
      'WEFT0303 VirtualService reviews spec.http[0].corsPolicy',
      'WEFT0303 VirtualService reviews spec.http[0].mirror',
      'WEFT0303 VirtualService reviews spec.http[0].timeout',
    ],
  ],
  'CORS of one backend': [
    httpRoute('- backendRefs: [{ name: ratings, port: 9080, filters: [{ type: CORS, cors: {} }] }]'),
    ['WEFT0303 HTTPRoute reviews spec.rules[0].backendRefs[0].filters'],
  ],
  'a VirtualService beside an HTTPRoute': [
    `${virtualService(`- ${toV1}`)}---\n${httpRoute(`- ${toRatings}`)}`,
    ['WEFT0509 VirtualService reviews spec.hosts'],
  ],
  'an HTTPRoute beside a GRPCRoute': [
    `${httpRoute(`- ${toRatings}`)}---\n${grpcRoute(`- ${toRatings}`, '', 'grpc', 'reviews')}`,
    ['WEFT0509 HTTPRoute reviews spec.parentRefs'],
  ],
  'two rules of routes with one match': [
    httpRoute(`- ${toRatings}\n- ${toRatings}`),
    ['WEFT0508 HTTPRoute reviews spec.rules[1]'],
  ],
  'another namespace without a grant': [
    httpRoute('- backendRefs: [{ name: details, namespace: other, port: 9080 }]'),
    ['WEFT0409 HTTPRoute reviews spec.rules[0].backendRefs[0]'],
  ],
  'a route of a TCP port': [
    httpRoute(`- ${toRatings}`, "parentRefs: [{ group: '', kind: Service, name: database }]"),
    ['WEFT0304 HTTPRoute reviews spec.parentRefs[0]'],
  ],
  'a route of a port that has no such name': [
    httpRoute(`- ${toRatings}`, "parentRefs: [{ group: '', kind: Service, name: multi, sectionName: http-c }]"),
    ['WEFT0407 HTTPRoute reviews spec.parentRefs[0].sectionName'],
  ],
  'a delegate outside its root': [
    `${virtualService('- match: [{ uri: { prefix: /a } }]\n  delegate: { name: inner }')}---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: inner, namespace: default }
spec: { http: [{ match: [{ uri: { prefix: /b } }], ${toV1} }] }
`,
    ['WEFT0412 VirtualService reviews spec.http', 'WEFT0510 VirtualService inner spec.http[0].match'],
  ],
};

for (const [name, [manifests, told]] of Object.entries(cases)) {
  test(`tells of ${name}`, async (t) => {
    const { catalog } = await compiled(manifests);
    const found = routeFindings(catalog);
    const shown = found.map(({ code, object, path }) => `${code} ${object.kind} ${object.meta.name} ${path}`);
    t.deepEqual(shown.sort(), [...told]);
  });
}
