import test from 'ava';
import { indexKey } from '../../agent/kernel/store.js';
import type { Problem } from '../../agent/model/problem.js';
import { shop, World } from './world.js';

function codes(world: World): readonly string[] {
  return [...world.view.problems().items].map(({ code, resource, message }) => `${code} ${resource}: ${message}`);
}

test('nothing is wrong with the example', async (t) => {
  t.deepEqual(codes(await World.of(t, shop)), []);
});

test('references are looked at again after every change, also of objects that are only checked', async (t) => {
  const world = await World.of(t, shop);
  await world.put(`
apiVersion: apps/v1
kind: Deployment
metadata: { name: lonely, namespace: shop }
spec:
  selector: { matchLabels: { app: lonely } }
  template:
    metadata: { labels: { app: lonely } }
    spec: { containers: [{ name: main, image: main }] }
`);
  t.deepEqual(codes(world), ['WEFT0405 Deployment shop/lonely: no Service selects these labels']);
  world.remove('Deployment', 'shop/lonely');
  t.deepEqual(codes(world), []);
  world.remove('Pod', 'shop/user-1');
  world.remove('Pod', 'shop/user-2');
  t.deepEqual(codes(world), ['WEFT0403 Service shop/user-service: matches no Pod of the namespace shop']);
});

test('problems of sources are there, everything sorted by place', async (t) => {
  const world = await World.of(t, shop);
  const problem = (file: string, line: number): Problem => ({
    code: 'WEFT0101',
    severity: 'error',
    file,
    line,
    column: 1,
    resource: '',
    path: '',
    message: 'm',
    fix: '',
  });
  world.sourceProblems = [problem('b.yaml', 1), problem('a.yaml', 10), problem('a.yaml', 9)];
  t.deepEqual(
    [...world.view.problems().items].map(({ file, line }) => `${file}:${line}`),
    ['a.yaml:9', 'a.yaml:10', 'b.yaml:1'],
  );
  t.like(world.view.status(), { errors: 3, warnings: 0 });
});

test('a Service that does not fit names the table and its size', async (t) => {
  const world = await World.of(t, shop, { capacities: { slots: 1 } });
  t.deepEqual(codes(world), [
    'WEFT0601 Service shop/user-service: port 8080/TCP (IPv4, 2 backends) does not fit into the table slots of 1 rows',
  ]);
  t.like([...world.view.problems().items][0], { file: 'mesh.yaml', severity: 'error', path: 'spec.ports' });
});

test('a Pod whose namespace is missing is told, and not captured', async (t) => {
  const world = await World.of(t, shop);
  const pod = world.catalog.pod('shop/client')!;
  world.sync.change([{ type: 'put', object: { ...pod, netns: 'weft-test-no-such-namespace' } }]);
  t.deepEqual(codes(world), [
    'WEFT0603 Pod shop/client: there is no network namespace /run/netns/weft-test-no-such-namespace',
  ]);
  const item = [...world.view.pods().items].find((each) => each.pod === 'shop/client');
  t.like(item, { captured: false, why: 'there is no network namespace /run/netns/weft-test-no-such-namespace' });
});

test('what the brake holds and what drifted are problems of the node', async (t) => {
  const world = await World.of(t, shop);
  world.held = 1;
  world.store.update('backends', { keys: indexKey(1), values: new Uint8Array(24), count: 1 });
  world.sync.verify();
  t.deepEqual(codes(world), [
    'WEFT0602 : 1 object that vanished is held',
    'WEFT0607 : 1 row differed since the agent started',
  ]);
});
