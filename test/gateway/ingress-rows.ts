import { virtualService } from './manifest.js';
import type { Row } from './row.js';

/** Traffic from outside: Istio Gateways and Gateway API Gateways, by host. */

const ratings = 'ratings.default.svc.cluster.local:9080';
const toRatings = '- route: [{ destination: { host: ratings } }]';

function gateway(servers: string, more = ''): string {
  return `apiVersion: networking.istio.io/v1
kind: Gateway
metadata: { name: edge, namespace: default }
spec:
  selector: { istio: ingressgateway }
  servers:
${servers}
${more}---
`;
}

const port = 'port: { number: 8080, name: http, protocol: HTTP }';
const open = gateway(`  - { ${port}, hosts: ["*"] }`);
const bound = (hosts: string, http = toRatings, name = 'edge') =>
  virtualService(http, `hosts: [${hosts}]\ngateways: [edge]`, name);

/** One request by Host to each of several, and what rule it gets. */
function hostRows(
  name: string,
  manifests: string,
  served: readonly string[],
  unserved: readonly string[],
  rule = 'VirtualService default/edge http[0]',
): readonly Row[] {
  return [
    ...served.map((to) => ({ name: `${name}: ${to} is served`, manifests, ingress: 8080, to, expect: { rule } })),
    ...unserved.map((to) => ({
      name: `${name}: ${to} is not`,
      manifests,
      ingress: 8080,
      to,
      expect: { status: 404 },
    })),
  ];
}

/** The seed's rules: two paths of one host to two Services. */
const seed = `apiVersion: networking.istio.io/v1alpha3
kind: VirtualService
metadata:
  name: user-service
spec:
  hosts:
  - "user-service"
  gateways:
  - edge
  http:
  - match:
    - uri:
        prefix: /user
    route:
    - destination: { host: reviews, port: { number: 9080 } }
  - match:
    - uri:
        prefix: /order
    route:
    - destination: { host: ratings, port: { number: 9080 } }
`;

function kubernetes(listener: string, route: string): string {
  return `apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: { name: edge, namespace: default }
spec:
  gatewayClassName: weft
  listeners: [{ name: http, port: 8080, protocol: HTTP${listener} }]
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: { name: edge, namespace: default }
spec:
${route.replace(/^/gm, '  ')}
  rules: [{ backendRefs: [{ name: ratings, port: 9080 }] }]
`;
}

const routeRule = 'HTTPRoute default/edge rules[0]';

export const ingressRows: readonly Row[] = [
  ...hostRows(
    'a short host',
    open + bound('reviews'),
    ['reviews', 'reviews:8080', 'reviews.default', 'reviews.default.svc', 'reviews.default.svc.cluster.local:80'],
    ['other', 'reviews.other', 'www.reviews'],
  ),
  ...hostRows(
    'a DNS name',
    open + bound('www.books.example'),
    ['www.books.example', 'WWW.books.example:8080'],
    ['books.example'],
  ),
  ...hostRows(
    'a wildcard',
    open + bound('"*.books.example"'),
    ['www.books.example', 'a.b.books.example'],
    ['books.example'],
  ),
  ...hostRows('every host', open + bound('"*"'), ['anything.example', 'reviews'], []),
  ...hostRows(
    'the server’s host is closer',
    gateway(`  - { ${port}, hosts: ["www.books.example"] }`) + bound('"*.books.example"'),
    ['www.books.example'],
    ['shop.books.example'],
  ),
  ...hostRows(
    'the server has another host',
    gateway(`  - { ${port}, hosts: ["*.shops.example"] }`) + bound('www.books.example'),
    [],
    ['www.books.example', 'www.shops.example'],
  ),
  ...hostRows(
    'NAMESPACE/HOST of the rule’s namespace',
    gateway(`  - { ${port}, hosts: ["default/*"] }`) + bound('www.books.example'),
    ['www.books.example'],
    [],
  ),
  ...hostRows(
    './HOST of the Gateway’s own namespace',
    gateway(`  - { ${port}, hosts: ["./*"] }`) + bound('www.books.example'),
    ['www.books.example'],
    [],
  ),
  ...hostRows(
    'NAMESPACE/HOST of another namespace',
    gateway(`  - { ${port}, hosts: ["other/*"] }`) + bound('www.books.example'),
    [],
    ['www.books.example'],
  ),
  ...hostRows('bound to the mesh alone', open + virtualService(toRatings, 'hosts: [reviews]'), [], ['reviews']),
  ...hostRows(
    'a name before a wildcard',
    `${open}${bound('"*"', toRatings, 'all')}---\n${bound('www.books.example')}`,
    ['www.books.example'],
    [],
  ),
  ...hostRows(
    'the same host twice: the first by name',
    `${open}${bound('www.books.example', toRatings, 'z')}---\n${bound('www.books.example')}`,
    ['www.books.example'],
    [],
  ),
  {
    name: 'ingress: a path of the seed',
    manifests: open + seed,
    ingress: 8080,
    to: 'user-service',
    request: { path: '/user/1' },
    expect: {
      rule: 'VirtualService default/user-service http[0]',
      shares: { 'reviews.default.svc.cluster.local:9080': 1 },
    },
  },
  {
    name: 'ingress: the other path of the seed',
    manifests: open + seed,
    ingress: 8080,
    to: 'user-service.default:8080',
    request: { path: '/orders' },
    expect: { rule: 'VirtualService default/user-service http[1]', shares: { [ratings]: 1 } },
  },
  {
    name: 'ingress: no path of the seed',
    manifests: open + seed,
    ingress: 8080,
    to: 'user-service',
    request: { path: '/other' },
    expect: { status: 404 },
  },
  {
    name: 'ingress: httpsRedirect',
    manifests:
      gateway(`  - { ${port}, hosts: ["www.books.example"], tls: { httpsRedirect: true } }`) +
      bound('www.books.example'),
    ingress: 8080,
    to: 'www.books.example',
    expect: { status: 301 },
  },
  {
    name: 'ingress: match.gateways with this one',
    manifests:
      open + bound('books.example', '- match: [{ gateways: [edge] }]\n  route: [{ destination: { host: ratings } }]'),
    ingress: 8080,
    to: 'books.example',
    expect: { shares: { [ratings]: 1 } },
  },
  {
    name: 'ingress: match.gateways with the mesh alone',
    manifests:
      open +
      bound(
        'books.example',
        `- match: [{ gateways: [mesh] }]\n  route: [{ destination: { host: reviews } }]\n${toRatings}`,
      ),
    ingress: 8080,
    to: 'books.example',
    expect: { rule: 'VirtualService default/edge http[1]' },
  },
  {
    name: 'ingress: match.port of the listener',
    manifests:
      open + bound('books.example', '- match: [{ port: 8080 }]\n  route: [{ destination: { host: ratings } }]'),
    ingress: 8080,
    to: 'books.example',
    expect: { shares: { [ratings]: 1 } },
  },
  ...hostRows(
    'Gateway API: any host',
    kubernetes('', 'parentRefs: [{ name: edge }]'),
    ['books.example', 'x:8080'],
    [],
    routeRule,
  ),
  ...hostRows(
    'Gateway API: hostnames',
    kubernetes('', 'parentRefs: [{ name: edge }]\nhostnames: [books.example, "*.shops.example"]'),
    ['books.example', 'a.shops.example'],
    ['a.books.example', 'shops.example'],
    routeRule,
  ),
  ...hostRows(
    'Gateway API: the listener’s hostname is closer',
    kubernetes(', hostname: a.books.example', 'parentRefs: [{ name: edge }]\nhostnames: ["*.books.example"]'),
    ['a.books.example'],
    ['b.books.example'],
    routeRule,
  ),
  ...hostRows(
    'Gateway API: sectionName',
    kubernetes('', 'parentRefs: [{ name: edge, sectionName: http }]'),
    ['books.example'],
    [],
    routeRule,
  ),
  ...hostRows(
    'Gateway API: another sectionName',
    kubernetes('', 'parentRefs: [{ name: edge, sectionName: https }]'),
    [],
    ['books.example'],
  ),
  ...hostRows(
    'Gateway API: another port',
    kubernetes('', 'parentRefs: [{ name: edge, port: 80 }]'),
    [],
    ['books.example'],
  ),
  ...hostRows(
    'Gateway API: a listener for another kind',
    kubernetes(', allowedRoutes: { kinds: [{ kind: GRPCRoute }] }', 'parentRefs: [{ name: edge }]'),
    [],
    ['books.example'],
  ),
  ...hostRows(
    'Gateway API: a listener for no namespace',
    kubernetes(', allowedRoutes: { namespaces: { from: None } }', 'parentRefs: [{ name: edge }]'),
    [],
    ['books.example'],
  ),
  ...hostRows(
    'Gateway API: a listener for a namespace by label',
    kubernetes(
      ', allowedRoutes: { namespaces: { from: Selector, selector: { matchLabels: { kubernetes.io/metadata.name: default } } } }',
      'parentRefs: [{ name: edge }]',
    ),
    ['books.example'],
    [],
    routeRule,
  ),
];
