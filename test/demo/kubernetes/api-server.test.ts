import test, { type ExecutionContext } from 'ava';
import type { Clock } from '../../../agent/clock.js';
import type { KubernetesObject } from '../../../agent/demo/kubernetes/stored.js';
import { type Answer, ask, eventsOf, startServer } from './client.js';

const service = (name: string, more: Readonly<Record<string, unknown>> = {}): KubernetesObject => ({
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name, namespace: 'shop', ...more },
  spec: { clusterIP: '10.96.0.1' },
});

const pod = (name: string, nodeName: string): KubernetesObject => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name, namespace: 'shop' },
  spec: { nodeName },
});

const rule = (name: string, more: Readonly<Record<string, unknown>> = {}): KubernetesObject => ({
  apiVersion: 'networking.istio.io/v1',
  kind: 'VirtualService',
  metadata: { name, namespace: 'shop' },
  ...more,
});

const lines = (count: number) => (text: string) => text.endsWith('\n') && text.split('\n').length > count;

const told = ({ text }: Answer): readonly string[] =>
  eventsOf(text).map(({ type, object }) => `${type} ${object.metadata.name ?? ''}`.trim());

const names = (t: ExecutionContext, { status, text }: Answer): readonly string[] => {
  t.is(status, 200, text);
  return JSON.parse(text).items.map((item: KubernetesObject) => item.metadata.name);
};

/** Until `holds`, a turn of the event loop after the other. */
async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise((resolve) => setImmediate(resolve));
}

test('a watch goes on from a version and tells what leaves and enters its selection', async (t) => {
  const server = await startServer(t);
  const { metadata } = server.apply(service('a', { labels: { mesh: 'on' } }));
  const target = `/api/v1/services?watch=1&labelSelector=mesh%3Don&resourceVersion=${metadata.resourceVersion}`;
  const watching = ask(server, target, { enough: lines(4) });
  await until(() => server.watches('services') === 1);
  server.apply(service('b'));
  server.apply(service('b', { labels: { mesh: 'on' } }));
  server.apply(service('b', { labels: { mesh: 'on', more: '1' } }));
  server.apply(service('b', { labels: { mesh: 'off' } }));
  server.delete('services', 'shop', 'b');
  server.delete('services', 'shop', 'a');
  const answer = await watching;
  t.deepEqual(told(answer), ['ADDED b', 'MODIFIED b', 'DELETED b', 'DELETED a']);
  const [, , left] = eventsOf(answer.text);
  t.deepEqual((left!.object.metadata as unknown as KubernetesObject['metadata']).labels, { mesh: 'on', more: '1' });
  t.true(
    Number(left!.object.metadata.resourceVersion) > Number(eventsOf(answer.text)[1]!.object.metadata.resourceVersion),
  );
});

test('applying the same again is no write', async (t) => {
  const server = await startServer(t);
  server.apply(service('a'));
  const before = server.revision;
  server.apply(service('a'));
  t.is(server.revision, before);
});

test('selectors choose', async (t) => {
  const server = await startServer(t);
  server.apply(service('a', { labels: { app: 'a', tier: 'front' } }));
  server.apply(service('b', { labels: { app: 'b' } }));
  server.apply({ ...service('c'), metadata: { name: 'c', namespace: 'other' } });
  server.apply(pod('p', 'one'));
  server.apply(pod('q', 'two'));
  for (const [query, wanted] of [
    ['services?labelSelector=app%3Da', ['a']],
    ['services?labelSelector=app!%3Da', ['c', 'b']],
    ['services?labelSelector=app%20in%20(a,b),tier', ['a']],
    ['services?labelSelector=!app', ['c']],
    ['services?fieldSelector=metadata.name%3Db', ['b']],
    ['services?fieldSelector=metadata.namespace!%3Dshop', ['c']],
    ['namespaces/other/services', ['c']],
    ['pods?fieldSelector=spec.nodeName%3Dtwo', ['q']],
  ] as const)
    t.deepEqual(names(t, await ask(server, `/api/v1/${query}`)), [...wanted], query);
  t.is((await ask(server, '/api/v1/services?fieldSelector=spec.nodeName%3Da')).status, 400);
});

test('versions of a group show the same objects', async (t) => {
  const server = await startServer(t);
  server.apply(rule('v', { spec: { hosts: ['a'] } }));
  for (const version of ['v1', 'v1beta1', 'v1alpha3']) {
    const { text } = await ask(server, `/apis/networking.istio.io/${version}/namespaces/shop/virtualservices/v`);
    t.is(JSON.parse(text).apiVersion, `networking.istio.io/${version}`);
  }
});

test('metadata alone, in lists and watches', async (t) => {
  const server = await startServer(t);
  server.apply(service('a'));
  const as = (kind: string): { Accept: string } => ({ Accept: `application/json;as=${kind};g=meta.k8s.io;v=v1` });
  const list = JSON.parse((await ask(server, '/api/v1/services', { headers: as('PartialObjectMetadataList') })).text);
  t.deepEqual(
    [list.kind, list.items[0].kind, list.items[0].spec],
    ['PartialObjectMetadataList', 'PartialObjectMetadata', undefined],
  );
  const query =
    '/api/v1/services?watch=1&sendInitialEvents=true&allowWatchBookmarks=true&resourceVersionMatch=NotOlderThan';
  const watch = await ask(server, query, { headers: as('PartialObjectMetadata'), enough: lines(2) });
  t.deepEqual(told(watch), ['ADDED a', 'BOOKMARK']);
  for (const { object } of eventsOf(watch.text))
    t.deepEqual([object.kind, object.spec], ['PartialObjectMetadata', undefined]);
  t.is((await ask(server, '/api/v1/services', { headers: { Accept: 'text/html' } })).status, 406);
  t.is((await ask(server, '/api/v1/services', { headers: as('PartialObjectMetadata') })).status, 406);
});

const leases = '/apis/coordination.k8s.io/v1/namespaces/weft-system/leases';

test('two writers of one Lease: the later one is refused', async (t) => {
  const server = await startServer(t);
  const body = { metadata: { name: 'writer' }, spec: { holderIdentity: 'a' } };
  const made = await ask(server, leases, { method: 'POST', body });
  t.is(made.status, 201);
  t.is((await ask(server, leases, { method: 'POST', body })).status, 409);
  const lease = JSON.parse(made.text) as KubernetesObject;
  const taken = { ...lease, spec: { holderIdentity: 'b' } };
  const second = await ask(server, `${leases}/writer`, { method: 'PUT', body: taken });
  t.deepEqual([second.status, JSON.parse(second.text).spec], [200, { holderIdentity: 'b' }]);
  const late = await ask(server, `${leases}/writer`, {
    method: 'PUT',
    body: { ...lease, spec: { holderIdentity: 'c' } },
  });
  t.deepEqual([late.status, JSON.parse(late.text).reason], [409, 'Conflict']);
  t.is((await ask(server, `${leases}/writer`, { method: 'PUT', body })).status, 422);
  const preconditions = { resourceVersion: lease.metadata.resourceVersion };
  t.is((await ask(server, `${leases}/writer`, { method: 'DELETE', body: { preconditions } })).status, 409);
  t.is((await ask(server, `${leases}/writer`, { method: 'DELETE' })).status, 200);
  t.is((await ask(server, `${leases}/writer`)).status, 404);
});

test('status is a subresource: neither write touches the other half', async (t) => {
  const server = await startServer(t);
  server.apply(rule('v', { spec: { hosts: ['a'] }, status: { conditions: [] } }));
  const path = '/apis/networking.istio.io/v1/namespaces/shop/virtualservices/v';
  const merge = { 'Content-Type': 'application/merge-patch+json' };
  const status = { conditions: [{ type: 'Accepted' }] };
  const patched = await ask(server, `${path}/status`, {
    method: 'PATCH',
    headers: merge,
    body: { spec: null, status },
  });
  const object = JSON.parse(patched.text) as KubernetesObject;
  t.deepEqual([object.spec, object.status, object.metadata.generation], [{ hosts: ['a'] }, status, 1]);
  const next = { ...object, spec: { hosts: ['b'] }, status: {} };
  const put = JSON.parse((await ask(server, path, { method: 'PUT', body: next })).text) as KubernetesObject;
  t.deepEqual([put.spec, put.status, put.metadata.generation], [{ hosts: ['b'] }, status, 2]);
  const before = server.revision;
  await ask(server, path, { method: 'PUT', body: put });
  t.is(server.revision, before, 'a write that changes nothing is none');
  const strategic = { 'Content-Type': 'application/strategic-merge-patch+json' };
  t.is((await ask(server, path, { method: 'PATCH', headers: strategic, body: {} })).status, 415);
});

test('bounded history: a watch from before it is told so', async (t) => {
  const server = await startServer(t, { history: 8 });
  const first = server.apply(service('a'));
  for (let round = 0; round < 40; round++) server.apply(service('a', { labels: { round: String(round) } }));
  const old = await ask(server, `/api/v1/services?watch=1&resourceVersion=${first.metadata.resourceVersion}`);
  t.is(eventsOf(old.text)[0]!.type, 'ERROR');
  const near = `/api/v1/services?watch=1&resourceVersion=${server.revision - 8}`;
  t.deepEqual(told(await ask(server, near, { enough: lines(8) })), Array(8).fill('MODIFIED a'));
});

test('a custom resource goes under its watch, is missing, and comes back without its past', async (t) => {
  const server = await startServer(t);
  const { metadata } = server.apply(rule('v'));
  const path = '/apis/networking.istio.io/v1/virtualservices';
  const watching = ask(server, `${path}?watch=1&resourceVersion=${metadata.resourceVersion}`);
  await until(() => server.watches() === 1);
  server.removeCrd('virtualservices.networking.istio.io');
  t.is((await ask(server, path)).status, 404);
  t.deepEqual(told(await watching), ['DELETED v'], 'the stream ends by itself');
  t.false((await ask(server, '/apis/networking.istio.io/v1')).text.includes('virtualservices'));
  server.installCrd('virtualservices.networking.istio.io');
  t.deepEqual(names(t, await ask(server, path)), []);
  const old = await ask(server, `${path}?watch=1&resourceVersion=${metadata.resourceVersion}`);
  t.is(eventsOf(old.text)[0]!.type, 'ERROR');
});

test('a cut is no end', async (t) => {
  const server = await startServer(t);
  const watching = ask(server, '/api/v1/services?watch=1');
  await until(() => server.watches() === 1);
  server.cut('services');
  await t.throwsAsync(watching);
  await until(() => server.watches() === 0);
  t.is((await ask(server, '/readyz')).text, 'ok');
});

test('while it is paused nothing is answered, and afterwards everything in order', async (t) => {
  const server = await startServer(t);
  const watching = ask(server, '/api/v1/services?watch=1', { enough: lines(2) });
  await until(() => server.watches() === 1);
  server.pause();
  server.apply(service('a'));
  server.apply(service('b'));
  let answered = false;
  const list = ask(server, '/api/v1/services').finally(() => {
    answered = true;
  });
  await until(() => server.requests.length === 2);
  t.false(answered);
  server.resume();
  t.deepEqual(names(t, await list), ['a', 'b']);
  t.deepEqual(told(await watching), ['ADDED a', 'ADDED b']);
});

test('a confused server shows nothing, with a fresh version', async (t) => {
  const server = await startServer(t);
  server.apply(service('a'));
  server.serveEmpty('services');
  t.deepEqual(names(t, await ask(server, '/api/v1/services')), []);
  const query =
    '/api/v1/services?watch=1&sendInitialEvents=true&allowWatchBookmarks=true&resourceVersionMatch=NotOlderThan';
  t.deepEqual(told(await ask(server, query, { enough: lines(1) })), ['BOOKMARK']);
  server.serveEmpty('services', false);
  t.deepEqual(names(t, await ask(server, '/api/v1/services')), ['a']);
});

test('tokens come and go; the port stays over a restart', async (t) => {
  const server = await startServer(t);
  const { url, token } = server;
  server.apply(service('a'));
  const fresh = server.newToken();
  t.true(server.kubeconfig().includes(fresh));
  const by = (used: string): Promise<Answer> =>
    ask(server, '/api/v1/services', { headers: { Authorization: `Bearer ${used}` } });
  t.deepEqual([(await by(token)).status, (await by(fresh)).status], [200, 200]);
  server.revoke(token);
  t.deepEqual([(await by(token)).status, (await by(fresh)).status], [401, 200]);
  await server.close();
  await t.throwsAsync(by(fresh), { message: /ECONNREFUSED/ });
  await server.listen();
  t.deepEqual([server.url, names(t, await by(fresh))], [url, ['a']]);
});

test('bookmarks come with time to those who want them', async (t) => {
  const repeated: (() => void)[] = [];
  const clock: Clock = {
    now: () => Date.UTC(2026, 0, 1),
    monotonic: () => 0,
    after: () => () => undefined,
    every(ms, task) {
      t.is(ms, 60_000);
      repeated.push(task);
      return () => undefined;
    },
  };
  const server = await startServer(t, { clock });
  const created = server.apply(service('a'));
  t.is(created.metadata.creationTimestamp, '2026-01-01T00:00:00Z');
  const at = `resourceVersion=${created.metadata.resourceVersion}`;
  const wanting = ask(server, `/api/v1/services?watch=1&allowWatchBookmarks=true&${at}`, { enough: lines(1) });
  const other = ask(server, `/api/v1/services?watch=1&${at}`, { enough: lines(1) });
  await until(() => server.watches() === 2);
  server.apply(pod('p', 'one'));
  for (const task of repeated) task();
  const [bookmark] = eventsOf((await wanting).text);
  t.deepEqual([bookmark!.type, bookmark!.object.metadata.resourceVersion], ['BOOKMARK', String(server.revision)]);
  server.apply(service('b'));
  t.deepEqual(told(await other), ['ADDED b']);
});

test('its certificate is nothing that the machine trusts', async (t) => {
  const server = await startServer(t);
  await t.throwsAsync(ask(server, '/version', { authority: '' }), { message: /certificate/ });
  t.is(JSON.parse((await ask(server, '/version')).text).major, '1');
});
