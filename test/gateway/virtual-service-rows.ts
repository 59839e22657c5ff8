import { only, virtualService } from './manifest.js';
import type { Row } from './row.js';

/** VirtualService beyond its matches: what happens to a request, and which requests a resource is about. */

const to = 'reviews:9080';
const reviews = 'reviews.default.svc.cluster.local:9080';
const v1 = { [`${reviews}|v1`]: 1 };
const rule = 'VirtualService default/reviews http[0]';

const toV1 = 'route: [{ destination: { host: reviews, subset: v1 } }]';

const cors = `corsPolicy:
  allowOrigins: [{ exact: "https://a.example" }]
  allowMethods: [GET, POST]
  allowHeaders: [x-a]
  exposeHeaders: [x-b]
  maxAge: 10m
  allowCredentials: true`;

const preflight = (origin: string) => ({ origin, 'access-control-request-method': 'POST' });

const annotated = `apiVersion: v1
kind: Service
metadata: { name: spare, namespace: default, annotations: { weft.dev/l7: enabled } }
spec: { clusterIP: 10.96.0.9, selector: { app: reviews }, ports: [{ name: http, port: 9080 }] }
`;

export const virtualServiceRows: readonly Row[] = [
  {
    name: 'no rule: the Service itself',
    manifests: annotated,
    to: 'spare:9080',
    expect: { rule: '', shares: { 'spare.default.svc.cluster.local:9080': 1 } },
  },
  { name: 'no rule and no annotation: not the gateway’s', manifests: '', to, expect: { l4: true } },
  {
    name: 'no rule matches: 404',
    manifests: virtualService(`- match: [{ uri: { exact: /a } }]\n  ${toV1}`),
    to,
    expect: { status: 404 },
  },
  {
    name: 'the first of two rules',
    manifests: virtualService(`- name: first\n  ${toV1}\n- route: [{ destination: { host: reviews, subset: v2 } }]`),
    to,
    expect: { rule: `${rule} (first)`, shares: v1 },
  },
  {
    name: 'weights',
    manifests: virtualService(`- route:
  - { destination: { host: reviews, subset: v1 }, weight: 75 }
  - { destination: { host: reviews, subset: v2 }, weight: 25 }
  - { destination: { host: reviews, subset: v3 } }`),
    to,
    expect: { shares: { [`${reviews}|v1`]: 0.75, [`${reviews}|v2`]: 0.25 } },
  },
  {
    name: 'the weight of an only destination is ignored',
    manifests: virtualService('- route: [{ destination: { host: reviews, subset: v1 }, weight: 0 }]'),
    to,
    expect: { shares: v1 },
  },
  {
    name: 'a destination in another namespace, by a long name',
    manifests: virtualService('- route: [{ destination: { host: details.other.svc.cluster.local } }]'),
    to,
    expect: { shares: { 'details.other.svc.cluster.local:9080': 1 } },
  },
  {
    name: 'an unknown destination: 503',
    manifests: virtualService('- route: [{ destination: { host: nobody } }]'),
    to,
    expect: { status: 503 },
  },
  {
    name: 'an unknown subset: 503',
    manifests: virtualService('- route: [{ destination: { host: reviews, subset: v9 } }]'),
    to,
    expect: { status: 503 },
  },
  {
    name: 'an unknown port: 503',
    manifests: virtualService('- route: [{ destination: { host: reviews, port: { number: 1 } } }]'),
    to,
    expect: { status: 503 },
  },
  {
    name: 'a port',
    manifests: virtualService('- route: [{ destination: { host: multi, port: { number: 8080 } } }]'),
    to,
    expect: { shares: { 'multi.default.svc.cluster.local:8080': 1 } },
  },
  {
    name: 'no port of several: the one that was addressed',
    manifests: virtualService('- route: [{ destination: { host: multi } }]', 'hosts: [multi]'),
    to: 'multi:8080',
    expect: { shares: { 'multi.default.svc.cluster.local:8080': 1 } },
  },
  {
    name: 'no port of several, and none was addressed: 503',
    manifests: virtualService('- route: [{ destination: { host: multi } }]'),
    to,
    expect: { status: 503 },
  },
  {
    name: 'part of the weight leads to nobody',
    manifests: virtualService(`- route:
  - { destination: { host: reviews, subset: v1 }, weight: 1 }
  - { destination: { host: nobody }, weight: 3 }`),
    to,
    expect: { shares: { [`${reviews}|v1`]: 0.25, 'status 503': 0.75 } },
  },
  {
    name: 'headers: set, add and remove',
    manifests: only(`headers:
  request: { set: { x-a: "1" }, add: { x-b: "2" }, remove: [x-c] }
  response: { set: { x-d: "3" }, remove: [server] }`),
    to,
    request: { headers: { 'x-a': '0', 'x-b': '0', 'x-c': '0' } },
    expect: {
      sent: { headers: { 'x-a': '1', 'x-b': '0, 2', 'x-c': undefined } },
      answered: { 'x-d': '3', server: undefined },
    },
  },
  {
    name: 'headers of a destination, and of another',
    manifests: virtualService(`- route:
  - { destination: { host: reviews, subset: v1 }, weight: 1, headers: { request: { set: { x-to: v1 } } } }
  - { destination: { host: reviews, subset: v2 }, headers: { request: { set: { x-to: v2 } } } }`),
    to,
    expect: { sent: { headers: { 'x-to': 'v1' } } },
  },
  {
    name: 'the authority, by headers',
    manifests: only('headers: { request: { set: { Host: books.example } } }'),
    to,
    expect: { sent: { authority: 'books.example', headers: { host: undefined } } },
  },
  {
    name: 'rewrite: the matched prefix',
    manifests: virtualService(`- match: [{ uri: { prefix: /old } }]\n  rewrite: { uri: /new }\n  ${toV1}`),
    to,
    request: { path: '/old/x?y=1' },
    expect: { sent: { path: '/new/x?y=1', authority: to } },
  },
  {
    name: 'rewrite: the whole path of an exact match',
    manifests: virtualService(`- match: [{ uri: { exact: /old/x } }]\n  rewrite: { uri: /new }\n  ${toV1}`),
    to,
    request: { path: '/old/x?y=1' },
    expect: { sent: { path: '/new?y=1' } },
  },
  {
    name: 'rewrite: authority alone',
    manifests: only('rewrite: { authority: "books.example:80" }'),
    to,
    request: { path: '/x' },
    expect: { sent: { path: '/x', authority: 'books.example:80' } },
  },
  {
    name: 'rewrite: uriRegexRewrite',
    manifests: only(`rewrite: { uriRegexRewrite: { match: '^/service/([^/]+)(/.*)$', rewrite: '\\2/of/\\1' } }`),
    to,
    request: { path: '/service/foo/api' },
    expect: { sent: { path: '/api/of/foo' } },
  },
  {
    name: 'rewrite: uriRegexRewrite that finds nothing',
    manifests: only(`rewrite: { uriRegexRewrite: { match: '^/service/', rewrite: '/' } }`),
    to,
    request: { path: '/x/service/' },
    expect: { sent: { path: '/x/service/' } },
  },
  {
    name: 'redirect: uri and authority',
    manifests: virtualService('- redirect: { uri: /v1/x, authority: books.example }'),
    to,
    request: { path: '/x?y=1' },
    expect: { rule, status: 301, location: 'http://books.example/v1/x?y=1' },
  },
  {
    name: 'redirect: scheme and code',
    manifests: virtualService('- redirect: { scheme: https, redirectCode: 308 }'),
    to,
    request: { path: '/x', headers: { host: 'reviews' } },
    expect: { status: 308, location: 'https://reviews/x' },
  },
  {
    name: 'redirect: port',
    manifests: virtualService('- redirect: { port: 8443, scheme: https }'),
    to,
    expect: { status: 301, location: 'https://reviews:8443/' },
  },
  {
    name: 'redirect: derivePort FROM_PROTOCOL_DEFAULT',
    manifests: virtualService('- redirect: { derivePort: FROM_PROTOCOL_DEFAULT, scheme: https }'),
    to,
    expect: { location: 'https://reviews/' },
  },
  {
    name: 'redirect: derivePort FROM_REQUEST_PORT',
    manifests: virtualService('- redirect: { derivePort: FROM_REQUEST_PORT, authority: books.example }'),
    to,
    expect: { location: 'http://books.example:9080/' },
  },
  {
    name: 'redirect: another path keeps its service',
    manifests: virtualService(`- match: [{ uri: { prefix: /old } }]\n  redirect: { uri: /new }\n- ${toV1}`),
    to,
    request: { path: '/other' },
    expect: { shares: v1 },
  },
  {
    name: 'directResponse with a text',
    manifests: virtualService('- directResponse: { status: 418, body: { string: "short and stout" } }'),
    to,
    expect: { rule, status: 418, body: 'short and stout' },
  },
  {
    name: 'directResponse with bytes, and headers',
    manifests: virtualService(`- directResponse: { status: 200, body: { bytes: aGVsbG8= } }
  headers: { response: { set: { x-by: gateway } } }`),
    to,
    expect: { status: 200, body: 'hello', answered: { 'x-by': 'gateway' } },
  },
  ...(['redirect: { uri: /new }', 'directResponse: { status: 418 }'] as const).flatMap((action, index): Row[] => {
    const name = action.slice(0, action.indexOf(':'));
    const manifests = virtualService(`- ${action}
  headers: { response: { set: { x-by: gateway } } }
  mirror: { host: ratings }
  timeout: 1s
  ${cors.replaceAll('\n', '\n  ')}`);
    const status = [301, 418][index]!;
    const answered = { 'x-by': 'gateway', 'access-control-allow-origin': undefined };
    return [
      {
        name: `${name}: CORS passes a preflight by, as Envoy’s does`,
        manifests,
        to,
        request: { method: 'OPTIONS', headers: preflight('https://a.example') },
        expect: { rule, status, answered, has: { cors: undefined } },
      },
      {
        name: `${name}: CORS leaves the answer to an allowed origin`,
        manifests,
        to,
        request: { headers: { origin: 'https://a.example' } },
        expect: { rule, status, answered },
      },
    ];
  }),
  {
    name: 'directResponse without a body',
    manifests: virtualService('- directResponse: { status: 503 }'),
    to,
    expect: { status: 503, body: '' },
  },
  { name: 'timeout', manifests: only('timeout: 1.5s'), to, expect: { has: { action: { timeoutMs: 1500 } } } },
  {
    name: 'timeout 0s is none',
    manifests: only('timeout: 0s'),
    to,
    expect: { has: { action: { timeoutMs: undefined } } },
  },
  {
    name: 'retries by default',
    manifests: only('name: x'),
    to,
    expect: { has: { action: { retries: { attempts: 2, statuses: [], ignorePreviousHosts: true } } } },
  },
  {
    name: 'retries: every field',
    manifests: only(`retries:
  attempts: 3
  perTryTimeout: 250ms
  retryOn: gateway-error,connect-failure,409
  retryIgnorePreviousHosts: false
  backoff: 10ms`),
    to,
    expect: {
      has: {
        action: {
          retries: {
            attempts: 3,
            perTryTimeoutMs: 250,
            on: ['gateway-error', 'connect-failure', 'retriable-status-codes'],
            statuses: [409],
            backoffMs: 10,
            ignorePreviousHosts: false,
          },
        },
      },
    },
  },
  {
    name: 'retries: 0 attempts',
    manifests: only('retries: { attempts: 0 }'),
    to,
    expect: { has: { action: { retries: undefined } } },
  },
  {
    name: 'fault: delay and abort',
    manifests: only(`fault:
  delay: { fixedDelay: 2s, percentage: { value: 12.5 } }
  abort: { httpStatus: 555, percentage: { value: 50 } }`),
    to,
    expect: {
      has: {
        fault: {
          delay: { percent: 12.5, delayMs: 2000 },
          abort: { percent: 50, status: 555, grpcStatus: undefined },
        },
      },
    },
  },
  {
    name: 'fault: gRPC abort',
    manifests: only('fault: { abort: { grpcStatus: UNAVAILABLE, percentage: { value: 100 } } }'),
    to,
    expect: { has: { fault: { delay: undefined, abort: { percent: 100, status: undefined, grpcStatus: 14 } } } },
  },
  { name: 'no fault', manifests: only('name: x'), to, expect: { has: { fault: undefined } } },
  {
    name: 'mirror with a percentage',
    manifests: only('mirror: { host: ratings }\nmirrorPercentage: { value: 30.5 }'),
    to,
    expect: {
      shares: v1,
      has: { action: { mirrors: [{ cluster: 'ratings.default.svc.cluster.local:9080', percent: 30.5 }] } },
    },
  },
  {
    name: 'mirrors',
    manifests: only(`mirrors:
- { destination: { host: ratings } }
- { destination: { host: reviews, subset: v2 }, percentage: { value: 0 } }
- { destination: { host: reviews, subset: v3 }, percentage: { value: 10 } }`),
    to,
    expect: {
      has: {
        action: {
          mirrors: [
            { cluster: 'ratings.default.svc.cluster.local:9080', percent: 100 },
            { cluster: `${reviews}|v3`, percent: 10 },
          ],
        },
      },
    },
  },
  {
    name: 'corsPolicy',
    manifests: only(`corsPolicy:
  allowOrigins: [{ exact: "https://a.example" }, { prefix: "https://b" }, { regex: "https://c.*" }]
  allowMethods: [GET, POST]
  allowHeaders: [x-a]
  exposeHeaders: [x-b]
  maxAge: 24h
  allowCredentials: true
  unmatchedPreflights: IGNORE`),
    to,
    expect: {
      has: {
        cors: {
          allowOrigins: [
            { type: 'exact', value: 'https://a.example' },
            { type: 'prefix', value: 'https://b' },
            { type: 'regex', value: 'https://c.*' },
          ],
          allowMethods: ['GET', 'POST'],
          allowHeaders: ['x-a'],
          exposeHeaders: ['x-b'],
          maxAgeSeconds: 86_400,
          allowCredentials: true,
          unmatchedPreflights: 'ignore',
        },
      },
    },
  },
  {
    name: 'corsPolicy: a preflight of an allowed origin is answered',
    manifests: only(cors),
    to,
    request: { method: 'OPTIONS', headers: preflight('https://a.example') },
    expect: {
      rule,
      status: 200,
      answered: {
        'access-control-allow-origin': 'https://a.example',
        'access-control-allow-methods': 'GET,POST',
        'access-control-allow-headers': 'x-a',
        'access-control-allow-credentials': 'true',
        'access-control-max-age': '600',
      },
    },
  },
  {
    name: 'corsPolicy: a preflight of another origin is forwarded',
    manifests: only(cors),
    to,
    request: { method: 'OPTIONS', headers: preflight('https://b.example') },
    expect: { shares: v1, answered: { 'access-control-allow-origin': undefined } },
  },
  {
    name: 'corsPolicy: a preflight of another origin is answered without a word, with unmatchedPreflights IGNORE',
    manifests: only(`${cors}\n  unmatchedPreflights: IGNORE`),
    to,
    request: { method: 'OPTIONS', headers: preflight('https://b.example') },
    expect: { status: 200, answered: { 'access-control-allow-origin': undefined } },
  },
  {
    name: 'corsPolicy: a request of an allowed origin',
    manifests: only(cors),
    to,
    request: { headers: { origin: 'https://a.example' } },
    expect: {
      shares: v1,
      answered: { 'access-control-allow-origin': 'https://a.example', 'access-control-expose-headers': 'x-b' },
    },
  },
  {
    name: 'corsPolicy: a request without an origin',
    manifests: only(cors),
    to,
    expect: { shares: v1, answered: { 'access-control-allow-origin': undefined } },
  },
  {
    name: 'fault: abort of every request',
    manifests: only('fault: { abort: { httpStatus: 418, percentage: { value: 100 } } }'),
    to,
    expect: { rule, status: 418 },
  },
  {
    name: 'fault: abort of none',
    manifests: only('fault: { abort: { httpStatus: 418, percentage: { value: 0 } } }'),
    to,
    expect: { rule, shares: v1 },
  },
  {
    name: 'corsPolicy by the older allowOrigin',
    manifests: only('corsPolicy: { allowOrigin: ["*"] }'),
    to,
    expect: { has: { cors: { allowOrigins: [{ type: 'present' }], unmatchedPreflights: 'forward' } } },
  },
  {
    name: 'statPrefix',
    manifests: virtualService(`- match: [{ uri: { prefix: / }, statPrefix: all }]\n  ${toV1}`),
    to,
    expect: { has: { matches: [{ statPrefix: 'all' }] } },
  },
  {
    name: 'bound to a Gateway alone: pods are not concerned',
    manifests: virtualService(`- ${toV1}`, 'hosts: [reviews]\ngateways: [edge]'),
    to,
    expect: { l4: true },
  },
  {
    name: 'a host in its long form',
    manifests: virtualService(`- ${toV1}`, 'hosts: [reviews.default.svc.cluster.local]'),
    to,
    expect: { rule, shares: v1 },
  },
  {
    name: 'a wildcard that covers the Service',
    manifests: virtualService(`- ${toV1}`, 'hosts: ["*.default.svc.cluster.local"]'),
    to,
    expect: { rule, shares: v1 },
  },
  {
    name: 'a wildcard that does not',
    manifests: virtualService(`- ${toV1}`, 'hosts: ["*.other.svc.cluster.local"]'),
    to,
    expect: { l4: true },
  },
  {
    name: 'a name before a wildcard',
    manifests: `${virtualService('- route: [{ destination: { host: ratings } }]', 'hosts: ["*.default.svc.cluster.local"]', 'a')}---
${virtualService(`- ${toV1}`)}`,
    to,
    expect: { rule, shares: v1 },
  },
  {
    name: 'the same host twice: the first by name',
    manifests: `${virtualService('- route: [{ destination: { host: ratings } }]', '', 'z')}---\n${virtualService(`- ${toV1}`)}`,
    to,
    expect: { rule, shares: v1 },
  },
  {
    name: 'exportTo another namespace: not for this client',
    manifests: virtualService(`- ${toV1}`, 'hosts: [reviews]\nexportTo: [other]'),
    to,
    expect: { rule: '', shares: { [reviews]: 1 } },
  },
  {
    name: 'exportTo another namespace: for a client of it',
    manifests: virtualService(`- ${toV1}`, 'hosts: [reviews]\nexportTo: [other]'),
    from: 'other/client',
    to: 'reviews.default:9080',
    expect: { rule, shares: v1 },
  },
  {
    name: 'exportTo its own namespace',
    manifests: virtualService(`- ${toV1}`, 'hosts: [reviews]\nexportTo: [.]'),
    to,
    expect: { rule, shares: v1 },
  },
  {
    name: 'delegate: the joined match, what the root says beside it',
    manifests: delegation('uri: { prefix: /a/b }'),
    to,
    request: { path: '/a/b/c' },
    expect: {
      rule: 'VirtualService default/inner http[0] (outer-inner)',
      shares: v1,
      has: { action: { timeoutMs: 3000 } },
    },
  },
  {
    name: 'delegate: not where the delegate does not match',
    manifests: delegation('uri: { prefix: /a/b }'),
    to,
    request: { path: '/a/c' },
    expect: { status: 404 },
  },
  {
    name: 'delegate: a match outside the root’s is left out',
    manifests: delegation('uri: { prefix: /c }'),
    to,
    request: { path: '/c' },
    expect: { l4: true },
  },
  {
    name: 'rules on a TCP port do nothing',
    manifests: virtualService('- route: [{ destination: { host: database } }]', 'hosts: [database]'),
    to: 'database:5432',
    expect: { l4: true },
  },
  {
    name: 'rules on a port that does not say what it is',
    manifests: virtualService('- route: [{ destination: { host: ratings } }]', 'hosts: [quiet]'),
    to: 'quiet:7000',
    expect: { rule, shares: { 'ratings.default.svc.cluster.local:9080': 1 } },
  },
  {
    name: 'rules on a port that is HTTP by appProtocol',
    manifests: virtualService('- route: [{ destination: { host: ratings } }]', 'hosts: [hinted]'),
    to: 'hinted:80',
    expect: { rule, shares: { 'ratings.default.svc.cluster.local:9080': 1 } },
  },
];

function delegation(match: string): string {
  const inner = `apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: inner, namespace: default }
spec:
  http:
  - name: inner
    match: [{ ${match} }]
    ${toV1}
`;
  const outer = virtualService(`- name: outer
  match: [{ uri: { prefix: /a } }]
  delegate: { name: inner }
  timeout: 3s`);
  return `${outer}---\n${inner}`;
}
