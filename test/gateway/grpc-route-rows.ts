import { grpcRoute, httpRoute } from './manifest.js';
import type { Row } from './row.js';

/** GRPCRoute bound to a Service: every field. */

const to = 'calls:50051';
const rule = 'GRPCRoute default/calls rules[0]';
const toRatings = 'backendRefs: [{ name: ratings, port: 9080 }]';
const shares = { 'ratings.default.svc.cluster.local:9080': 1 };

const call = (path: string, headers: Readonly<Record<string, string>> = {}) => ({
  method: 'POST',
  path,
  headers: { 'content-type': 'application/grpc', ...headers },
});

const fields = [
  [
    'service and method',
    'method: { service: a.B, method: Get }',
    [call('/a.B/Get')],
    [call('/a.B/Put'), call('/a.b/Get')],
  ],
  ['service', 'method: { service: a.B }', [call('/a.B/Get'), call('/a.B/Put')], [call('/a.BC/Get'), call('/a/Get')]],
  ['method', 'method: { method: Get }', [call('/a.B/Get'), call('/c/Get')], [call('/a.B/GetAll')]],
  [
    'RegularExpression',
    'method: { type: RegularExpression, service: "a[.](B|C)", method: "Get.*" }',
    [call('/a.B/Get'), call('/a.C/GetAll')],
    [call('/a.D/Get'), call('/xa.B/Get')],
  ],
  [
    'RegularExpression of the service alone',
    'method: { type: RegularExpression, service: "a.+" }',
    [call('/ab/Get')],
    [call('/b/Get')],
  ],
  ['headers', 'headers: [{ name: x, value: y }]', [call('/a/b', { x: 'y' })], [call('/a/b')]],
  [
    'headers RegularExpression',
    'headers: [{ type: RegularExpression, name: x, value: "y+" }]',
    [call('/a/b', { x: 'yy' })],
    [call('/a/b', { x: 'z' })],
  ],
  [
    'headers: the first of equivalent names',
    'headers: [{ name: x, value: y }, { name: X, value: z }]',
    [call('/a/b', { x: 'y' })],
    [call('/a/b', { x: 'z' })],
  ],
  ['gRPC alone', 'headers: []', [call('/a/b')], [{ method: 'POST', path: '/a/b' }]],
] as const;

export const grpcRouteRows: readonly Row[] = [
  ...fields.flatMap(([name, match, fits, not]): readonly Row[] => {
    const manifests = grpcRoute(`- matches: [{ ${match} }]\n  ${toRatings}`);
    return [
      ...fits.map((request, index) => ({
        name: `GRPCRoute ${name}: fits (${index + 1})`,
        manifests,
        to,
        request,
        expect: { rule, shares },
      })),
      ...not.map((request, index) => ({
        name: `GRPCRoute ${name}: does not (${index + 1})`,
        manifests,
        to,
        request,
        expect: { status: 404 },
      })),
    ];
  }),
  {
    name: 'GRPCRoute: the longest service and method first',
    manifests: grpcRoute(`- ${toRatings}
- matches: [{ method: { service: a.B } }]
  ${toRatings}
- matches: [{ method: { service: a.B, method: Get } }]
  ${toRatings}`),
    to,
    request: call('/a.B/Get'),
    expect: { rule: 'GRPCRoute default/calls rules[2]' },
  },
  {
    name: 'GRPCRoute: filters and weights',
    manifests:
      grpcRoute(`- filters: [{ type: RequestHeaderModifier, requestHeaderModifier: { set: [{ name: x-a, value: "1" }] } }]
  backendRefs: [{ name: calls, port: 50051, weight: 1 }, { name: nobody, port: 1, weight: 1 }]`),
    to,
    request: call('/a/b'),
    expect: {
      shares: { 'calls.default.svc.cluster.local:50051': 0.5, 'status 500': 0.5 },
      sent: { headers: { 'x-a': '1' } },
    },
  },
  {
    name: 'GRPCRoute before HTTPRoute on one port',
    manifests: `${httpRoute(`- ${toRatings}`)}---\n${grpcRoute(`- ${toRatings}`, '', 'grpc', 'reviews')}`,
    to: 'reviews:9080',
    request: call('/a/b'),
    expect: { rule: 'GRPCRoute default/grpc rules[0]' },
  },
  {
    name: 'GRPCRoute before HTTPRoute: what is not gRPC is 404',
    manifests: `${httpRoute(`- ${toRatings}`)}---\n${grpcRoute(`- ${toRatings}`, '', 'grpc', 'reviews')}`,
    to: 'reviews:9080',
    expect: { status: 404 },
  },
];
