import test from 'ava';
import fc from 'fast-check';
import { Holdings } from '../../../agent/sources/kubernetes/holdings.js';
import { resourcesFor, secretNamed } from '../../../agent/sources/kubernetes/resource.js';

const resources = [...resourcesFor('here'), secretNamed('shop', 'tls', false)];

const metadata = fc.record(
  {
    name: fc.oneof(fc.constantFrom('a', 'b', 'Ö', ''), fc.anything()),
    namespace: fc.oneof(fc.constantFrom('shop', ''), fc.anything()),
    uid: fc.oneof(fc.constantFrom('u1', 'u2'), fc.anything()),
    resourceVersion: fc.oneof(fc.constantFrom('1', '2', '3'), fc.anything()),
    labels: fc.anything(),
    annotations: fc.anything(),
    ownerReferences: fc.anything(),
  },
  { requiredKeys: [] },
);

const raw = fc.oneof(
  fc.anything(),
  fc.record(
    {
      metadata: fc.oneof(metadata, fc.anything()),
      spec: fc.anything(),
      status: fc.anything(),
      endpoints: fc.anything(),
    },
    { requiredKeys: [] },
  ),
);

test('whatever a server sends, nothing is thrown and the problems stay readable', (t) => {
  const step = fc.record({ how: fc.constantFrom('put', 'drop', 'list'), raw, resource: fc.nat(resources.length - 1) });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 12 }), (steps) => {
      const all = resources.map((resource) => new Holdings(resource, 'https://api:443'));
      for (const { how, raw: sent, resource } of steps) {
        const holdings = all[resource]!;
        // As it comes over the wire.
        const object = JSON.parse(JSON.stringify(sent) ?? 'null');
        if (how === 'put') holdings.put(object, 'v1');
        else if (how === 'drop') holdings.drop(object);
        else {
          const listing = holdings.list();
          listing.put(object, 'v1');
          listing.finish();
        }
        for (const { message } of holdings.problems()) if (message.length > 2_000) throw new Error(message);
      }
    }),
    { numRuns: 500, includeErrorInReport: true },
  );
  t.pass();
});

test('a list that has what is kept changes nothing, and one without it takes it away', (t) => {
  const holdings = new Holdings(resources.find(({ name }) => name === 'namespaces')!, 'https://api:443');
  const item = (name: string, version: string, labels = {}) => ({
    metadata: { name, uid: `uid-${name}`, resourceVersion: version, labels },
  });
  const list = (...items: readonly unknown[]) => {
    const listing = holdings.list();
    for (const each of items) listing.put(each, 'v1');
    return listing.finish().map((change) => (change.type === 'put' ? change.object.meta.name : `-${change.key}`));
  };
  t.deepEqual(list(item('a', '1'), item('b', '1')), ['a', 'b']);
  t.deepEqual(list(item('a', '1'), item('b', '1')), []);
  t.deepEqual(list(item('a', '2'), item('b', '3', { 'weft.dev/mesh': 'enabled' })), ['b']);
  t.deepEqual(list(item('b', '3')), ['-/a']);
  t.deepEqual(list(), ['-/b']);
  t.is(holdings.size, 0);
});

test('the problems of an object are those of the version that is there', (t) => {
  const holdings = new Holdings(resources.find(({ name }) => name === 'namespaces')!, 'https://api:443');
  const item = (version: string, mesh: string) => ({
    metadata: { name: 'a', uid: 'u', resourceVersion: version, labels: { 'weft.dev/mesh': mesh } },
  });
  const codes = () => [...holdings.problems()].map(({ code }) => code);
  holdings.put(item('1', 'enable'), 'v1');
  t.deepEqual(codes(), ['WEFT0216']);
  const { revision } = holdings;
  const again = holdings.list();
  again.put(item('1', 'enable'), 'v1');
  again.finish();
  t.deepEqual(codes(), ['WEFT0216']);
  holdings.put(item('2', 'enabled'), 'v1');
  t.deepEqual(codes(), []);
  t.true(holdings.revision > revision);
});
