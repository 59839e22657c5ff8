import test from 'ava';
import type { GatewayStatus } from '../../agent/compile/gateway-status.js';
import type { ParentStatus } from '../../agent/compile/http/route-status.js';
import type { ParentReference } from '../../agent/model/route.js';
import type { ApiObject } from '../../agent/status/api-object.js';
import { classStatus, gatewayStatus, routeStatus } from '../../agent/status/conditions.js';

const now = Date.UTC(2026, 0, 2, 3, 4, 5, 678);
const later = now + 60_000;
const saying = { generation: 3, now };
const group = 'gateway.networking.k8s.io';

const kinds = [{ group, kind: 'HTTPRoute' }];

/** As gatewayStatuses gives it for a Gateway with one listener. */
function told(isServed = true): GatewayStatus {
  const [status, reason, message] = isServed
    ? (['True', 'Programmed', 'its ports are listened on'] as const)
    : (['False', 'Invalid', 'port 80: it is taken'] as const);
  const accepted = {
    type: 'Accepted',
    status: 'True',
    reason: 'Accepted',
    message: 'every listener is valid',
  } as const;
  const programmed = { type: 'Programmed', status, reason, message } as const;
  return {
    gateway: { kind: 'KubernetesGateway' } as GatewayStatus['gateway'],
    conditions: [accepted, programmed],
    listeners: [
      {
        ...{ name: 'web', path: 'spec.listeners[0]', port: 80, attachedRoutes: 2, supportedKinds: kinds },
        conditions: [{ ...accepted, message: 'the listener is valid' }, programmed],
      },
    ],
  };
}

/** As the defaults of the CRD make it. */
const pending = ['Accepted', 'Programmed'].map((type) => ({
  ...{ type, status: 'Unknown', reason: 'Pending', message: 'Waiting for controller' },
  lastTransitionTime: '1970-01-01T00:00:00Z',
}));

const fresh: ApiObject = { metadata: { name: 'gate', namespace: 'shop' }, status: { conditions: pending } };

test('a Gateway that nobody has said anything about', (t) => {
  t.deepEqual(gatewayStatus(fresh, told(), saying), {
    conditions: [
      {
        type: 'Accepted',
        status: 'True',
        observedGeneration: 3,
        lastTransitionTime: '2026-01-02T03:04:05Z',
        reason: 'Accepted',
        message: 'every listener is valid',
      },
      {
        type: 'Programmed',
        status: 'True',
        observedGeneration: 3,
        lastTransitionTime: '2026-01-02T03:04:05Z',
        reason: 'Programmed',
        message: 'its ports are listened on',
      },
    ],
    listeners: [
      {
        name: 'web',
        supportedKinds: kinds,
        attachedRoutes: 2,
        conditions: [
          {
            type: 'Accepted',
            status: 'True',
            observedGeneration: 3,
            lastTransitionTime: '2026-01-02T03:04:05Z',
            reason: 'Accepted',
            message: 'the listener is valid',
          },
          {
            type: 'Programmed',
            status: 'True',
            observedGeneration: 3,
            lastTransitionTime: '2026-01-02T03:04:05Z',
            reason: 'Programmed',
            message: 'its ports are listened on',
          },
        ],
      },
    ],
  });
});

/** The type, status, generation and time of conditions. */
function brief(status: unknown, place = 'conditions'): readonly string[] {
  const conditions = (status as Record<string, readonly Record<string, string>[]>)[place]!;
  return conditions.map(
    ({ type, status: is, observedGeneration, lastTransitionTime }) =>
      `${type}=${is} ${observedGeneration} ${lastTransitionTime}`,
  );
}

test('the time of a condition is that of the last change of its status, whatever else changes', (t) => {
  const first = gatewayStatus(fresh, told(), saying);
  const again = gatewayStatus({ ...fresh, status: first }, told(), { generation: 3, now: later });
  t.deepEqual(again, first);
  const next = gatewayStatus({ ...fresh, status: first }, told(false), { generation: 4, now: later });
  t.deepEqual(brief(next), ['Accepted=True 4 2026-01-02T03:04:05Z', 'Programmed=False 4 2026-01-02T03:05:05Z']);
  const [listener] = next.listeners as readonly unknown[];
  t.deepEqual(brief(listener), ['Accepted=True 4 2026-01-02T03:04:05Z', 'Programmed=False 4 2026-01-02T03:05:05Z']);
});

test('what others say of a Gateway stays where it is; listeners that are gone go', (t) => {
  const foreign = { type: 'example.net/Backed', status: 'True', lastTransitionTime: '2020-01-01T00:00:00Z' };
  const addresses = [{ type: 'IPAddress', value: '192.0.2.1' }];
  const listeners = [
    { name: 'old', conditions: [] },
    { name: 'web', conditions: [foreign], example: 1 },
  ];
  const object = { ...fresh, status: { addresses, conditions: [foreign, ...pending], listeners } };
  const status = gatewayStatus(object, told(), saying);
  t.is(status.addresses, addresses);
  t.deepEqual(
    (status.conditions as readonly { type: string }[]).map(({ type }) => type),
    ['example.net/Backed', 'Accepted', 'Programmed'],
  );
  t.is((status.conditions as readonly unknown[])[0], foreign);
  const [listener, ...others] = status.listeners as readonly Record<string, unknown>[];
  t.deepEqual(others, []);
  t.like(listener, { name: 'web', example: 1, attachedRoutes: 2 });
  t.is((listener!.conditions as readonly unknown[])[0], foreign);
});

test('a message is cut to what the API takes', (t) => {
  const [accepted, programmed] = told().conditions;
  const wanted = { ...told(), conditions: [accepted, { ...programmed, message: 'x'.repeat(40_000) }] as const };
  const [, condition] = gatewayStatus(fresh, wanted, saying).conditions as readonly { message: string }[];
  t.is(condition!.message.length, 32_768);
});

function parent(name: string, more: Partial<ParentReference> = {}): ParentReference {
  return { group, kind: 'Gateway', namespace: 'shop', name, sectionName: undefined, port: undefined, ...more };
}

function said(of: ParentReference, isAccepted = true): ParentStatus {
  const status = isAccepted ? 'True' : 'False';
  const reason = isAccepted ? 'Accepted' : 'NotAllowedByListeners';
  return {
    parent: of,
    conditions: [
      { type: 'Accepted', status, reason, message: 'm' },
      { type: 'ResolvedRefs', status: 'True', reason: 'ResolvedRefs', message: 'm' },
    ],
  };
}

function route(parentRefs: readonly unknown[], parents?: readonly unknown[]): ApiObject {
  return {
    metadata: { name: 'r', namespace: 'shop' },
    spec: { parentRefs },
    ...(parents === undefined ? {} : { status: { parents } }),
  };
}

const both = (isAccepted: string, reason: string) => [
  {
    ...{ type: 'Accepted', status: isAccepted, observedGeneration: 3, lastTransitionTime: '2026-01-02T03:04:05Z' },
    ...{ reason, message: 'm' },
  },
  {
    ...{ type: 'ResolvedRefs', status: 'True', observedGeneration: 3, lastTransitionTime: '2026-01-02T03:04:05Z' },
    ...{ reason: 'ResolvedRefs', message: 'm' },
  },
];

test("a route's parents are named as its spec names them", (t) => {
  const refs = [
    { name: 'gate', sectionName: 'web' },
    { group: '', kind: 'Service', name: 'cart', port: 80 },
    { group, kind: 'Gateway', name: 'far', namespace: 'other' },
  ];
  const wanted = [
    said(parent('gate', { sectionName: 'web' })),
    said(parent('cart', { group: '', kind: 'Service', port: 80 }), false),
    said(parent('far', { namespace: 'other' })),
  ];
  const controllerName = 'weft.dev/gateway';
  t.deepEqual(routeStatus(route(refs), wanted, saying), {
    parents: [
      { parentRef: refs[0], controllerName, conditions: both('True', 'Accepted') },
      { parentRef: refs[1], controllerName, conditions: both('False', 'NotAllowedByListeners') },
      { parentRef: refs[2], controllerName, conditions: both('True', 'Accepted') },
    ],
  });
});

test('entries of other controllers stay as they are, in their places; ours of parents that are gone go', (t) => {
  const theirs = (name: string) => ({
    parentRef: { name },
    controllerName: 'example.net/gw',
    conditions: [{ odd: 1 }],
  });
  const ours = (name: string, more = {}) => ({ parentRef: { name }, controllerName: 'weft.dev/gateway', ...more });
  const before = [theirs('gate'), ours('gone'), ours('gate', { conditions: both('True', 'Accepted') }), theirs('x')];
  const object = route([{ name: 'gate' }, { name: 'new' }], before);
  const { parents } = routeStatus(object, [said(parent('gate')), said(parent('new'))], { generation: 3, now: later });
  t.is((parents as readonly unknown[])[0], before[0]);
  t.is((parents as readonly unknown[])[2], before[3]);
  t.deepEqual((parents as readonly unknown[])[1], before[2]);
  t.like((parents as readonly unknown[])[3], { parentRef: { name: 'new' } });
  t.is((parents as readonly unknown[]).length, 4);
});

test('a route that has left keeps what others say', (t) => {
  const theirs = { parentRef: { name: 'gate' }, controllerName: 'example.net/gw', conditions: [] };
  const ours = { parentRef: { name: 'gate' }, controllerName: 'weft.dev/gateway', conditions: [] };
  t.deepEqual(routeStatus(route([], [ours, theirs]), [], saying), { parents: [theirs] });
  t.deepEqual(routeStatus(route([], [ours]), [], saying), { parents: [] });
  t.deepEqual(routeStatus(route([]), [], saying), {});
});

test('the same parent is named once, and never more than the API takes', (t) => {
  const ours = { parentRef: { name: 'gate' }, controllerName: 'weft.dev/gateway', conditions: [] };
  const once = routeStatus(route([{ name: 'gate' }], [ours, ours]), [said(parent('gate'))], saying);
  t.is((once.parents as readonly unknown[]).length, 1);
  const others = Array.from({ length: 31 }, (_, i) => ({ parentRef: { name: `g${i}` }, controllerName: 'a/b' }));
  const wanted = [said(parent('gate')), said(parent('more'))];
  const full = routeStatus(route([{ name: 'gate' }, { name: 'more' }], others), wanted, saying);
  t.is((full.parents as readonly unknown[]).length, 32);
});

test('a GatewayClass is accepted, and says what is not read', (t) => {
  const waiting = { type: 'Accepted', status: 'Unknown', reason: 'Pending', message: 'Waiting for controller' };
  const version = { type: 'SupportedVersion', status: 'True', reason: 'SupportedVersion', message: '' };
  const object = { metadata: { name: 'weft' }, spec: {}, status: { conditions: [waiting, version] } };
  t.deepEqual(classStatus(object, saying), {
    conditions: [
      {
        type: 'Accepted',
        status: 'True',
        observedGeneration: 3,
        lastTransitionTime: '2026-01-02T03:04:05Z',
        reason: 'Accepted',
        message: 'Weft serves its Gateways',
      },
      version,
    ],
  });
  const { conditions } = classStatus({ ...object, spec: { parametersRef: {} } }, saying);
  t.is(
    (conditions as readonly { message: string }[])[0]!.message,
    'Weft serves its Gateways; its parametersRef is not read',
  );
});
