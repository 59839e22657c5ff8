import { httpRoute, virtualService } from './manifest.js';
import type { Row } from './row.js';

/** HTTPRoute bound to a Service: every field, and which of several wins. */

const to = 'reviews:9080';
const ratings = 'ratings.default.svc.cluster.local:9080';
const reviews = 'reviews.default.svc.cluster.local:9080';
const toRatings = 'backendRefs: [{ name: ratings, port: 9080 }]';
const rule = 'HTTPRoute default/reviews rules[0]';

type Request = NonNullable<Row['request']>;

const matches: readonly (readonly [name: string, match: string, fits: readonly Request[], not: readonly Request[]])[] =
  [
    ['path Exact', 'path: { type: Exact, value: /a }', [{ path: '/a' }], [{ path: '/a/' }, { path: '/A' }]],
    [
      'path PathPrefix is by element',
      'path: { type: PathPrefix, value: /v2 }',
      [{ path: '/v2' }, { path: '/v2/' }, { path: '/v2/x?y' }],
      [{ path: '/v2example' }, { path: '/v1' }],
    ],
    [
      'path PathPrefix with a final slash',
      'path: { type: PathPrefix, value: /v2/ }',
      [{ path: '/v2' }],
      [{ path: '/v2x' }],
    ],
    [
      'path RegularExpression',
      'path: { type: RegularExpression, value: "/v[12]" }',
      [{ path: '/v1' }],
      [{ path: '/v1/' }, { path: '/v3' }],
    ],
    ['method', 'method: POST', [{ method: 'POST' }], [{}]],
    [
      'headers Exact',
      'headers: [{ name: X-User, value: a }]',
      [{ headers: { 'x-user': 'a' } }],
      [{}, { headers: { 'x-user': 'A' } }],
    ],
    [
      'headers RegularExpression',
      'headers: [{ type: RegularExpression, name: x-user, value: "a+" }]',
      [{ headers: { 'x-user': 'aa' } }],
      [{ headers: { 'x-user': 'ab' } }],
    ],
    [
      'headers: the first of equivalent names',
      'headers: [{ name: version, value: one }, { name: Version, value: two }]',
      [{ headers: { version: 'one' } }],
      [{ headers: { version: 'two' } }],
    ],
    [
      'queryParams: the first of equal names',
      'queryParams: [{ name: q, value: a }, { name: Q, value: b }, { name: q, value: c }]',
      [{ path: '/?q=a&Q=b' }],
      [{ path: '/?q=c&Q=b' }, { path: '/?q=a' }],
    ],
    ['queryParams Exact', 'queryParams: [{ name: q, value: a }]', [{ path: '/?q=a' }], [{ path: '/?q=b' }, {}]],
    [
      'queryParams RegularExpression',
      'queryParams: [{ type: RegularExpression, name: q, value: "[0-9]+" }]',
      [{ path: '/?q=1' }],
      [{ path: '/?q=a' }],
    ],
  ];

const matchRows: readonly Row[] = matches.flatMap(([name, match, fits, not]) => {
  const manifests = httpRoute(`- matches: [{ ${match} }]\n  ${toRatings}`);
  return [
    ...fits.map((request, index) => ({
      name: `HTTPRoute ${name}: fits (${index + 1})`,
      manifests,
      to,
      request,
      expect: { rule, shares: { [ratings]: 1 } },
    })),
    ...not.map((request, index) => ({
      name: `HTTPRoute ${name}: does not (${index + 1})`,
      manifests,
      to,
      request,
      expect: { status: 404 },
    })),
  ];
});

/** The API's precedence: the last of these rules comes first. */
const precedence = httpRoute(`- backendRefs: [{ name: ratings, port: 9080 }]
- matches: [{ path: { type: RegularExpression, value: "/long/path.*" } }]
  ${toRatings}
- matches: [{ path: { value: /long } }]
  ${toRatings}
- matches: [{ path: { value: /long/path } }]
  ${toRatings}
- matches: [{ path: { value: /long/path }, method: GET }]
  ${toRatings}
- matches: [{ path: { value: /long/path }, method: GET, headers: [{ name: a, value: b }] }]
  ${toRatings}
- matches: [{ path: { value: /long/path }, method: GET, headers: [{ name: a, value: b }], queryParams: [{ name: c, value: d }] }]
  ${toRatings}
- matches: [{ path: { type: Exact, value: /long/path } }]
  ${toRatings}`);

const precedenceRows: readonly Row[] = (
  [
    ['everything', { path: '/' }, 0],
    ['a prefix before a regex', { path: '/long/paths' }, 2],
    ['the longest prefix', { path: '/long/path/x', method: 'POST' }, 3],
    ['a method', { path: '/long/path/x' }, 4],
    ['a header', { path: '/long/path/x', headers: { a: 'b' } }, 5],
    ['a query parameter', { path: '/long/path/x?c=d', headers: { a: 'b' } }, 6],
    ['an exact path', { path: '/long/path?c=d', headers: { a: 'b' } }, 7],
  ] as const
).map(([name, request, index]) => ({
  name: `HTTPRoute precedence: ${name}`,
  manifests: precedence,
  to,
  request,
  expect: { rule: `HTTPRoute default/reviews rules[${index}]` },
}));

const redirectWithCors = httpRoute(`- filters:
  - { type: RequestRedirect, requestRedirect: { hostname: books.example } }
  - { type: ResponseHeaderModifier, responseHeaderModifier: { set: [{ name: x-by, value: gateway }] } }
  - { type: CORS, cors: { allowOrigins: ["https://a.example"], allowMethods: [GET], exposeHeaders: [x-b] } }`);
const preflight = { 'access-control-request-method': 'GET' };
const location = 'http://books.example:9080/';

/** A preflight must not be redirected (Fetch, CORS-preflight fetch): the filters of a rule hold together. */
const redirectsWithCors: readonly Row[] = [
  {
    name: 'HTTPRoute: CORS of a redirect answers preflights',
    manifests: redirectWithCors,
    to,
    request: { method: 'OPTIONS', headers: { origin: 'https://a.example', ...preflight } },
    expect: {
      rule,
      status: 200,
      answered: { 'access-control-allow-origin': 'https://a.example', 'access-control-allow-methods': 'GET' },
    },
  },
  {
    name: 'HTTPRoute: CORS of a redirect answers preflights of other origins without a word',
    manifests: redirectWithCors,
    to,
    request: { method: 'OPTIONS', headers: { origin: 'https://b.example', ...preflight } },
    expect: { rule, status: 200, answered: { 'access-control-allow-origin': undefined } },
  },
  {
    name: 'HTTPRoute: CORS of a redirect marks it for an allowed origin',
    manifests: redirectWithCors,
    to,
    request: { headers: { origin: 'https://a.example' } },
    expect: {
      status: 302,
      location,
      answered: {
        'x-by': 'gateway',
        'access-control-allow-origin': 'https://a.example',
        'access-control-expose-headers': 'x-b',
      },
    },
  },
  {
    name: 'HTTPRoute: CORS of a redirect leaves it for other origins',
    manifests: redirectWithCors,
    to,
    request: { headers: { origin: 'https://b.example' } },
    expect: { status: 302, location, answered: { 'x-by': 'gateway', 'access-control-allow-origin': undefined } },
  },
  {
    name: 'HTTPRoute: a filter that nobody knows: 500 to preflights too',
    manifests: httpRoute(`- ${toRatings}
  filters:
  - { type: CORS, cors: { allowOrigins: ["https://a.example"], allowMethods: [GET] } }
  - { type: ExtensionRef, extensionRef: { group: example.com, kind: Magic, name: wand } }`),
    to,
    request: { method: 'OPTIONS', headers: { origin: 'https://a.example', ...preflight } },
    expect: { rule, status: 500, answered: { 'access-control-allow-origin': undefined } },
  },
];

function consumer(name: string, created: string, port = ''): string {
  return `apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: { name: ${name}, namespace: ${name === 'away' ? 'other' : 'default'}, creationTimestamp: "${created}" }
spec:
  parentRefs: [{ group: '', kind: Service, name: reviews, namespace: default${port} }]
  rules: [{ name: ${name}, backendRefs: [{ name: ${name === 'away' ? 'details' : 'ratings'}, port: 9080 }] }]
`;
}

const grant = `---
apiVersion: gateway.networking.k8s.io/v1beta1
kind: ReferenceGrant
metadata: { name: grant, namespace: other }
spec:
  from: [{ group: gateway.networking.k8s.io, kind: HTTPRoute, namespace: default }]
  to: [{ group: '', kind: Service, name: details }]
`;

export const httpRouteRows: readonly Row[] = [
  ...matchRows,
  ...precedenceRows,
  {
    name: 'HTTPRoute: weights, 1 when omitted',
    manifests: httpRoute(`- backendRefs:
  - { name: ratings, port: 9080, weight: 3 }
  - { name: reviews, port: 9080 }
  - { name: multi, port: 80, weight: 0 }`),
    to,
    expect: { rule, shares: { [ratings]: 0.75, [reviews]: 0.25 } },
  },
  {
    name: 'HTTPRoute: unresolvable backends are 500 for their share',
    manifests: httpRoute(`- backendRefs:
  - { name: ratings, port: 9080 }
  - { name: nobody, port: 9080 }
  - { name: ratings, port: 1 }
  - { name: details, namespace: other, port: 9080 }`),
    to,
    expect: { shares: { [ratings]: 0.25, 'status 500': 0.75 } },
  },
  {
    name: 'HTTPRoute: a backend of an unknown kind is 500',
    manifests: httpRoute('- backendRefs: [{ group: example.com, kind: Bucket, name: ratings, port: 9080 }]'),
    to,
    expect: { status: 500 },
  },
  {
    name: 'HTTPRoute: another namespace with a ReferenceGrant',
    manifests: httpRoute('- backendRefs: [{ name: details, namespace: other, port: 9080 }]') + grant,
    to,
    expect: { shares: { 'details.other.svc.cluster.local:9080': 1 } },
  },
  {
    name: 'HTTPRoute: a ReferenceGrant for another name',
    manifests:
      httpRoute('- backendRefs: [{ name: details, namespace: other, port: 9080 }]') +
      grant.replace('name: details', 'name: somebody'),
    to,
    expect: { status: 500 },
  },
  {
    name: 'HTTPRoute: no backends: 500',
    manifests: httpRoute('- matches: [{ path: { value: / } }]'),
    to,
    expect: { status: 500 },
  },
  {
    name: 'HTTPRoute: backends of weight 0: 500',
    manifests: httpRoute('- backendRefs: [{ name: ratings, port: 9080, weight: 0 }]'),
    to,
    expect: { status: 500 },
  },
  {
    name: 'HTTPRoute: header modifiers',
    manifests: httpRoute(`- ${toRatings}
  filters:
  - type: RequestHeaderModifier
    requestHeaderModifier: { set: [{ name: x-a, value: "1" }], add: [{ name: x-b, value: "2" }], remove: [x-c] }
  - type: ResponseHeaderModifier
    responseHeaderModifier: { set: [{ name: x-d, value: "3" }], remove: [server] }`),
    to,
    request: { headers: { 'x-a': '0', 'x-c': '0' } },
    expect: {
      sent: { headers: { 'x-a': '1', 'x-b': '2', 'x-c': undefined } },
      answered: { 'x-d': '3', server: undefined },
    },
  },
  {
    name: 'HTTPRoute: header modifiers of a backend',
    manifests: httpRoute(`- backendRefs:
  - name: ratings
    port: 9080
    filters: [{ type: RequestHeaderModifier, requestHeaderModifier: { set: [{ name: x-to, value: ratings }] } }]`),
    to,
    expect: { sent: { headers: { 'x-to': 'ratings' } } },
  },
  {
    name: 'HTTPRoute: redirect by default is 302, to the port that was asked for',
    manifests: httpRoute('- filters: [{ type: RequestRedirect, requestRedirect: { hostname: books.example } }]'),
    to,
    request: { path: '/x?y=1' },
    expect: { rule, status: 302, location: 'http://books.example:9080/x?y=1' },
  },
  {
    name: 'HTTPRoute: redirect to a scheme is to its port',
    manifests: httpRoute('- filters: [{ type: RequestRedirect, requestRedirect: { scheme: https, statusCode: 301 } }]'),
    to,
    expect: { status: 301, location: 'https://reviews/' },
  },
  {
    name: 'HTTPRoute: redirect with a port and a prefix',
    manifests: httpRoute(`- matches: [{ path: { value: /old } }]
  filters:
  - type: RequestRedirect
    requestRedirect: { port: 8443, scheme: https, path: { type: ReplacePrefixMatch, replacePrefixMatch: /new } }`),
    to,
    request: { path: '/old/x' },
    expect: { location: 'https://reviews:8443/new/x' },
  },
  {
    name: 'HTTPRoute: redirect to a full path',
    manifests: httpRoute(
      '- filters: [{ type: RequestRedirect, requestRedirect: { scheme: https, path: { type: ReplaceFullPath, replaceFullPath: /new } } }]',
    ),
    to,
    request: { path: '/x/y' },
    expect: { location: 'https://reviews/new' },
  },
  {
    name: 'HTTPRoute: rewrite of a prefix and the host',
    manifests: httpRoute(`- matches: [{ path: { value: /old } }]
  ${toRatings}
  filters:
  - type: URLRewrite
    urlRewrite: { hostname: books.example, path: { type: ReplacePrefixMatch, replacePrefixMatch: / } }`),
    to,
    request: { path: '/old/x?y' },
    expect: { sent: { path: '/x?y', authority: 'books.example' } },
  },
  {
    name: 'HTTPRoute: rewrite of the full path',
    manifests: httpRoute(
      `- ${toRatings}\n  filters: [{ type: URLRewrite, urlRewrite: { path: { type: ReplaceFullPath, replaceFullPath: /one } } }]`,
    ),
    to,
    request: { path: '/x/y' },
    expect: { sent: { path: '/one', authority: to } },
  },
  {
    name: 'HTTPRoute: mirror with a fraction, and one that cannot be resolved',
    manifests: httpRoute(`- ${toRatings}
  filters:
  - { type: RequestMirror, requestMirror: { backendRef: { name: reviews, port: 9080 }, fraction: { numerator: 1, denominator: 8 } } }
  - { type: RequestMirror, requestMirror: { backendRef: { name: multi, port: 80 }, percent: 42 } }
  - { type: RequestMirror, requestMirror: { backendRef: { name: nobody, port: 80 } } }`),
    to,
    expect: {
      shares: { [ratings]: 1 },
      has: {
        action: {
          mirrors: [
            { cluster: reviews, percent: 12.5 },
            { cluster: 'multi.default.svc.cluster.local:80', percent: 42 },
          ],
        },
      },
    },
  },
  {
    name: 'HTTPRoute: CORS',
    manifests: httpRoute(`- ${toRatings}
  filters:
  - type: CORS
    cors: { allowOrigins: ["https://a.example", "https://*.b.example"], allowMethods: [GET], allowCredentials: true, maxAge: 10 }`),
    to,
    expect: {
      has: {
        cors: {
          allowOrigins: [
            { type: 'exact', value: 'https://a.example' },
            { type: 'regex', value: 'https\\:\\/\\/[^/]+\\.b\\.example' },
          ],
          allowMethods: ['GET'],
          allowCredentials: true,
          maxAgeSeconds: 10,
        },
      },
    },
  },
  ...redirectsWithCors,
  {
    name: 'HTTPRoute: header modifiers take the first of equivalent names',
    manifests: httpRoute(`- ${toRatings}
  filters:
  - { type: RequestHeaderModifier, requestHeaderModifier: { set: [{ name: X-A, value: one }, { name: x-a, value: two }] } }
  - { type: ResponseHeaderModifier, responseHeaderModifier: { add: [{ name: x-b, value: one }, { name: X-B, value: two }] } }`),
    to,
    expect: { sent: { headers: { 'x-a': 'one' } }, answered: { 'x-b': 'one' } },
  },
  {
    name: 'HTTPRoute: a filter that nobody knows: 500',
    manifests: httpRoute(
      `- ${toRatings}\n  filters: [{ type: ExtensionRef, extensionRef: { group: example.com, kind: Magic, name: wand } }]`,
    ),
    to,
    expect: { rule, status: 500 },
  },
  {
    name: 'HTTPRoute: timeouts',
    manifests: httpRoute(`- ${toRatings}\n  timeouts: { request: 10s, backendRequest: 2s }`),
    to,
    expect: { has: { action: { timeoutMs: 10_000, retries: { attempts: 2, perTryTimeoutMs: 2000 } } } },
  },
  {
    name: 'HTTPRoute: a request timeout of 0s is none',
    manifests: httpRoute(`- ${toRatings}\n  timeouts: { request: 0s }`),
    to,
    expect: { has: { action: { timeoutMs: undefined } } },
  },
  {
    name: 'HTTPRoute: retry',
    manifests: httpRoute(`- ${toRatings}\n  retry: { codes: [500, 503], attempts: 4, backoff: 100ms }`),
    to,
    expect: { has: { action: { retries: { attempts: 4, statuses: [500, 503], backoffMs: 100 } } } },
  },
  {
    name: 'HTTPRoute: the name of a rule',
    manifests: httpRoute(`- name: main\n  ${toRatings}`),
    to,
    expect: { rule: `${rule} (main)` },
  },
  {
    name: 'HTTPRoute: hostnames mean nothing in the mesh',
    manifests: httpRoute(
      `- ${toRatings}`,
      "parentRefs: [{ group: '', kind: Service, name: reviews }]\nhostnames: [somewhere.example]",
    ),
    to,
    expect: { rule },
  },
  {
    name: 'HTTPRoute: a parentRef with the port',
    manifests: httpRoute(`- ${toRatings}`, "parentRefs: [{ group: '', kind: Service, name: multi, port: 80 }]"),
    to: 'multi:80',
    expect: { rule },
  },
  {
    name: 'HTTPRoute: a parentRef with another port',
    manifests: httpRoute(`- ${toRatings}`, "parentRefs: [{ group: '', kind: Service, name: multi, port: 80 }]"),
    to: 'multi:8080',
    expect: { l4: true },
  },
  {
    name: 'HTTPRoute: a parentRef with the port’s name',
    manifests: httpRoute(
      `- ${toRatings}`,
      "parentRefs: [{ group: '', kind: Service, name: multi, sectionName: http-b }]",
    ),
    to: 'multi:8080',
    expect: { rule },
  },
  {
    name: 'HTTPRoute: the older of two equals',
    manifests: `${consumer('a', '2025-01-02T00:00:00Z')}---\n${consumer('b', '2025-01-01T00:00:00Z')}`,
    to,
    expect: { rule: 'HTTPRoute default/b rules[0] (b)' },
  },
  {
    name: 'HTTPRoute: the first by name of two equals of one age',
    manifests: `${consumer('b', '2025-01-01T00:00:00Z')}---\n${consumer('a', '2025-01-01T00:00:00Z')}`,
    to,
    expect: { rule: 'HTTPRoute default/a rules[0] (a)' },
  },
  {
    name: 'HTTPRoute: a consumer route is for its own namespace',
    manifests: `${consumer('home', '2025-01-01T00:00:00Z')}---\n${consumer('away', '2025-01-01T00:00:00Z')}`,
    from: 'other/client',
    to: 'reviews.default:9080',
    expect: { rule: 'HTTPRoute other/away rules[0] (away)', shares: { 'details.other.svc.cluster.local:9080': 1 } },
  },
  {
    name: 'HTTPRoute: a consumer route is not for others',
    manifests: `${consumer('home', '2025-01-01T00:00:00Z')}---\n${consumer('away', '2025-01-01T00:00:00Z')}`,
    to,
    expect: { rule: 'HTTPRoute default/home rules[0] (home)' },
  },
  {
    name: 'HTTPRoute before VirtualService on one port',
    manifests: `${virtualService('- route: [{ destination: { host: reviews, subset: v1 } }]')}---\n${httpRoute(`- ${toRatings}`)}`,
    to,
    expect: { rule, shares: { [ratings]: 1 } },
  },
  {
    name: 'VirtualService where the HTTPRoute is of another port',
    manifests: `${virtualService('- route: [{ destination: { host: ratings } }]', 'hosts: [multi]', 'multi')}---
${httpRoute(`- ${toRatings}`, "parentRefs: [{ group: '', kind: Service, name: multi, port: 80 }]")}`,
    to: 'multi:8080',
    expect: { rule: 'VirtualService default/multi http[0]' },
  },
];
