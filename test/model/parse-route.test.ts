import test from 'ava';
import type { GrpcRoute, HttpRoute, HttpRouteRule } from '../../agent/model/route.js';
import { findings, parsed, type Raw, rawGatewayApi } from './objects.js';

const backends = [{ name: 'web', port: 80 }];

function rawRule(rule: Raw): Raw {
  return rawGatewayApi('HTTPRoute', { rules: [rule] });
}

function ruleOf(rule: Raw): HttpRouteRule {
  return parsed('HTTPRoute', rawRule(rule)).rules[0]!;
}

test('HTTPRoute: every field', (t) => {
  const raw = rawGatewayApi('HTTPRoute', {
    parentRefs: [
      { name: 'g', sectionName: 'https' },
      { group: '', kind: 'Service', name: 'web', namespace: 'b', port: 80 },
    ],
    hostnames: ['A.example.com', '*.example.com'],
    rules: [
      {
        name: 'first',
        matches: [
          {
            path: { type: 'Exact', value: '/a' },
            headers: [{ name: 'X-A', value: 'b' }],
            queryParams: [{ type: 'RegularExpression', name: 'Q', value: 'v[0-9]+' }],
            method: 'POST',
          },
        ],
        filters: [
          {
            type: 'RequestHeaderModifier',
            requestHeaderModifier: {
              set: [{ name: 'X-A', value: '1' }],
              add: [{ name: 'x-b', value: '' }],
              remove: ['X-C'],
            },
          },
          { type: 'ResponseHeaderModifier', responseHeaderModifier: { set: [{ name: 'x-r', value: '1' }] } },
          {
            type: 'RequestMirror',
            requestMirror: { backendRef: { name: 'copy', port: 81 }, fraction: { numerator: 1, denominator: 4 } },
          },
          { type: 'RequestMirror', requestMirror: { backendRef: { name: 'copy2', port: 81 }, percent: 10 } },
          {
            type: 'URLRewrite',
            urlRewrite: { hostname: 'x.y', path: { type: 'ReplaceFullPath', replaceFullPath: '/f' } },
          },
          {
            type: 'CORS',
            cors: {
              allowOrigins: ['https://*.example.com', 'http://a:8080'],
              allowCredentials: true,
              allowMethods: ['GET'],
              allowHeaders: ['*'],
              exposeHeaders: ['x-e'],
              maxAge: 60,
            },
          },
        ],
        backendRefs: [
          { name: 'web', port: 80, weight: 3, filters: [] },
          { name: 'web', namespace: 'b', port: 80 },
        ],
        timeouts: { request: '10s', backendRequest: '2s500ms' },
        retry: { codes: [503], attempts: 3, backoff: '100ms' },
      },
    ],
  });
  t.deepEqual(findings(raw), []);
  const { meta: _, ...route } = parsed('HTTPRoute', raw);
  const web = { group: '', kind: 'Service', name: 'web', port: 80 };
  const expected: Omit<HttpRoute, 'meta'> = {
    kind: 'HTTPRoute',
    parentRefs: [
      {
        group: 'gateway.networking.k8s.io',
        kind: 'Gateway',
        namespace: 'ns',
        name: 'g',
        sectionName: 'https',
        port: undefined,
      },
      { group: '', kind: 'Service', namespace: 'b', name: 'web', sectionName: undefined, port: 80 },
    ],
    hostnames: ['a.example.com', '*.example.com'],
    rules: [
      {
        name: 'first',
        matches: [
          {
            path: { type: 'Exact', value: '/a' },
            headers: [{ type: 'Exact', name: 'x-a', value: 'b' }],
            queryParams: [{ type: 'RegularExpression', name: 'Q', value: 'v[0-9]+' }],
            method: 'POST',
          },
        ],
        filters: [
          {
            type: 'RequestHeaderModifier',
            requestHeaderModifier: { set: [['X-A', '1']], add: [['x-b', '']], remove: ['x-c'] },
          },
          { type: 'ResponseHeaderModifier', responseHeaderModifier: { set: [['x-r', '1']], add: [], remove: [] } },
          {
            type: 'RequestMirror',
            requestMirror: { backendRef: { ...web, namespace: 'ns', name: 'copy', port: 81 }, percentage: 25 },
          },
          {
            type: 'RequestMirror',
            requestMirror: { backendRef: { ...web, namespace: 'ns', name: 'copy2', port: 81 }, percentage: 10 },
          },
          {
            type: 'URLRewrite',
            urlRewrite: { hostname: 'x.y', path: { type: 'ReplaceFullPath', replaceFullPath: '/f' } },
          },
          {
            type: 'CORS',
            cors: {
              allowOrigins: ['https://*.example.com', 'http://a:8080'],
              allowCredentials: true,
              allowMethods: ['GET'],
              allowHeaders: ['*'],
              exposeHeaders: ['x-e'],
              maxAgeMs: 60_000,
            },
          },
        ],
        backendRefs: [
          { ...web, namespace: 'ns', weight: 3, filters: [] },
          { ...web, namespace: 'b', weight: 1, filters: [] },
        ],
        timeouts: { requestMs: 10_000, backendRequestMs: 2_500 },
        retry: { codes: [503], attempts: 3, backoffMs: 100 },
      },
    ],
  };
  t.deepEqual(route, expected);
});

const everything = { path: { type: 'PathPrefix', value: '/' }, headers: [], queryParams: [], method: undefined };

test('HTTPRoute: without matches everything, without rules one of everything', (t) => {
  t.deepEqual(ruleOf({}).matches, [everything]);
  t.deepEqual(ruleOf({ matches: [{}] }).matches, [everything]);
  const { rules } = parsed('HTTPRoute', rawGatewayApi('HTTPRoute', {}));
  t.deepEqual(
    rules.map(({ matches, backendRefs }) => [matches, backendRefs]),
    [[[everything], []]],
  );
});

test('HTTPRoute: redirects and their defaults', (t) => {
  const redirect = (settings: Raw) => {
    const [filter] = ruleOf({ filters: [{ type: 'RequestRedirect', requestRedirect: settings }] }).filters;
    return filter?.type === 'RequestRedirect' ? filter.requestRedirect : undefined;
  };
  t.deepEqual(redirect({}), {
    scheme: undefined,
    hostname: undefined,
    path: undefined,
    port: undefined,
    statusCode: 302,
  });
  t.deepEqual(
    redirect({
      scheme: 'https',
      hostname: 'a',
      port: 8443,
      statusCode: 301,
      path: { type: 'ReplaceFullPath', replaceFullPath: '/x' },
    }),
    {
      scheme: 'https',
      hostname: 'a',
      path: { type: 'ReplaceFullPath', replaceFullPath: '/x' },
      port: 8443,
      statusCode: 301,
    },
  );
});

test('HTTPRoute: a prefix is replaced of one prefix match', (t) => {
  const rewrite = {
    type: 'URLRewrite',
    urlRewrite: { path: { type: 'ReplacePrefixMatch', replacePrefixMatch: '/b' } },
  };
  const one = { matches: [{ path: { value: '/a' } }], filters: [rewrite], backendRefs: backends };
  t.deepEqual(findings(rawRule(one)), []);
  t.deepEqual(findings(rawRule({ ...one, matches: [{ path: { type: 'Exact', value: '/a' } }] })), [
    'WEFT0212 error spec.rules[0].filters[0]',
  ]);
  t.deepEqual(findings(rawRule({ ...one, matches: [{}, {}] })), ['WEFT0212 error spec.rules[0].filters[0]']);
});

const r = 'spec.rules[0]';
const f = `${r}.filters[0]`;
const filter = (type: string, field: string, settings: Raw): Raw => ({ filters: [{ type, [field]: settings }] });
const modifier = (settings: Raw): Raw => filter('RequestHeaderModifier', 'requestHeaderModifier', settings);
const cors = (settings: Raw): Raw => filter('CORS', 'cors', settings);

const rules: readonly (readonly [string, Raw, readonly string[]])[] = [
  ['a path that is relative', { matches: [{ path: { value: 'a' } }] }, [`WEFT0222 error ${r}.matches[0].path.value`]],
  ...['/a//b', '/a/./b', '/a/..', '/a%2Fb', '/a b', '/a#b'].map((value): readonly [string, Raw, readonly string[]] => [
    `the path ${value}`,
    { matches: [{ path: { value } }] },
    [`WEFT0222 error ${r}.matches[0].path.value`],
  ]),
  [
    'a path that is no regex',
    { matches: [{ path: { type: 'RegularExpression', value: '(' } }] },
    [`WEFT0219 error ${r}.matches[0].path.value`],
  ],
  ['a method that is none', { matches: [{ method: 'get' }] }, [`WEFT0206 error ${r}.matches[0].method`]],
  [
    'a header of no name',
    { matches: [{ headers: [{ name: 'a b', value: 'c' }] }] },
    [`WEFT0220 error ${r}.matches[0].headers[0].name`],
  ],
  [
    'a header of no value',
    { matches: [{ headers: [{ name: 'a', value: '' }] }] },
    [`WEFT0208 error ${r}.matches[0].headers[0].value`],
  ],
  [
    'a header twice',
    {
      matches: [
        {
          headers: [
            { name: 'a', value: 'b' },
            { name: 'A', value: 'c' },
          ],
        },
      ],
    },
    [`WEFT0303 warning ${r}.matches[0].headers[1]`],
  ],
  [
    'a query parameter twice',
    {
      matches: [
        {
          queryParams: [
            { name: 'a', value: 'b' },
            { name: 'A', value: 'c' },
            { name: 'a', value: 'd' },
          ],
        },
      ],
    },
    [`WEFT0303 warning ${r}.matches[0].queryParams[2]`],
  ],
  [
    'a query that is no regex',
    { matches: [{ queryParams: [{ type: 'RegularExpression', name: 'q', value: '*' }] }] },
    [`WEFT0219 error ${r}.matches[0].queryParams[0].value`],
  ],
  ['a filter without its field', { filters: [{ type: 'CORS' }] }, [`WEFT0208 error ${f}.cors`]],
  [
    'a filter with another field',
    { filters: [{ type: 'CORS', cors: {}, urlRewrite: {} }] },
    [`WEFT0212 error ${f}.urlRewrite`],
  ],
  ['a filter of no type', { filters: [{ type: 'Cors' }] }, [`WEFT0206 error ${f}.type`]],
  [
    'a filter twice',
    {
      filters: [
        { type: 'CORS', cors: {} },
        { type: 'CORS', cors: {} },
      ],
    },
    [`WEFT0211 error ${r}.filters[1]`],
  ],
  [
    'redirect and rewrite',
    {
      filters: [
        { type: 'RequestRedirect', requestRedirect: {} },
        { type: 'URLRewrite', urlRewrite: {} },
      ],
    },
    [`WEFT0212 error ${r}.filters`],
  ],
  [
    'redirect and backends',
    { ...filter('RequestRedirect', 'requestRedirect', {}), backendRefs: backends },
    [`WEFT0212 error ${r}.backendRefs`],
  ],
  [
    'a redirect that is none',
    filter('RequestRedirect', 'requestRedirect', { statusCode: 305 }),
    [`WEFT0206 error ${f}.requestRedirect.statusCode`],
  ],
  [
    'a redirect to many hosts',
    filter('RequestRedirect', 'requestRedirect', { hostname: '*.a' }),
    [`WEFT0218 error ${f}.requestRedirect.hostname`],
  ],
  [
    'a path of another type',
    filter('URLRewrite', 'urlRewrite', { path: { type: 'ReplaceFullPath', replacePrefixMatch: '/' } }),
    [`WEFT0208 error ${f}.urlRewrite.path.replaceFullPath`, `WEFT0212 error ${f}.urlRewrite.path.replacePrefixMatch`],
  ],
  [
    'a path that splits',
    filter('URLRewrite', 'urlRewrite', { path: { type: 'ReplaceFullPath', replaceFullPath: '/\r\n' } }),
    [`WEFT0222 error ${f}`],
  ],
  [
    'a header that splits',
    modifier({ set: [{ name: 'a', value: 'b\nc' }] }),
    [`WEFT0220 error ${f}.requestHeaderModifier.set[0].value`],
  ],
  [
    'a command that nobody fills in',
    modifier({ add: [{ name: 'a', value: '%HOSTNAME%' }] }),
    [`WEFT0303 warning ${f}.requestHeaderModifier.add[0].value`],
  ],
  [
    'a pseudo header set',
    modifier({ set: [{ name: ':path', value: '/' }] }),
    [`WEFT0220 error ${f}.requestHeaderModifier.set[0].name`],
  ],
  [
    'a header added twice',
    modifier({
      add: [
        { name: 'a', value: 'b' },
        { name: 'A', value: 'c' },
      ],
    }),
    [`WEFT0303 warning ${f}.requestHeaderModifier.add[1]`],
  ],
  [
    'a header of the response set twice',
    filter('ResponseHeaderModifier', 'responseHeaderModifier', {
      set: [
        { name: 'a', value: 'b' },
        { name: 'a', value: 'c' },
      ],
    }),
    [`WEFT0303 warning ${f}.responseHeaderModifier.set[1]`],
  ],
  [
    'a redirect with what is for requests that go on',
    {
      filters: [
        { type: 'RequestRedirect', requestRedirect: { scheme: 'https' } },
        { type: 'RequestHeaderModifier', requestHeaderModifier: { remove: ['a'] } },
        { type: 'RequestMirror', requestMirror: { backendRef: backends[0] } },
        { type: 'ResponseHeaderModifier', responseHeaderModifier: { remove: ['a'] } },
        { type: 'CORS', cors: {} },
      ],
      timeouts: { request: '1s' },
      retry: { attempts: 1 },
    },
    [
      `WEFT0303 warning ${r}.filters[1]`,
      `WEFT0303 warning ${r}.filters[2]`,
      `WEFT0303 warning ${r}.timeouts`,
      `WEFT0303 warning ${r}.retry`,
    ],
  ],
  ['Host removed', modifier({ remove: ['host'] }), [`WEFT0220 error ${f}.requestHeaderModifier.remove[0]`]],
  [
    'two shares of a mirror',
    filter('RequestMirror', 'requestMirror', { backendRef: backends[0], percent: 1, fraction: { numerator: 1 } }),
    [`WEFT0212 error ${f}.requestMirror.fraction`],
  ],
  [
    'a mirror of more than all',
    filter('RequestMirror', 'requestMirror', { backendRef: backends[0], fraction: { numerator: 101 } }),
    [`WEFT0207 error ${f}.requestMirror.fraction.numerator`],
  ],
  ['an origin that is none', cors({ allowOrigins: ['example.com'] }), [`WEFT0218 error ${f}.cors.allowOrigins[0]`]],
  ['all origins and one', cors({ allowOrigins: ['*', 'http://a'] }), [`WEFT0212 error ${f}.cors.allowOrigins`]],
  ['a CORS header that is none', cors({ allowHeaders: ['a b'] }), [`WEFT0220 error ${f}.cors.allowHeaders[0]`]],
  ['CORS for no time', cors({ maxAge: 0 }), [`WEFT0207 error ${f}.cors.maxAge`]],
  [
    'a filter of others',
    filter('ExtensionRef', 'extensionRef', { group: 'x.y', kind: 'Z', name: 'z' }),
    [`WEFT0413 warning ${f}.extensionRef`],
  ],
  ['an outside authorisation', filter('ExternalAuth', 'externalAuth', {}), [`WEFT0305 error ${f}.externalAuth`]],
  ['a backend without a port', { backendRefs: [{ name: 'a' }] }, [`WEFT0208 error ${r}.backendRefs[0].port`]],
  [
    'a backend of another kind',
    { backendRefs: [{ group: 'x.y', kind: 'Z', name: 'a' }] },
    [`WEFT0413 warning ${r}.backendRefs[0]`],
  ],
  [
    'a weight over a million',
    { backendRefs: [{ name: 'a', port: 1, weight: 1_000_001 }] },
    [`WEFT0207 error ${r}.backendRefs[0].weight`],
  ],
  [
    'a try longer than the request',
    { timeouts: { request: '1s', backendRequest: '2s' } },
    [`WEFT0212 error ${r}.timeouts.backendRequest`],
  ],
  ['a try of a request without limit', { timeouts: { request: '0s', backendRequest: '2s' } }, []],
  ['a fraction of a second', { timeouts: { request: '1.5s' } }, [`WEFT0215 error ${r}.timeouts.request`]],
  ['a retry of success', { retry: { codes: [200] } }, [`WEFT0207 error ${r}.retry.codes[0]`]],
  ['sessions', { sessionPersistence: { sessionName: 'a' } }, [`WEFT0303 warning ${r}.sessionPersistence`]],
  ['an unknown field', { backendRef: [] }, [`WEFT0302 error ${r}.backendRef`]],
];

for (const [title, rule, expected] of rules) {
  test(`HTTPRoute: ${title}`, (t) => {
    t.deepEqual(findings(rawRule(rule)), expected);
  });
}

test('HTTPRoute: of entries with equivalent names the first one counts', (t) => {
  const pairs = [
    { name: 'Version', value: 'one' },
    { name: 'version', value: 'two' },
  ];
  const { matches, filters } = ruleOf({
    matches: [{ headers: pairs, queryParams: pairs }],
    filters: [{ type: 'RequestHeaderModifier', requestHeaderModifier: { set: pairs, add: pairs } }],
  });
  t.deepEqual(matches[0]!.headers, [{ type: 'Exact', name: 'version', value: 'one' }]);
  t.deepEqual(
    matches[0]!.queryParams.map(({ name, value }) => [name, value]),
    [
      ['Version', 'one'],
      ['version', 'two'],
    ],
  );
  const modifier = { set: [['Version', 'one']], add: [['Version', 'one']], remove: [] };
  t.deepEqual(filters, [{ type: 'RequestHeaderModifier', requestHeaderModifier: modifier }] as never);
});

test('GRPCRoute: a header twice is ignored, and said', (t) => {
  const headers = [
    { name: 'A', value: 'b' },
    { name: 'a', type: 'RegularExpression', value: '*' },
  ];
  const raw = rawGatewayApi('GRPCRoute', { rules: [{ matches: [{ headers }] }] });
  t.deepEqual(findings(raw), ['WEFT0303 warning spec.rules[0].matches[0].headers[1]']);
  t.deepEqual(parsed('GRPCRoute', raw).rules[0]!.matches[0]!.headers, [{ type: 'Exact', name: 'a', value: 'b' }]);
});

test('HTTPRoute: what cannot be resolved is kept, for its share', (t) => {
  const { backendRefs, filters } = ruleOf({
    backendRefs: [{ group: 'x.y', kind: 'Z', name: 'a', weight: 2 }],
    filters: [{ type: 'ExtensionRef', extensionRef: { group: 'x.y', kind: 'Z', name: 'z' } }],
  });
  t.deepEqual(backendRefs, [
    { group: 'x.y', kind: 'Z', namespace: 'ns', name: 'a', port: undefined, weight: 2, filters: [] },
  ]);
  t.deepEqual(filters, [{ type: 'ExtensionRef', extensionRef: { group: 'x.y', kind: 'Z', name: 'z' } }]);
});

test('HTTPRoute: hostnames are names, and not all', (t) => {
  const of = (hostnames: readonly string[]) => findings(rawGatewayApi('HTTPRoute', { hostnames }));
  t.deepEqual(of(['a', '*.b']), []);
  t.deepEqual(of(['*']), ['WEFT0218 error spec.hostnames[0]']);
  t.deepEqual(of(['a:80']), ['WEFT0218 error spec.hostnames[0]']);
});

test('GRPCRoute: every field', (t) => {
  const raw = rawGatewayApi('GRPCRoute', {
    parentRefs: [{ group: '', kind: 'Service', name: 'web' }],
    hostnames: ['a'],
    rules: [
      {
        name: 'first',
        matches: [
          { method: { service: 'shop.Cart', method: 'Add' }, headers: [{ name: 'X-A', value: '1' }] },
          { method: { type: 'RegularExpression', service: 'shop\\..*' } },
          {},
        ],
        filters: [{ type: 'ResponseHeaderModifier', responseHeaderModifier: { remove: ['x'] } }],
        backendRefs: [{ name: 'web', port: 80, weight: 0 }],
      },
      {},
    ],
  });
  t.deepEqual(findings(raw), []);
  const { meta: _, ...route } = parsed('GRPCRoute', raw);
  const expected: Omit<GrpcRoute, 'meta'> = {
    kind: 'GRPCRoute',
    parentRefs: [{ group: '', kind: 'Service', namespace: 'ns', name: 'web', sectionName: undefined, port: undefined }],
    hostnames: ['a'],
    rules: [
      {
        name: 'first',
        matches: [
          {
            method: { type: 'Exact', service: 'shop.Cart', method: 'Add' },
            headers: [{ type: 'Exact', name: 'x-a', value: '1' }],
          },
          { method: { type: 'RegularExpression', service: 'shop\\..*', method: undefined }, headers: [] },
          { method: undefined, headers: [] },
        ],
        filters: [{ type: 'ResponseHeaderModifier', responseHeaderModifier: { set: [], add: [], remove: ['x'] } }],
        backendRefs: [{ group: '', kind: 'Service', namespace: 'ns', name: 'web', port: 80, weight: 0, filters: [] }],
      },
      { name: undefined, matches: [], filters: [], backendRefs: [] },
    ],
  };
  t.deepEqual(route, expected);
});

const grpc: readonly (readonly [string, Raw, readonly string[]])[] = [
  ['a method of nothing', { matches: [{ method: {} }] }, [`WEFT0208 error ${r}.matches[0].method`]],
  [
    'a service that is none',
    { matches: [{ method: { service: 'a/b' } }] },
    [`WEFT0204 error ${r}.matches[0].method.service`],
  ],
  [
    'a method that is none',
    { matches: [{ method: { method: '1' } }] },
    [`WEFT0204 error ${r}.matches[0].method.method`],
  ],
  [
    'a method that is no regex',
    { matches: [{ method: { type: 'RegularExpression', method: '(' } }] },
    [`WEFT0219 error ${r}.matches[0].method.method`],
  ],
  ['a redirect', { filters: [{ type: 'RequestRedirect' }] }, [`WEFT0206 error ${f}.type`]],
  ['a timeout', { timeouts: {} }, [`WEFT0302 error ${r}.timeouts`]],
];

for (const [title, rule, expected] of grpc) {
  test(`GRPCRoute: ${title}`, (t) => {
    t.deepEqual(findings(rawGatewayApi('GRPCRoute', { rules: [rule] })), expected);
  });
}
