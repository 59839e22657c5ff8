import test from 'ava';
import { parseObject } from '../../agent/model/parse.js';
import type { VirtualHttpRoute, VirtualService } from '../../agent/model/virtual-service.js';
import { findings, origin, parsed, type Raw, rawIstio } from './objects.js';

const to = { route: [{ destination: { host: 'web' } }] };

function rawRoutes(...http: readonly Raw[]): Raw {
  return rawIstio('VirtualService', { hosts: ['web'], http });
}

function firstOf(rule: Raw): VirtualHttpRoute {
  return parsed('VirtualService', rawRoutes(rule)).http[0]!;
}

test('VirtualService: every field', (t) => {
  const raw = rawIstio('VirtualService', {
    hosts: ['web', '*.example.com'],
    gateways: ['mesh', 'g', 'other/g'],
    exportTo: ['.', 'b'],
    http: [
      {
        name: 'first',
        match: [
          {
            name: 'm',
            uri: { prefix: '/a' },
            scheme: { exact: 'https' },
            method: { exact: 'GET' },
            authority: { regex: '.*\\.example\\.com' },
            headers: { 'X-User': { exact: 'bob' }, present: {} },
            withoutHeaders: { 'X-Debug': { prefix: '1' } },
            queryParams: { q: { exact: '' } },
            ignoreUriCase: true,
            port: 80,
            sourceLabels: { app: 'x' },
            sourceNamespace: 'c',
            gateways: ['g'],
            statPrefix: 's',
          },
        ],
        route: [
          {
            destination: { host: 'web', subset: 'v1', port: { number: 80 } },
            weight: 3,
            headers: { request: { set: { 'X-A': '1' }, add: { 'x-b': '2' }, remove: ['X-C'] } },
          },
          { destination: { host: 'web.b' } },
        ],
        rewrite: { uri: '/b', authority: 'b.example.com:80' },
        timeout: '1.5s',
        retries: {
          attempts: 2,
          perTryTimeout: '500ms',
          retryOn: '5xx,503, reset',
          retryRemoteLocalities: true,
          retryIgnorePreviousHosts: false,
          backoff: '25ms',
        },
        fault: {
          delay: { fixedDelay: '2s', percentage: { value: 0.5 } },
          abort: { httpStatus: 503, percentage: { value: 10 } },
        },
        mirror: { host: 'copy' },
        mirrorPercentage: { value: 50 },
        corsPolicy: {
          allowOrigins: [{ exact: 'https://a.example.com' }, { regex: '.*' }],
          allowMethods: ['GET', '*'],
          allowHeaders: ['x-a', '*'],
          exposeHeaders: ['x-b'],
          maxAge: '24h',
          allowCredentials: true,
          unmatchedPreflights: 'IGNORE',
        },
        headers: { response: { set: { 'x-r': '1' } } },
      },
    ],
    tls: [
      {
        match: [
          {
            sniHosts: ['db.example.com'],
            destinationSubnets: ['10.0.0.0/8'],
            port: 443,
            sourceLabels: { a: 'b' },
            gateways: ['mesh'],
            sourceNamespace: 'c',
          },
        ],
        route: [{ destination: { host: 'db', port: { number: 443 } } }],
      },
    ],
    tcp: [
      {
        match: [{ sourceSubnet: '10.1.0.1', destinationSubnets: ['FD00::/64'] }],
        route: [
          { destination: { host: 'a' }, weight: 1 },
          { destination: { host: 'b' }, weight: 0 },
        ],
      },
    ],
  });
  t.deepEqual(findings(raw), []);
  const { meta: _, ...object } = parsed('VirtualService', raw);
  const expected: Omit<VirtualService, 'meta'> = {
    kind: 'VirtualService',
    hosts: ['web', '*.example.com'],
    gateways: ['mesh', 'ns/g', 'other/g'],
    exportTo: ['ns', 'b'],
    http: [
      {
        name: 'first',
        match: [
          {
            name: 'm',
            uri: { type: 'prefix', value: '/a' },
            scheme: { type: 'exact', value: 'https' },
            method: { type: 'exact', value: 'GET' },
            authority: { type: 'regex', value: '.*\\.example\\.com' },
            headers: [
              ['x-user', { type: 'exact', value: 'bob' }],
              ['present', { type: 'present' }],
            ],
            withoutHeaders: [['x-debug', { type: 'prefix', value: '1' }]],
            queryParams: [['q', { type: 'exact', value: '' }]],
            ignoreUriCase: true,
            port: 80,
            sourceLabels: { app: 'x' },
            sourceNamespace: 'c',
            gateways: ['ns/g'],
            statPrefix: 's',
          },
        ],
        route: [
          {
            destination: { host: 'web', subset: 'v1', port: 80 },
            weight: 3,
            headers: { request: { set: [['X-A', '1']], add: [['x-b', '2']], remove: ['x-c'] }, response: undefined },
          },
          { destination: { host: 'web.b', subset: undefined, port: undefined }, weight: 0, headers: undefined },
        ],
        redirect: undefined,
        directResponse: undefined,
        delegate: undefined,
        rewrite: { uri: '/b', authority: 'b.example.com:80', uriRegexRewrite: undefined },
        timeoutMs: 1_500,
        retries: {
          attempts: 2,
          perTryTimeoutMs: 500,
          retryOn: ['5xx', '503', 'reset'],
          retryRemoteLocalities: true,
          retryIgnorePreviousHosts: false,
          backoffMs: 25,
        },
        fault: {
          delay: { fixedDelayMs: 2_000, percentage: 0.5 },
          abort: { type: 'httpStatus', httpStatus: 503, percentage: 10 },
        },
        mirrors: [
          { path: 'mirror', destination: { host: 'copy', subset: undefined, port: undefined }, percentage: 50 },
        ],
        corsPolicy: {
          allowOrigins: [
            { type: 'exact', value: 'https://a.example.com' },
            { type: 'regex', value: '.*' },
          ],
          allowMethods: ['GET', '*'],
          allowHeaders: ['x-a', '*'],
          exposeHeaders: ['x-b'],
          maxAgeMs: 86_400_000,
          allowCredentials: true,
          unmatchedPreflights: 'IGNORE',
        },
        headers: { request: undefined, response: { set: [['x-r', '1']], add: [], remove: [] } },
      },
    ],
    tls: [
      {
        match: [
          {
            sniHosts: ['db.example.com'],
            destinationSubnets: ['10.0.0.0/8'],
            port: 443,
            sourceLabels: { a: 'b' },
            gateways: ['mesh'],
            sourceNamespace: 'c',
          },
        ],
        route: [{ destination: { host: 'db', subset: undefined, port: 443 }, weight: 1 }],
      },
    ],
    tcp: [
      {
        match: [
          {
            sourceSubnet: '10.1.0.1',
            destinationSubnets: ['fd00::/64'],
            port: undefined,
            sourceLabels: {},
            gateways: undefined,
            sourceNamespace: undefined,
          },
        ],
        route: [
          { destination: { host: 'a', subset: undefined, port: undefined }, weight: 1 },
          { destination: { host: 'b', subset: undefined, port: undefined }, weight: 0 },
        ],
      },
    ],
  };
  t.deepEqual(object, expected);
});

test('VirtualService: what is not said stays unsaid, gateways are the mesh', (t) => {
  const { gateways, exportTo, http } = parsed('VirtualService', rawRoutes({ ...to, match: [{}] }));
  t.deepEqual(gateways, ['mesh']);
  t.is(exportTo, undefined);
  t.deepEqual(http[0]!.route, [
    { destination: { host: 'web', subset: undefined, port: undefined }, weight: 1, headers: undefined },
  ]);
  t.deepEqual(http[0]!.match[0], {
    name: undefined,
    uri: undefined,
    scheme: undefined,
    method: undefined,
    authority: undefined,
    headers: [],
    withoutHeaders: [],
    queryParams: [],
    ignoreUriCase: false,
    port: undefined,
    sourceLabels: {},
    sourceNamespace: undefined,
    gateways: undefined,
    statPrefix: undefined,
  });
  t.is(http[0]!.retries, undefined);
  t.is(http[0]!.timeoutMs, undefined);
});

test('VirtualService: the weight of an only destination is ignored', (t) => {
  t.is(firstOf({ route: [{ destination: { host: 'web' }, weight: 0 }] }).route[0]!.weight, 1);
  t.is(firstOf({ route: [{ destination: { host: 'web' }, weight: 7 }] }).route[0]!.weight, 1);
});

test('VirtualService: redirects, answers, delegates and their defaults', (t) => {
  t.deepEqual(firstOf({ redirect: { uri: '/x' } }).redirect, {
    uri: '/x',
    authority: undefined,
    scheme: undefined,
    port: undefined,
    derivePort: undefined,
    redirectCode: 301,
  });
  t.deepEqual(firstOf({ redirect: { scheme: 'https', derivePort: 'FROM_REQUEST_PORT', redirectCode: 308 } }).redirect, {
    uri: undefined,
    authority: undefined,
    scheme: 'https',
    port: undefined,
    derivePort: 'FROM_REQUEST_PORT',
    redirectCode: 308,
  });
  t.deepEqual(firstOf({ directResponse: { status: 204 } }).directResponse, { status: 204, body: undefined });
  t.deepEqual(firstOf({ directResponse: { status: 200, body: { string: 'hi' } } }).directResponse, {
    status: 200,
    body: { type: 'string', value: 'hi' },
  });
  t.deepEqual(firstOf({ directResponse: { status: 200, body: { bytes: 'aGk=' } } }).directResponse?.body, {
    type: 'bytes',
    value: 'aGk=',
  });
  t.deepEqual(firstOf({ delegate: { name: 'd' } }).delegate, { namespace: 'ns', name: 'd' });
  t.deepEqual(firstOf({ delegate: { name: 'd', namespace: 'e' } }).delegate, { namespace: 'e', name: 'd' });
});

test('VirtualService: rewrites by regex, gRPC aborts, several mirrors', (t) => {
  const rule = firstOf({
    ...to,
    rewrite: { uriRegexRewrite: { match: '/a/(.*)', rewrite: '/b/\\1' } },
    fault: { abort: { grpcStatus: 'UNAVAILABLE', percentage: { value: 1 } } },
    mirrors: [
      { destination: { host: 'x' } },
      { destination: { host: 'y', port: { number: 81 } }, percentage: { value: 0.1 } },
    ],
  });
  t.deepEqual(rule.rewrite?.uriRegexRewrite, { match: '/a/(.*)', rewrite: '/b/\\1' });
  t.deepEqual(rule.fault?.abort, { type: 'grpcStatus', grpcStatus: 14, percentage: 1 });
  t.deepEqual(
    rule.mirrors.map(({ path, destination, percentage }) => [path, destination.host, percentage]),
    [
      ['mirrors[0].destination', 'x', 100],
      ['mirrors[1].destination', 'y', 0.1],
    ],
  );
});

test('VirtualService: a delegate has http routes alone', (t) => {
  const raw = rawIstio('VirtualService', { http: [{ ...to, match: [{ uri: { prefix: '/a' } }] }] });
  t.deepEqual(findings(raw), []);
  const { hosts, gateways } = parsed('VirtualService', raw);
  t.deepEqual([hosts, gateways], [[], []]);
});

test('VirtualService: exportTo * is everybody, ~ is nobody', (t) => {
  const seenBy = (exportTo: readonly string[]) =>
    parsed('VirtualService', rawIstio('VirtualService', { hosts: ['web'], http: [to], exportTo })).exportTo;
  t.is(seenBy(['*']), undefined);
  t.deepEqual(seenBy(['~']), []);
  t.deepEqual(seenBy(['.', 'ns']), ['ns']);
});

const h = 'spec.http[0]';
/** One rule, and what is found; `${h}` is its path. */
const rules: readonly (readonly [string, Raw, readonly string[]])[] = [
  ['nothing to do', {}, [`WEFT0208 error ${h}`]],
  ['a mirror alone', { mirror: { host: 'x' } }, [`WEFT0208 error ${h}`]],
  ['route and redirect', { ...to, redirect: { uri: '/x' } }, [`WEFT0212 error ${h}.route`]],
  ['route and an answer', { ...to, directResponse: { status: 200 } }, [`WEFT0212 error ${h}.route`]],
  [
    'redirect and an answer',
    { redirect: { uri: '/' }, directResponse: { status: 200 } },
    [`WEFT0212 error ${h}.directResponse`],
  ],
  ['redirect and rewrite', { redirect: { uri: '/' }, rewrite: { uri: '/' } }, [`WEFT0212 error ${h}.rewrite`]],
  [
    'an answer and rewrite',
    { directResponse: { status: 200 }, rewrite: { uri: '/' } },
    [`WEFT0212 error ${h}.rewrite`],
  ],
  [
    'redirect and fault',
    { redirect: { uri: '/' }, fault: { abort: { httpStatus: 500, percentage: { value: 1 } } } },
    [`WEFT0212 error ${h}.fault`],
  ],
  [
    'a redirect with what is for requests that go on',
    {
      redirect: { uri: '/' },
      corsPolicy: { allowOrigins: [{ exact: 'https://a.example' }] },
      mirror: { host: 'x' },
      mirrorPercentage: { value: 1 },
      timeout: '1s',
      retries: { attempts: 1 },
      headers: { request: { set: { a: 'b' } }, response: { set: { a: 'b' } } },
    },
    ['corsPolicy', 'mirror', 'mirrorPercentage', 'timeout', 'retries', 'headers.request'].map(
      (field) => `WEFT0303 warning ${h}.${field}`,
    ),
  ],
  [
    'an answer with what is for requests that go on',
    { directResponse: { status: 200 }, corsPolicy: {}, mirrors: [{ destination: { host: 'x' } }], timeout: '0s' },
    ['corsPolicy', 'mirrors', 'timeout'].map((field) => `WEFT0303 warning ${h}.${field}`),
  ],
  ['an answer with headers', { directResponse: { status: 200 }, headers: { response: { set: { a: 'b' } } } }, []],
  ['delegate and route', { ...to, delegate: { name: 'd' } }, [`WEFT0212 error ${h}.route`]],
  ['delegate and redirect', { redirect: { uri: '/' }, delegate: { name: 'd' } }, [`WEFT0212 error ${h}.redirect`]],
  ['a delegate without a name', { delegate: {} }, [`WEFT0208 error ${h}.delegate.name`]],
  [
    'a delegated rule by regex',
    { delegate: { name: 'd' }, match: [{ uri: { regex: '.*' } }] },
    [`WEFT0212 error ${h}.match[0].uri`],
  ],
  [
    'a match of two kinds',
    { ...to, match: [{ uri: { exact: '/', prefix: '/' } }] },
    [`WEFT0212 error ${h}.match[0].uri`],
  ],
  ['an empty prefix', { ...to, match: [{ uri: { prefix: '' } }] }, [`WEFT0208 error ${h}.match[0].uri.prefix`]],
  ['a regex that is none', { ...to, match: [{ uri: { regex: '(' } }] }, [`WEFT0219 error ${h}.match[0].uri.regex`]],
  [
    'a regex that explodes',
    { ...to, match: [{ headers: { a: { regex: '(x{100}){9}{9}' } } }] },
    [`WEFT0219 error ${h}.match[0].headers.a.regex`],
  ],
  [
    'a header of no name',
    { ...to, match: [{ headers: { 'a b': {} } }] },
    [`WEFT0220 error ${h}.match[0].headers["a b"]`],
  ],
  [
    'a pseudo header',
    { ...to, match: [{ withoutHeaders: { ':path': {} } }] },
    [`WEFT0220 error ${h}.match[0].withoutHeaders[":path"]`],
  ],
  [
    'a header with a field of its own',
    { ...to, match: [{ headers: { uri: {} } }] },
    [`WEFT0312 warning ${h}.match[0].headers.uri`],
  ],
  [
    'a header match that is null',
    { ...to, match: [{ headers: { a: null } }] },
    [`WEFT0205 error ${h}.match[0].headers.a`],
  ],
  [
    'a namespace that is none',
    { ...to, match: [{ sourceNamespace: 'A' }] },
    [`WEFT0204 error ${h}.match[0].sourceNamespace`],
  ],
  ['a gateway that is none', { ...to, match: [{ gateways: ['a/b/c'] }] }, [`WEFT0204 error ${h}.match[0].gateways[0]`]],
  ['a port that is none', { ...to, match: [{ port: 0 }] }, [`WEFT0207 error ${h}.match[0].port`]],
  [
    'weights of 0',
    { route: [{ destination: { host: 'a' } }, { destination: { host: 'b' }, weight: 0 }] },
    [`WEFT0207 error ${h}.route`],
  ],
  [
    'a negative weight',
    { route: [{ destination: { host: 'a' }, weight: -1 }] },
    [`WEFT0207 error ${h}.route[0].weight`],
  ],
  ['no destination', { route: [{}] }, [`WEFT0208 error ${h}.route[0].destination`]],
  [
    'a destination of all hosts',
    { route: [{ destination: { host: '*' } }] },
    [`WEFT0218 error ${h}.route[0].destination.host`],
  ],
  [
    'a subset that is none',
    { route: [{ destination: { host: 'a', subset: 'V_1' } }] },
    [`WEFT0204 error ${h}.route[0].destination.subset`],
  ],
  ['a redirect to nowhere', { redirect: {} }, [`WEFT0208 error ${h}.redirect`]],
  [
    'a redirect that is none',
    { redirect: { uri: '/', redirectCode: 304 } },
    [`WEFT0206 error ${h}.redirect.redirectCode`],
  ],
  ['a redirect to another scheme', { redirect: { scheme: 'ftp' } }, [`WEFT0206 error ${h}.redirect.scheme`]],
  [
    'a redirect to two ports',
    { redirect: { port: 80, derivePort: 'FROM_REQUEST_PORT' } },
    [`WEFT0212 error ${h}.redirect.derivePort`],
  ],
  ['a redirect that splits the response', { redirect: { uri: '/\r\nx' } }, [`WEFT0220 error ${h}.redirect.uri`]],
  ['an authority with a path', { redirect: { authority: 'a/b' } }, [`WEFT0218 error ${h}.redirect.authority`]],
  ['an answer of no status', { directResponse: {} }, [`WEFT0208 error ${h}.directResponse.status`]],
  ['an answer of status 99', { directResponse: { status: 99 } }, [`WEFT0207 error ${h}.directResponse.status`]],
  [
    'an answer with two bodies',
    { directResponse: { status: 200, body: { string: '', bytes: '' } } },
    [`WEFT0212 error ${h}.directResponse.body`],
  ],
  [
    'an answer that is not base64',
    { directResponse: { status: 200, body: { bytes: 'ä' } } },
    [`WEFT0205 error ${h}.directResponse.body.bytes`],
  ],
  [
    'a long answer',
    { directResponse: { status: 200, body: { string: 'x'.repeat(1_048_577) } } },
    [`WEFT0207 error ${h}.directResponse.body`],
  ],
  ['a rewrite of nothing', { ...to, rewrite: {} }, [`WEFT0208 error ${h}.rewrite`]],
  [
    'two rewrites',
    { ...to, rewrite: { uri: '/', uriRegexRewrite: { match: 'a', rewrite: 'b' } } },
    [`WEFT0212 error ${h}.rewrite.uriRegexRewrite`],
  ],
  [
    'half a rewrite',
    { ...to, rewrite: { uriRegexRewrite: { match: 'a' } } },
    [`WEFT0208 error ${h}.rewrite.uriRegexRewrite.rewrite`],
  ],
  [
    'a rewrite to a group that is not there',
    { ...to, rewrite: { uriRegexRewrite: { match: 'a', rewrite: '\\1' } } },
    [`WEFT0219 error ${h}.rewrite.uriRegexRewrite.rewrite`],
  ],
  ['a timeout that is none', { ...to, timeout: '5' }, [`WEFT0215 error ${h}.timeout`]],
  ['no timeout', { ...to, timeout: '0s' }, []],
  ['retries turned off', { ...to, retries: { attempts: 0 } }, []],
  [
    'retries turned off and said',
    { ...to, retries: { retryOn: '5xx', perTryTimeout: '1s' } },
    [`WEFT0212 error ${h}.retries.perTryTimeout`, `WEFT0212 error ${h}.retries.retryOn`],
  ],
  [
    'an unknown retry condition',
    { ...to, retries: { attempts: 1, retryOn: '5xx,gatewayerror' } },
    [`WEFT0206 error ${h}.retries.retryOn`],
  ],
  [
    'a status that is none',
    { ...to, retries: { attempts: 1, retryOn: '999' } },
    [`WEFT0206 error ${h}.retries.retryOn`],
  ],
  [
    'a retry condition of headers',
    { ...to, retries: { attempts: 1, retryOn: 'retriable-headers,503' } },
    [`WEFT0312 warning ${h}.retries.retryOn`],
  ],
  ['a fault of nothing', { ...to, fault: {} }, [`WEFT0208 error ${h}.fault`]],
  [
    'a fault without a percentage',
    { ...to, fault: { delay: { fixedDelay: '1s' } } },
    [`WEFT0312 warning ${h}.fault.delay`],
  ],
  [
    'a fault of over 100',
    { ...to, fault: { abort: { httpStatus: 500, percentage: { value: 101 } } } },
    [`WEFT0207 error ${h}.fault.abort.percentage.value`],
  ],
  [
    'an old percentage',
    { ...to, fault: { delay: { fixedDelay: '1s', percent: 5 } } },
    [`WEFT0308 warning ${h}.fault.delay.percent`],
  ],
  [
    'a delay of no time',
    { ...to, fault: { delay: { percentage: { value: 1 } } } },
    [`WEFT0208 error ${h}.fault.delay.fixedDelay`],
  ],
  [
    'an exponential delay',
    { ...to, fault: { delay: { exponentialDelay: '1s', percentage: { value: 1 } } } },
    [`WEFT0313 error ${h}.fault.delay.exponentialDelay`],
  ],
  [
    'two kinds of abort',
    { ...to, fault: { abort: { httpStatus: 500, grpcStatus: 'OK', percentage: { value: 1 } } } },
    [`WEFT0212 error ${h}.fault.abort.grpcStatus`],
  ],
  [
    'an unknown gRPC status',
    { ...to, fault: { abort: { grpcStatus: 'UNAVAILBLE', percentage: { value: 1 } } } },
    [`WEFT0206 error ${h}.fault.abort.grpcStatus`],
  ],
  [
    'an HTTP/2 error',
    { ...to, fault: { abort: { http2Error: 'x', percentage: { value: 1 } } } },
    [`WEFT0313 error ${h}.fault.abort.http2Error`],
  ],
  [
    'an abort with nothing',
    { ...to, fault: { abort: { percentage: { value: 1 } } } },
    [`WEFT0312 warning ${h}.fault.abort`],
  ],
  [
    'mirror and mirrors',
    { ...to, mirror: { host: 'a' }, mirrors: [{ destination: { host: 'b' } }] },
    [`WEFT0212 error ${h}.mirror`],
  ],
  [
    'an old mirror percentage',
    { ...to, mirror: { host: 'a' }, mirrorPercent: 5 },
    [`WEFT0308 warning ${h}.mirrorPercent`],
  ],
  [
    'a mirror of 101',
    { ...to, mirror: { host: 'a' }, mirrorPercentage: { value: 101 } },
    [`WEFT0207 error ${h}.mirrorPercentage.value`],
  ],
  [
    'CORS of a method that is none',
    { ...to, corsPolicy: { allowMethods: ['get'] } },
    [`WEFT0206 error ${h}.corsPolicy.allowMethods[0]`],
  ],
  [
    'CORS of a header that is none',
    { ...to, corsPolicy: { allowHeaders: ['a b'] } },
    [`WEFT0220 error ${h}.corsPolicy.allowHeaders[0]`],
  ],
  [
    'CORS of an empty origin',
    { ...to, corsPolicy: { allowOrigins: [{}] } },
    [`WEFT0208 error ${h}.corsPolicy.allowOrigins[0]`],
  ],
  ['CORS of old', { ...to, corsPolicy: { allowOrigin: ['*'] } }, [`WEFT0308 warning ${h}.corsPolicy.allowOrigin`]],
  ['CORS of half a second', { ...to, corsPolicy: { maxAge: '500ms' } }, [`WEFT0215 error ${h}.corsPolicy.maxAge`]],
  ['Host set', { ...to, headers: { request: { set: { Host: 'a.example.com' } } } }, []],
  ['the authority set', { ...to, headers: { request: { set: { ':authority': 'a:80' } } } }, []],
  [
    'the authority set twice',
    { ...to, rewrite: { authority: 'a' }, headers: { request: { set: { host: 'b' } } } },
    [`WEFT0212 error ${h}.headers.request.set.host`],
  ],
  [
    'a command that nobody fills in',
    { ...to, headers: { response: { set: { a: '%PROTOCOL%', b: 'on %HOSTNAME%' } } } },
    [`WEFT0303 warning ${h}.headers.response.set.b`],
  ],
  [
    'a path set',
    { ...to, headers: { request: { set: { ':path': '/' } } } },
    [`WEFT0220 error ${h}.headers.request.set[":path"]`],
  ],
  [
    'Host removed',
    { ...to, headers: { request: { remove: ['Host'] } } },
    [`WEFT0220 error ${h}.headers.request.remove[0]`],
  ],
  [
    'Host in a response',
    { ...to, headers: { response: { set: { host: 'a' } } } },
    [`WEFT0220 error ${h}.headers.response.set.host`],
  ],
  [
    'a header that splits',
    { ...to, headers: { request: { add: { a: 'b\r\nc: d' } } } },
    [`WEFT0220 error ${h}.headers.request.add.a`],
  ],
  [
    'a header with NUL',
    { ...to, headers: { response: { add: { a: '\0' } } } },
    [`WEFT0220 error ${h}.headers.response.add.a`],
  ],
  [
    'a destination’s header that is none',
    { route: [{ destination: { host: 'a' }, headers: { request: { set: { 'a:': 'b' } } } }] },
    [`WEFT0220 error ${h}.route[0].headers.request.set["a:"]`],
  ],
  ['an unknown field', { ...to, mirorr: {} }, [`WEFT0302 error ${h}.mirorr`]],
];

for (const [title, rule, expected] of rules) {
  test(`VirtualService: ${title}`, (t) => {
    t.deepEqual(findings(rawRoutes(rule)), expected);
  });
}

const l4 = [{ destination: { host: 'web' } }];
const whole: readonly (readonly [string, Raw, readonly string[]])[] = [
  ['nothing', {}, ['WEFT0208 error spec.http']],
  ['hosts and no routes', { hosts: ['a'] }, ['WEFT0208 error spec']],
  ['all hosts in the mesh', { hosts: ['*'], http: [to] }, ['WEFT0218 error spec.hosts[0]']],
  ['all hosts of a gateway', { hosts: ['*'], gateways: ['g'], http: [to] }, []],
  ['a host twice', { hosts: ['a', 'A'], http: [to] }, ['WEFT0211 error spec.hosts[1]']],
  [
    'a gateway as a host',
    { hosts: ['a'], gateways: ['g.ns.svc.cluster.local'], http: [to] },
    ['WEFT0308 warning spec.gateways[0]'],
  ],
  ['a delegate with gateways', { gateways: ['g'], http: [to] }, ['WEFT0212 error spec.gateways']],
  ['a delegate with tcp', { http: [to], tcp: [{ route: l4 }] }, ['WEFT0212 error spec.tcp']],
  ['a delegate that delegates', { http: [{ delegate: { name: 'd' } }] }, ['WEFT0212 error spec.http[0].delegate']],
  [
    'a delegate by regex',
    { http: [{ ...to, match: [{ method: { regex: '.*' } }] }] },
    ['WEFT0212 error spec.http[0].match[0].method'],
  ],
  [
    'an export to a namespace that is none',
    { hosts: ['a'], http: [to], exportTo: ['A'] },
    ['WEFT0204 error spec.exportTo[0]'],
  ],
  ['an export to all and one', { hosts: ['a'], http: [to], exportTo: ['*', 'a'] }, ['WEFT0212 error spec.exportTo']],
  ['tls without a match', { hosts: ['a'], tls: [{ route: l4 }] }, ['WEFT0208 error spec.tls[0].match']],
  [
    'tls without names',
    { hosts: ['a'], tls: [{ match: [{}], route: l4 }] },
    ['WEFT0208 error spec.tls[0].match[0].sniHosts'],
  ],
  [
    'tls of another host',
    { hosts: ['*.example.com'], tls: [{ match: [{ sniHosts: ['a.example.com', 'example.com'] }], route: l4 }] },
    ['WEFT0212 error spec.tls[0].match[0].sniHosts[1]'],
  ],
  [
    'tls of a wider host',
    { hosts: ['a.example.com'], tls: [{ match: [{ sniHosts: ['*.example.com'] }], route: l4 }] },
    ['WEFT0212 error spec.tls[0].match[0].sniHosts[0]'],
  ],
  [
    'tls of wildcards within wildcards',
    { hosts: ['*.example.com'], tls: [{ match: [{ sniHosts: ['*.a.example.com', '*.example.com'] }], route: l4 }] },
    [],
  ],
  ['tls to nowhere', { hosts: ['a'], tls: [{ match: [{ sniHosts: ['a'] }] }] }, ['WEFT0208 error spec.tls[0].route']],
  ['tcp to nowhere', { hosts: ['a'], tcp: [{}] }, ['WEFT0208 error spec.tcp[0].route']],
  [
    'tcp from no subnet',
    { hosts: ['a'], tcp: [{ match: [{ sourceSubnet: '10.0.0.0/33', destinationSubnets: ['10.0.0'] }], route: l4 }] },
    ['WEFT0209 error spec.tcp[0].match[0].sourceSubnet', 'WEFT0209 error spec.tcp[0].match[0].destinationSubnets[0]'],
  ],
];

for (const [title, spec, expected] of whole) {
  test(`VirtualService: ${title}`, (t) => {
    t.deepEqual(findings(rawIstio('VirtualService', spec)), expected);
  });
}

test('VirtualService: a roll-out is not enforced', (t) => {
  const raw = rawRoutes(to);
  const metadata = { name: 'a', annotations: { 'weft.dev/rollout': 'x' } };
  t.deepEqual(findings({ ...raw, metadata }), ['WEFT0303 warning metadata.annotations["weft.dev/rollout"]']);
});

test('VirtualService: a misspelt retry condition names the one that was meant', (t) => {
  const raw = rawRoutes({ ...to, retries: { attempts: 1, retryOn: 'connect-failre' } });
  t.regex(parseObject(raw, origin).findings[0]!.fix, /connect-failure/);
});
