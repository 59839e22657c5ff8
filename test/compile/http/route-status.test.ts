import test from 'ava';
import { rulesForListener } from '../../../agent/compile/http/listener-rules.js';
import { routeStatus } from '../../../agent/compile/http/route-status.js';
import { HttpRules } from '../../../agent/compile/http/rules.js';
import { compiled } from '../../gateway/outcome.js';

const gateway = `apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: { name: edge, namespace: default }
spec:
  gatewayClassName: weft
  listeners:
  - { name: open, port: 80, protocol: HTTP, hostname: "*.books.example" }
  - { name: calls, port: 81, protocol: HTTP, allowedRoutes: { kinds: [{ kind: GRPCRoute }] } }
---
`;

function route(parent: string, backend = '{ name: ratings, port: 9080 }', more = '', namespace = 'default'): string {
  return `apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: { name: web, namespace: ${namespace} }
spec:
  parentRefs: [{ ${parent} }]
  rules: [{ backendRefs: [${backend}] }]
  ${more}
`;
}

/** The manifests, and the status of the only route: reason of Accepted, then of ResolvedRefs; undefined: no parent of ours. */
const cases: Readonly<Record<string, readonly [manifests: string, reasons: readonly string[] | undefined]>> = {
  'an attached route': [route('name: edge'), ['Accepted', 'ResolvedRefs']],
  'a route with a hostname of the listener': [
    route('name: edge', undefined, 'hostnames: [a.books.example]'),
    ['Accepted', 'ResolvedRefs'],
  ],
  'a route without one': [
    route('name: edge', undefined, 'hostnames: [shops.example]').replace('name: edge', 'name: edge, sectionName: open'),
    ['NoMatchingListenerHostname', 'ResolvedRefs'],
  ],
  'a route of a section that is not there': [
    route('name: edge, sectionName: none'),
    ['NoMatchingParent', 'ResolvedRefs'],
  ],
  'a route of a listener for other kinds': [
    route('name: edge, sectionName: calls'),
    ['NotAllowedByListeners', 'ResolvedRefs'],
  ],
  'a route of another namespace': [
    route('name: edge, namespace: default', '{ name: details, port: 9080 }', '', 'other'),
    ['NotAllowedByListeners', 'ResolvedRefs'],
  ],
  'a route of somebody else’s Gateway': [route('name: foreign'), undefined],
  'a backend that is not there': [route('name: edge', '{ name: nobody, port: 80 }'), ['Accepted', 'BackendNotFound']],
  'a backend of an unknown kind': [
    route('name: edge', '{ group: a.example, kind: B, name: c }'),
    ['Accepted', 'InvalidKind'],
  ],
  'a backend elsewhere without a grant': [
    route('name: edge', '{ name: details, namespace: other, port: 9080 }'),
    ['Accepted', 'RefNotPermitted'],
  ],
  'a Service as parent': [route("group: '', kind: Service, name: reviews"), ['Accepted', 'ResolvedRefs']],
  'a Service without the port': [
    route("group: '', kind: Service, name: reviews, port: 1"),
    ['NoMatchingParent', 'ResolvedRefs'],
  ],
  'a Service that is not there': [
    route("group: '', kind: Service, name: nobody"),
    ['NoMatchingParent', 'ResolvedRefs'],
  ],
};

for (const [name, [manifests, reasons]] of Object.entries(cases)) {
  test(`status of ${name}`, async (t) => {
    const { catalog } = await compiled(gateway + manifests);
    const rules = new HttpRules(catalog);
    const [only] = catalog.httpRoutes();
    const [status] = routeStatus(only!, [...catalog.kubernetesGateways()], rules);
    t.deepEqual(
      status?.conditions.map(({ reason }) => reason),
      reasons && [...reasons],
    );
    for (const condition of status?.conditions ?? []) {
      t.is(condition.status, ['Accepted', 'ResolvedRefs'].includes(condition.reason) ? 'True' : 'False');
    }
  });
}

test('a listener counts its routes and has a virtual host for each hostname', async (t) => {
  const hostnames = 'hostnames: [b.books.example, "*.a.books.example", shops.example]';
  const { catalog } = await compiled(gateway + route('name: edge', undefined, hostnames));
  const [edge] = catalog.kubernetesGateways();
  const { virtualHosts, attached } = rulesForListener(edge!, edge!.listeners[0]!, new HttpRules(catalog));
  t.is(attached, 1);
  t.deepEqual(
    virtualHosts.map(({ domains }) => domains),
    [['*.a.books.example'], ['b.books.example']],
  );
  t.is(rulesForListener(edge!, edge!.listeners[1]!, new HttpRules(catalog)).attached, 0);
});

test('for one host the rules of closer hostnames come first, and the others after them', async (t) => {
  const wide = route('name: edge', undefined, 'hostnames: ["*.books.example"]').replace('name: web', 'name: wide');
  const close = route('name: edge', undefined, 'hostnames: [a.books.example]').replace('name: web', 'name: close');
  const { catalog } = await compiled(`${gateway}${wide}---\n${close}`);
  const [edge] = catalog.kubernetesGateways();
  const { virtualHosts } = rulesForListener(edge!, edge!.listeners[0]!, new HttpRules(catalog));
  t.deepEqual(
    virtualHosts.map(({ domains, table }) => [domains[0], table.sets[0]?.rules.map(({ name }) => name)]),
    [
      ['*.books.example', ['HTTPRoute default/wide rules[0]']],
      ['a.books.example', ['HTTPRoute default/close rules[0]', 'HTTPRoute default/wide rules[0]']],
    ],
  );
});
