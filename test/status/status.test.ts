import test from 'ava';
import { ApiError } from '../../agent/kubernetes/api.js';
import { notFound } from './fake-api.js';
import { gateway, gatewayClass, route, Scene, service, statusesOf } from './mesh.js';

const gatePath = '/apis/gateway.networking.k8s.io/v1/namespaces/shop/gateways/gate';
const routePath = '/apis/gateway.networking.k8s.io/v1/namespaces/shop/httproutes/r';

test('the writer says of each object what the mesh says, once', async (t) => {
  const scene = new Scene();
  scene.apply(gatewayClass, gateway(), route('r', '[{name: gate}, {group: "", kind: Service, name: cart}]', 4));
  scene.join('a');
  await scene.time.pass(10_000);
  t.deepEqual(scene.written(), [
    'PUT gatewayclasses/weft/status',
    'PUT namespaces/shop/gateways/gate/status',
    'PUT namespaces/shop/httproutes/r/status',
  ]);
  t.deepEqual(scene.shown('gatewayclasses', 'weft'), ['Accepted=True Accepted 1']);
  t.deepEqual(scene.shown('gateways', 'gate'), ['Accepted=True Accepted 1', 'Programmed=True Programmed 1']);
  const both = ['Accepted=True Accepted 4', 'ResolvedRefs=True ResolvedRefs 4'];
  t.deepEqual(scene.shown('httproutes', 'r'), [...both, ...both]);
  const [listener] = scene.status('gateways', 'gate')!.listeners as readonly Record<string, unknown>[];
  t.like(listener, { name: 'web', attachedRoutes: 1 });
  await scene.time.pass(900_000);
  t.is(scene.api.writes().length, 3);
  t.is(scene.trouble, '');
});

test('what is written keeps spec, metadata and version of the object', async (t) => {
  const scene = new Scene();
  scene.apply(gatewayClass, gateway());
  const before = scene.api.objects.get(gatePath)!;
  scene.join('a');
  await scene.time.pass(10_000);
  const body = scene.api.writes().find(({ path }) => path.endsWith('gate/status'))!.body as typeof before;
  t.deepEqual(body.metadata, before.metadata);
  t.deepEqual(body.spec, before.spec);
});

test('a change is written soon; what has not changed is not even read', async (t) => {
  const scene = new Scene();
  scene.apply(gatewayClass, gateway(), route('r'));
  const { reporter } = scene.join('a');
  await scene.time.pass(10_000);
  scene.apply(gatewayClass, gateway(), route('r', '[{name: gate, sectionName: none}]', 2));
  scene.api.calls.length = 0;
  reporter.touch();
  reporter.touch();
  await scene.time.pass(3_000);
  t.deepEqual(scene.shown('httproutes', 'r'), [
    'Accepted=False NoMatchingParent 2',
    'ResolvedRefs=True ResolvedRefs 2',
  ]);
  t.deepEqual(scene.written(), ['PUT namespaces/shop/gateways/gate/status', 'PUT namespaces/shop/httproutes/r/status']);
  const reads = scene.api.calls.filter(({ method, path }) => method === 'GET' && !path.includes('/leases'));
  t.is(reads.length, 2);
});

test('nothing is said of a generation that was not compiled', async (t) => {
  const scene = new Scene();
  scene.apply(gatewayClass, gateway());
  const { reporter } = scene.join('a');
  await scene.time.pass(10_000);
  scene.store(gateway(2, 81));
  reporter.touch();
  await scene.time.pass(400_000);
  t.deepEqual(scene.shown('gateways', 'gate'), ['Accepted=True Accepted 1', 'Programmed=True Programmed 1']);
  scene.apply(gatewayClass, gateway(2, 81));
  reporter.touch();
  await scene.time.pass(3_000);
  t.deepEqual(scene.shown('gateways', 'gate'), ['Accepted=True Accepted 2', 'Programmed=True Programmed 2']);
});

test('nothing is said of an object made anew under the name, of the same generation', async (t) => {
  const scene = new Scene();
  scene.apply(gatewayClass, gateway());
  const { reporter } = scene.join('a');
  await scene.time.pass(10_000);
  const { spec } = scene.api.objects.get(gatePath)!;
  scene.api.put(gatePath, { spec, metadata: { generation: 1, creationTimestamp: '2026-01-02T03:04:06Z' } });
  reporter.touch();
  await scene.time.pass(400_000);
  t.is(scene.status('gateways', 'gate'), undefined);
  const young = gateway().replace('{name: gate,', '{name: gate, creationTimestamp: "2026-01-02T03:04:06Z",');
  scene.statuses = statusesOf([gatewayClass, young]);
  reporter.touch();
  await scene.time.pass(3_000);
  t.is(scene.shown('gateways', 'gate').length, 2);
});

test('objects of a directory, which have no generation, are nobody on the server', async (t) => {
  const scene = new Scene();
  scene.store(gateway());
  scene.statuses = statusesOf([gatewayClass, gateway(0), service]);
  scene.join('a');
  await scene.time.pass(10_000);
  t.is(scene.status('gateways', 'gate'), undefined);
});

test('nothing is written while the mesh is not known', async (t) => {
  const scene = new Scene();
  scene.apply(gatewayClass, gateway(), route('r'));
  scene.join('a');
  await scene.time.pass(10_000);
  const known = scene.statuses;
  const again = new Scene();
  for (const [path, object] of scene.api.objects) again.api.objects.set(path, object);
  again.join('b');
  await again.time.pass(60_000);
  t.deepEqual(again.api.writes(), []);
  again.statuses = known;
  await again.time.pass(5_000);
  t.deepEqual(again.api.writes(), []);
});

test('somebody else writes at the same time: it is read again', async (t) => {
  const scene = new Scene();
  scene.apply(gatewayClass, gateway());
  let left = 3;
  scene.api.before = ({ method, path }) => {
    if (method !== 'PUT' || !path.includes('/gateways/') || left-- <= 0) return;
    const object = scene.api.objects.get(gatePath)!;
    scene.api.put(gatePath, { ...object, status: { ...object.status, addresses: [{ value: `192.0.2.${left}` }] } });
  };
  scene.join('a');
  await scene.time.pass(20_000);
  t.deepEqual(scene.shown('gateways', 'gate'), ['Accepted=True Accepted 1', 'Programmed=True Programmed 1']);
  t.deepEqual(scene.status('gateways', 'gate')!.addresses, [{ value: '192.0.2.0' }]);
  t.is(scene.written().filter((each) => each.includes('gateways/')).length, 4);
});

test('tries while others keep writing are bounded, and go on at the next look', async (t) => {
  const scene = new Scene();
  scene.apply(gatewayClass, gateway());
  let contended = true;
  scene.api.before = ({ method, path }) => {
    if (method === 'PUT' && path.includes('/gateways/') && contended)
      scene.api.put(gatePath, scene.api.objects.get(gatePath)!);
  };
  scene.join('a');
  await scene.time.pass(60_000);
  const tries = scene.written().length;
  t.true(tries > 10 && tries <= 1 + 5 * 6, `${tries} writes`);
  contended = false;
  await scene.time.pass(15_000);
  t.deepEqual(scene.shown('gateways', 'gate'), ['Accepted=True Accepted 1', 'Programmed=True Programmed 1']);
});

test('writes are bounded by time', async (t) => {
  const scene = new Scene();
  const routes = Array.from({ length: 120 }, (_, i) => route(`r${i}`));
  scene.apply(gatewayClass, gateway(), ...routes);
  scene.join('a');
  await scene.time.pass(10_000);
  const soon = scene.api.writes().length;
  t.true(soon >= 50 && soon <= 55, `${soon} in 10 s`);
  await scene.time.pass(20_000);
  t.is(scene.api.writes().length, 122);
});

test('entries of ours go when the Gateway is gone or the route has left; those of others stay', async (t) => {
  const scene = new Scene();
  scene.apply(gatewayClass, gateway(), route('r'), route('s'));
  const foreign = { parentRef: { name: 'gate' }, controllerName: 'example.net/gw', conditions: [] };
  const object = scene.api.objects.get(routePath)!;
  scene.api.put(routePath, { ...object, status: { parents: [foreign] } });
  const { reporter } = scene.join('a');
  await scene.time.pass(10_000);
  t.is((scene.status('httproutes', 'r')!.parents as readonly unknown[]).length, 2);
  scene.api.objects.delete(gatePath);
  scene.statuses = statusesOf([gatewayClass, service, route('r'), route('s')]);
  reporter.touch();
  await scene.time.pass(3_000);
  t.deepEqual(scene.status('httproutes', 'r'), { parents: [foreign] });
  t.deepEqual(scene.status('httproutes', 's'), { parents: [] });
});

test('a new writer finds what an earlier one left behind', async (t) => {
  const scene = new Scene();
  scene.apply(gatewayClass, gateway(), route('r'), route('never', '[{name: foreign}]'));
  const first = scene.join('a');
  await scene.time.pass(10_000);
  const stopped = first.reporter.stop();
  await scene.time.pass(0);
  await stopped;
  scene.api.objects.delete(gatePath);
  scene.statuses = statusesOf([gatewayClass, service, route('r'), route('never', '[{name: foreign}]')]);
  scene.api.calls.length = 0;
  const second = scene.join('b');
  await scene.time.pass(10_000);
  t.true(second.reporter.isWriter);
  t.deepEqual(scene.written(), ['PUT namespaces/shop/httproutes/r/status']);
  t.deepEqual(scene.status('httproutes', 'r'), { parents: [] });
});

test('what somebody else overwrites is put right within minutes', async (t) => {
  const scene = new Scene();
  scene.apply(gatewayClass, gateway());
  scene.join('a');
  await scene.time.pass(10_000);
  const object = scene.api.objects.get(gatePath)!;
  scene.api.put(gatePath, { ...object, status: {} });
  await scene.time.pass(340_000);
  t.deepEqual(scene.shown('gateways', 'gate'), ['Accepted=True Accepted 1', 'Programmed=True Programmed 1']);
});

test('of two agents one writes; the other goes on when it is gone', async (t) => {
  const scene = new Scene();
  scene.apply(gatewayClass, gateway());
  const a = scene.join('a');
  await scene.time.pass(5_000);
  const b = scene.join('b');
  await scene.time.pass(5_000);
  t.true(a.reporter.isWriter && !b.reporter.isWriter);
  a.client.way = 'deaf';
  scene.apply(gatewayClass, gateway(2, 81));
  a.reporter.touch();
  b.reporter.touch();
  await scene.time.pass(9_000);
  t.deepEqual(scene.shown('gateways', 'gate'), ['Accepted=True Accepted 1', 'Programmed=True Programmed 1']);
  await scene.time.pass(20_000);
  t.true(b.reporter.isWriter && !a.reporter.isWriter);
  t.deepEqual(scene.shown('gateways', 'gate'), ['Accepted=True Accepted 2', 'Programmed=True Programmed 2']);
  t.true(scene.api.writes().some(({ by }) => by === 'b'));
});

test('a missing rule is told once a resource, and does not hold up the others', async (t) => {
  const scene = new Scene();
  scene.apply(gatewayClass, gateway(), route('r'), route('s'));
  scene.api.refuse = (call) =>
    /^PUT .*\/httproutes\//.test(call) ? new ApiError('httproutes/status is forbidden', 403, 'Forbidden') : undefined;
  scene.join('a');
  await scene.time.pass(200_000);
  t.is(
    scene.trouble,
    'httproutes: httproutes/status is forbidden; needs the rule {apiGroups: ["gateway.networking.k8s.io"], resources: [httproutes/status], verbs: [update]}',
  );
  t.deepEqual(scene.shown('gateways', 'gate'), ['Accepted=True Accepted 1', 'Programmed=True Programmed 1']);
  t.is(scene.written().filter((each) => each.includes('httproutes')).length, 1);
  await scene.time.pass(1_000_000);
  t.is(scene.tellings, 1);
  scene.api.refuse = () => undefined;
  await scene.time.pass(400_000);
  t.is(scene.trouble, '');
  t.is(scene.shown('httproutes', 's').length, 2);
});

test('kinds that are not installed, or in an older version alone', async (t) => {
  const scene = new Scene();
  scene.apply(gatewayClass, gateway());
  const older = (text: string) => text.replace('networking.k8s.io/v1', 'networking.k8s.io/v1beta1');
  for (const path of [...scene.api.objects.keys()]) scene.api.objects.delete(path);
  scene.store(older(gatewayClass));
  scene.store(older(gateway()));
  scene.api.refuse = (call) => {
    if (/gateway.networking.k8s.io\/v1\/|grpcroutes/.test(call)) return new ApiError('404 page not found', 404);
    return undefined;
  };
  scene.join('a');
  await scene.time.pass(10_000);
  t.deepEqual(scene.shown('gateways', 'gate'), ['Accepted=True Accepted 1', 'Programmed=True Programmed 1']);
  t.is(scene.trouble, '');
});

test('a server that fails is asked again, ever more seldom', async (t) => {
  const scene = new Scene();
  scene.apply(gatewayClass, gateway());
  scene.api.refuse = (call) => (call.includes('gateways') ? new ApiError('overloaded', 503, '') : undefined);
  const { reporter } = scene.join('a');
  for (let i = 0; i < 300; i++) {
    reporter.touch();
    await scene.time.pass(1_000);
  }
  const calls = scene.api.calls.filter(({ path }) => path.includes('gateways')).length;
  t.true(calls >= 4 && calls <= 12, `${calls} calls`);
  t.is(scene.trouble, 'api: overloaded');
  scene.api.refuse = () => undefined;
  await scene.time.pass(100_000);
  t.is(scene.trouble, '');
  t.is(scene.shown('gateways', 'gate').length, 2);
});

test('what the API refuses as invalid is told, and waits', async (t) => {
  const scene = new Scene();
  scene.apply(gatewayClass, gateway(), route('r'));
  scene.api.refuse = (call) =>
    call.startsWith('PUT') && call.includes('gate/status') ? new ApiError('too long', 422, 'Invalid') : undefined;
  scene.join('a');
  await scene.time.pass(60_000);
  t.is(scene.trouble, 'gateways: Gateway shop/gate: too long');
  t.is(scene.written().filter((each) => each.includes('gate/')).length, 1);
  t.is(scene.shown('httproutes', 'r').length, 2);
});

test('an object that is gone is none', async (t) => {
  const scene = new Scene();
  scene.apply(gatewayClass, gateway(), route('r'));
  scene.api.refuse = (call) => (call.endsWith('/httproutes/r') ? notFound(call) : undefined);
  scene.join('a');
  await scene.time.pass(60_000);
  t.is(scene.status('httproutes', 'r'), undefined);
  t.is(scene.trouble, '');
});

test('a writer that stops leaves nothing under way, then gives the Lease away', async (t) => {
  const scene = new Scene();
  scene.apply(gatewayClass, gateway(), ...Array.from({ length: 20 }, (_, i) => route(`r${i}`)));
  const { reporter } = scene.join('a');
  await scene.time.pass(1_500);
  const stopped = reporter.stop();
  await scene.time.pass(0);
  await stopped;
  const last = scene.api.calls.at(-1)!;
  t.is(`${last.method} ${last.path.split('/').at(-1)}`, 'PUT weft-status');
  const { length } = scene.api.calls;
  reporter.touch();
  await scene.time.pass(60_000);
  t.is(scene.api.calls.length, length);
});
