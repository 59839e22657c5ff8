import test from 'ava';
import fc from 'fast-check';
import { Cluster, paths, pod, service } from './cluster.js';

const names = ['s1', 's2', 's3', 's4', 's5', 's6'];

const step = fc.oneof(
  { weight: 6, arbitrary: fc.record({ put: fc.constantFrom(...names), port: fc.integer({ min: 1, max: 3 }) }) },
  { weight: 3, arbitrary: fc.record({ remove: fc.constantFrom(...names) }) },
  { weight: 2, arbitrary: fc.record({ pod: fc.constantFrom('p1', 'p2'), node: fc.constantFrom('here', 'there', '') }) },
  { weight: 2, arbitrary: fc.constantFrom('cut', 'end', 'compact', 'bookmark') },
  { weight: 1, arbitrary: fc.constantFrom('down', 'up', 'lose 410', 'set back') },
  { weight: 3, arbitrary: fc.record({ pass: fc.constantFrom(100, 1_000, 30_000) }) },
);

type Step = typeof step extends fc.Arbitrary<infer Value> ? Value : never;

/** Whatever happens to the connection and to the server's memory, the model ends as what the server has. */
async function play(steps: readonly Step[], minor: string): Promise<void> {
  const cluster = new Cluster();
  const { api, effect } = cluster;
  api.minor = minor;
  // Objects that nobody touches: nothing may ever remove one of them.
  for (const name of ['kept1', 'kept2']) api.put(paths.services, service(name));
  api.put(paths.pods, pod('kept3', 'here'));
  api.put(paths.services, service('s1'));
  await cluster.start();
  for (const each of steps) {
    if (each === 'cut') api.cut();
    else if (each === 'end') api.end();
    else if (each === 'compact') api.compact();
    else if (each === 'bookmark') api.bookmark();
    else if (each === 'down') {
      api.isDown = true;
      api.cut();
    } else if (each === 'up') api.isDown = false;
    else if (each === 'lose 410') {
      // A write that the watch never sees, and by the time it is resumed is forgotten.
      api.loseEvents(() => api.put(paths.services, service('s2', 7)));
      api.cut();
      api.compact();
    } else if (each === 'set back') api.setBack(20);
    else if ('put' in each) api.put(paths.services, service(each.put, each.port));
    else if ('pod' in each) {
      if (each.node === '') api.delete(paths.pods, `shop/${each.pod}`);
      else api.put(paths.pods, pod(each.pod, each.node));
    } else if ('remove' in each) api.delete(paths.services, `shop/${each.remove}`);
    else await cluster.pass(each.pass, Math.max(100, each.pass / 4));
    await cluster.settle();
    const lost = effect.removed.filter((identity) => identity.includes('kept'));
    if (lost.length > 0) throw new Error(`removed ${lost}`);
  }
  api.isDown = false;
  await cluster.pass(65_000, 5_000);
  const expected = [
    ...api.keys(paths.pods).map((key) => {
      const { nodeName } = api.object(paths.pods, key)!.spec as { nodeName: string };
      return `Pod ${key} ${nodeName === 'here' ? 'here' : ''}`;
    }),
    ...api.keys(paths.services).map((key) => {
      const { ports } = api.object(paths.services, key)!.spec as { ports: readonly { port: number }[] };
      return `Service ${key} ${ports[0]!.port}`;
    }),
  ];
  const found = effect.keys().map((identity) => {
    const object = effect.objects.get(identity)!;
    if (object.kind === 'Pod') return `${identity} ${object.node}`;
    return `${identity} ${object.kind === 'Service' ? object.ports[0]!.port : ''}`;
  });
  cluster.stop();
  if (found.join() !== expected.join()) throw new Error(`${found.join()} instead of ${expected.join()}`);
}

for (const [minor, how] of [
  ['36', 'streaming lists'],
  ['31', 'pages'],
] as const) {
  test(`any history of objects, cuts, compactions and outages ends in what the server has (${how})`, async (t) => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 25 }), (steps) => play(steps, minor)),
      { numRuns: 60, includeErrorInReport: true },
    );
    t.pass();
  });
}
