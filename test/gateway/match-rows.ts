import { matched } from './manifest.js';
import type { Row } from './row.js';

/** Every field of HTTPMatchRequest: a request that it fits, and one that it does not. The first rule leads to v2, the second to v1. */

type Request = Row['request'] & { readonly to?: string; readonly from?: string };

const fields: readonly (readonly [name: string, match: string, fits: readonly Request[], not: readonly Request[]])[] = [
  ['uri exact', 'uri: { exact: /a }', [{ path: '/a' }, { path: '/a?q=1' }], [{ path: '/a/' }, { path: '/A' }]],
  ['uri prefix is plain text', 'uri: { prefix: /v2 }', [{ path: '/v2' }, { path: '/v2example' }], [{ path: '/v1' }]],
  [
    'uri regex matches the whole path',
    'uri: { regex: "/v[12]/.+" }',
    [{ path: '/v1/x' }, { path: '/v2/x?y' }],
    [{ path: '/x/v1/x' }, { path: '/v1/' }],
  ],
  [
    'ignoreUriCase with exact',
    'uri: { exact: /Abc }\n    ignoreUriCase: true',
    [{ path: '/aBC' }, { path: '/Abc' }],
    [{ path: '/abcd' }],
  ],
  [
    'ignoreUriCase with prefix',
    'uri: { prefix: /Abc }\n    ignoreUriCase: true',
    [{ path: '/aBCd' }],
    [{ path: '/ab' }],
  ],
  [
    'ignoreUriCase is nothing to a regex',
    'uri: { regex: "/abc" }\n    ignoreUriCase: true',
    [{ path: '/abc' }],
    [{ path: '/ABC' }],
  ],
  ['scheme', 'scheme: { exact: http }', [{}], []],
  ['another scheme', 'scheme: { exact: https }', [], [{}]],
  ['method exact', 'method: { exact: POST }', [{ method: 'POST' }], [{}, { method: 'PUT' }]],
  ['method prefix', 'method: { prefix: P }', [{ method: 'POST' }, { method: 'PUT' }], [{}]],
  ['method regex', 'method: { regex: "GET|HEAD" }', [{}, { method: 'HEAD' }], [{ method: 'POST' }]],
  [
    'authority exact, as it was sent',
    'authority: { exact: "books.example" }',
    [{ headers: { host: 'books.example' } }],
    [{}, { headers: { host: 'books.example:9080' } }],
  ],
  [
    'authority prefix',
    'authority: { prefix: "books." }',
    [{ headers: { host: 'books.example:9080' } }],
    [{ headers: { host: 'www.books.example' } }],
  ],
  [
    'authority regex',
    'authority: { regex: "reviews(:[0-9]+)?" }',
    [{}, { headers: { host: 'reviews' } }],
    [{ headers: { host: 'reviews.default' } }],
  ],
  [
    'headers exact',
    'headers: { end-user: { exact: jason } }',
    [{ headers: { 'end-user': 'jason' } }],
    [{}, { headers: { 'end-user': 'Jason' } }],
  ],
  [
    'headers prefix',
    'headers: { x-version: { prefix: "1." } }',
    [{ headers: { 'x-version': '1.2' } }],
    [{ headers: { 'x-version': '2.1.' } }],
  ],
  [
    'headers regex matches the whole value',
    'headers: { cookie: { regex: "^(.*?;)?(user=jason)(;.*)?$" } }',
    [{ headers: { cookie: 'a=b;user=jason' } }],
    [{ headers: { cookie: 'user=jasonx' } }],
  ],
  [
    'headers present',
    'headers: { x-debug: {} }',
    [{ headers: { 'x-debug': '0' } }],
    [{}, { headers: { 'x-debugs': '1' } }],
  ],
  ['header names in any case', 'headers: { End-User: { exact: a } }', [{ headers: { 'end-user': 'a' } }], [{}]],
  [
    'all headers',
    'headers: { a: { exact: "1" }, b: { exact: "2" } }',
    [{ headers: { a: '1', b: '2' } }],
    [{ headers: { a: '1' } }, { headers: { a: '1', b: '1' } }],
  ],
  ['withoutHeaders present', 'withoutHeaders: { x-debug: {} }', [{}], [{ headers: { 'x-debug': '' } }]],
  [
    'withoutHeaders exact',
    'withoutHeaders: { x-debug: { exact: "1" } }',
    [{}, { headers: { 'x-debug': '2' } }],
    [{ headers: { 'x-debug': '1' } }],
  ],
  [
    'queryParams exact, as they were sent',
    'queryParams: { q: { exact: a } }',
    [{ path: '/?q=a' }, { path: '/x?p=b&q=a&q=b' }],
    [{}, { path: '/?q=ab' }, { path: '/?q=%61' }, { path: '/?q=b&q=a' }],
  ],
  ['queryParams prefix', 'queryParams: { q: { prefix: a } }', [{ path: '/?q=ab' }], [{ path: '/?q=ba' }]],
  ['queryParams regex', 'queryParams: { q: { regex: "[0-9]+" } }', [{ path: '/?q=12' }], [{ path: '/?q=1a' }]],
  [
    'queryParams present',
    'queryParams: { q: {} }',
    [{ path: '/?q' }, { path: '/?q=1' }],
    [{ path: '/?p' }, { path: '/q' }],
  ],
  ['port', 'port: 9080', [{}], []],
  ['another port', 'port: 80', [], [{}]],
  [
    'sourceLabels',
    'sourceLabels: { app: client, tier: web }',
    [{}],
    [{ from: 'default/visitor' }, { from: 'other/client', to: 'reviews.default:9080' }],
  ],
  ['sourceNamespace', 'sourceNamespace: other', [{ from: 'other/client', to: 'reviews.default:9080' }], [{}]],
  ['gateways with mesh', 'gateways: [mesh]', [{}], []],
  ['gateways without mesh', 'gateways: [edge]', [], [{}]],
  [
    'all parts of one match',
    'uri: { prefix: /a }\n    method: { exact: POST }\n    headers: { x: { exact: y } }',
    [{ path: '/ab', method: 'POST', headers: { x: 'y' } }],
    [
      { path: '/ab', method: 'POST' },
      { path: '/ab', headers: { x: 'y' } },
      { path: '/b', method: 'POST', headers: { x: 'y' } },
    ],
  ],
  [
    'one of two matches',
    'uri: { exact: /a }\n  - uri: { exact: /b }',
    [{ path: '/a' }, { path: '/b' }],
    [{ path: '/c' }],
  ],
];

export const matchRows: readonly Row[] = fields.flatMap(([name, match, fits, not]) => [
  ...fits.map((request, index) =>
    rowOf(`${name}: fits${fits.length > 1 ? ` (${index + 1})` : ''}`, match, request, 'v2'),
  ),
  ...not.map((request, index) =>
    rowOf(`${name}: does not${not.length > 1 ? ` (${index + 1})` : ''}`, match, request, 'v1'),
  ),
]);

function rowOf(name: string, match: string, { to = 'reviews:9080', from, ...request }: Request, subset: string): Row {
  const cluster = `reviews.default.svc.cluster.local:9080|${subset}`;
  const rule = `VirtualService default/reviews http[${subset === 'v2' ? 0 : 1}]`;
  return {
    name,
    manifests: matched(match),
    ...(from === undefined ? {} : { from }),
    to,
    request,
    expect: { rule, shares: { [cluster]: 1 } },
  };
}
