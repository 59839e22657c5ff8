import test from 'ava';
import { ApiError } from '../../../agent/kubernetes/api.js';
import { isCustom, pathOf, resourcesFor } from '../../../agent/sources/kubernetes/resource.js';
import type { ResourceState } from '../../../agent/sources/kubernetes-state.js';
import { Cluster, installAll, paths, pod, service, virtualService } from './cluster.js';

const forbidden = (): ApiError => new ApiError('secrets is forbidden', 403, 'Forbidden');

async function running(prepare: (cluster: Cluster) => void = () => undefined): Promise<Cluster> {
  const cluster = new Cluster();
  installAll(cluster.api);
  prepare(cluster);
  await cluster.start();
  return cluster;
}

test('is synced when every resource was listed once, each list as one batch', async (t) => {
  const cluster = await running(({ api }) => {
    for (let index = 0; index < 1_200; index++) api.put(paths.services, service(`s${index}`));
  });
  t.true(cluster.hasSynced);
  t.deepEqual(
    cluster.effect.batches.map((batch) => batch.length),
    [1_200],
  );
  t.true(cluster.states().every(({ synced, trouble }) => synced && trouble === ''));
  t.is(cluster.state('services').objects, 1_200);
  t.deepEqual(cluster.state('services').events, { added: 1_200, bookmark: 1 });
  cluster.stop();
});

test('reads pages where lists are not streamed, and remembers a refusal', async (t) => {
  const old = await running(({ api }) => {
    api.minor = '31';
    for (let index = 0; index < 1_200; index++) api.put(paths.services, service(`s${index}`));
  });
  t.is(old.effect.keys('Service').length, 1_200);
  t.deepEqual(old.asked(paths.services, 'limit').slice(0, 4), ['500', '500', '500', undefined]);
  old.stop();

  const refusing = await running(({ api }) => {
    api.put(paths.services, service('s1'));
    api.intercept = ({ query }) =>
      query?.sendInitialEvents === undefined ? undefined : new ApiError('sendInitialEvents: Forbidden', 422, 'Invalid');
  });
  t.true(refusing.hasSynced);
  const asked = refusing.asked(paths.services, 'sendInitialEvents').filter((each) => each !== undefined).length;
  refusing.api.cut();
  refusing.api.compact();
  await refusing.pass(5_000);
  t.is(refusing.asked(paths.services, 'sendInitialEvents').filter((each) => each !== undefined).length, asked);
  t.deepEqual(refusing.effect.keys('Service'), ['Service shop/s1']);
  refusing.stop();
});

test('a continue token that is too old begins the list anew and mixes nothing', async (t) => {
  let pages = 0;
  const cluster = await running(({ api }) => {
    api.minor = '31';
    for (let index = 0; index < 1_200; index++) api.put(paths.services, service(`s${index}`));
    api.intercept = ({ path, query }) => {
      if (path !== paths.services || query?.continue === undefined || ++pages !== 2) return undefined;
      api.delete(paths.services, 'shop/s3');
      return new ApiError('too old', 410, 'Expired');
    };
  });
  await cluster.pass(1_000);
  t.true(cluster.hasSynced);
  t.is(cluster.effect.keys('Service').length, 1_199);
  t.deepEqual(cluster.effect.removed, []);
  t.is(cluster.state('services').restarts.expired, 1);
  cluster.stop();
});

test('a missing CRD is an empty list, is looked for and picked up in the version that is served', async (t) => {
  const older = paths.virtualServices.replace('/v1/', '/v1beta1/');
  const cluster = await running(({ api }) => {
    for (const version of ['v1', 'v1beta1', 'v1alpha3']) {
      api.missing.add(paths.virtualServices.replace('/v1/', `/${version}/`));
    }
  });
  t.true(cluster.hasSynced);
  t.is(cluster.state('virtualservices.networking.istio.io').trouble, '');
  cluster.api.missing.delete(older);
  cluster.api.put(older, virtualService('shop'));
  await cluster.pass(34_000);
  t.deepEqual(cluster.effect.keys('VirtualService'), ['VirtualService shop/shop']);
  cluster.stop();
});

test('where no CRD is installed, one question every half a minute looks for all of a group', async (t) => {
  const cluster = new Cluster();
  for (const resource of resourcesFor('here').filter(isCustom)) {
    for (const version of resource.versions) cluster.api.missing.add(pathOf(resource, version));
  }
  await cluster.start();
  t.true(cluster.hasSynced);
  const before = cluster.api.requests.length;
  await cluster.pass(300_000, 1_000);
  const asked = cluster.api.requests
    .slice(before)
    .filter(({ path }) => path.startsWith('/apis/') && !path.includes('discovery'));
  t.deepEqual([...new Set(asked.map(({ path }) => path))].sort(), [
    '/apis/gateway.networking.k8s.io',
    '/apis/networking.istio.io',
  ]);
  t.is(asked.length, 20);
  cluster.api.missing.delete(paths.virtualServices);
  cluster.api.put(paths.virtualServices, virtualService('shop'));
  await cluster.pass(34_000, 1_000);
  t.deepEqual(cluster.effect.keys('VirtualService'), ['VirtualService shop/shop']);
  cluster.stop();
});

test('objects of a CRD that answers 404 go only when that lasts 30 s and discovery agrees', async (t) => {
  const name = 'virtualservices.networking.istio.io';
  const cluster = await running(({ api }) => {
    api.put(paths.virtualServices, virtualService('shop'));
    for (const version of ['v1beta1', 'v1alpha3'])
      api.missing.add(`/apis/networking.istio.io/${version}/virtualservices`);
  });
  // A confused server: 404 for lists and watches, while it still says that it serves them.
  cluster.api.intercept = ({ path }) =>
    path.endsWith('/virtualservices') ? new ApiError('404 page not found', 404) : undefined;
  cluster.api.end(paths.virtualServices);
  await cluster.pass(120_000, 1_000);
  t.deepEqual(cluster.effect.keys('VirtualService'), ['VirtualService shop/shop']);
  t.regex(cluster.state(name).trouble, /answers 404/);
  // It comes back, and nothing was lost.
  cluster.api.intercept = () => undefined;
  await cluster.pass(40_000, 1_000);
  t.is(cluster.state(name).trouble, '');
  // It is gone.
  cluster.api.missing.add(paths.virtualServices);
  cluster.api.end(paths.virtualServices);
  await cluster.pass(25_000, 1_000);
  t.deepEqual(cluster.effect.removed, []);
  await cluster.pass(40_000, 1_000);
  t.deepEqual(cluster.effect.removed, ['VirtualService shop/shop']);
  t.is(cluster.state(name).trouble, '');
  cluster.stop();
});

test('a forbidden custom resource counts as listed and says which rule to add; it is read once it may be', async (t) => {
  const cluster = await running(({ api }) => {
    api.put(paths.virtualServices, virtualService('shop'));
    api.intercept = ({ path }) => (path === paths.virtualServices ? forbidden() : undefined);
  });
  t.true(cluster.hasSynced);
  const { synced, trouble } = cluster.state('virtualservices.networking.istio.io');
  t.true(synced);
  t.regex(trouble, /may not watch virtualservices/);
  t.true(
    trouble.includes(
      'apiGroups: ["networking.istio.io"], resources: ["virtualservices"], verbs: ["get", "list", "watch"]',
    ),
  );
  t.regex(
    cluster.shown().join(),
    /^https:\/\/model:443\/apis\/networking\.istio\.io\/v1\/virtualservices:0:0 WARNING \[WEFT0609\]/,
  );
  cluster.api.intercept = () => undefined;
  await cluster.pass(31_000);
  t.deepEqual(cluster.effect.keys('VirtualService'), ['VirtualService shop/shop']);
  t.deepEqual(cluster.problems, []);
  cluster.stop();
});

test('without Services there is no sync, whether they are forbidden, missing or fail', async (t) => {
  for (const error of [forbidden(), new ApiError('404 page not found', 404), new ApiError('etcd is away', 503)]) {
    const cluster = await running(({ api }) => {
      api.intercept = ({ path }) => (path === paths.services ? error : undefined);
    });
    await cluster.pass(120_000, 5_000);
    t.false(cluster.hasSynced, error.message);
    t.false(cluster.state('services').synced);
    t.not(cluster.state('services').trouble, '');
    cluster.api.intercept = () => undefined;
    await cluster.pass(40_000, 5_000);
    t.true(cluster.hasSynced);
    cluster.stop();
  }
});

test('credentials that cannot be had are told of once, and not as a server that is silent', async (t) => {
  const cluster = await running(({ api }) => {
    api.intercept = () => new ApiError('users[0].user.exec.command: spawn ENOENT', 0, 'Credentials');
  });
  await cluster.pass(60_000, 5_000);
  t.deepEqual(
    cluster.problems.map(({ code, message }) => `${code} ${message}`),
    ['WEFT0609 there are no credentials for the API server: users[0].user.exec.command: spawn ENOENT'],
  );
  cluster.api.intercept = () => undefined;
  await cluster.pass(31_000);
  t.true(cluster.hasSynced);
  cluster.stop();
});

test('a server that is away at the start is tried until it is there; one that goes away takes nothing with it', async (t) => {
  const cluster = await running(({ api }) => {
    api.put(paths.services, service('s1'));
    api.isDown = true;
  });
  await cluster.pass(300_000, 10_000);
  t.false(cluster.hasSynced);
  t.is(cluster.problems.length, 1);
  t.regex(cluster.shown()[0]!, /^https:\/\/model:443:0:0 WARNING \[WEFT0606\] the API server does not answer/);
  cluster.api.isDown = false;
  await cluster.pass(31_000);
  t.true(cluster.hasSynced);
  cluster.api.isDown = true;
  cluster.api.cut();
  await cluster.pass(86_400_000, 60_000);
  t.deepEqual(cluster.effect.removed, []);
  t.regex(cluster.state('services').trouble, /does not answer/);
  cluster.api.isDown = false;
  cluster.api.delete(paths.services, 'shop/s1');
  await cluster.pass(31_000);
  t.is(cluster.state('services').trouble, '');
  t.deepEqual(cluster.effect.keys(), []);
  const [failed, recovered] = ['the API server is not followed', 'the API server is followed again'];
  t.deepEqual(cluster.logged, [failed, recovered, failed, recovered]);
  cluster.stop();
});

test('a server that was away is asked for everything within a second once it has answered', async (t) => {
  const cluster = await running((made) => {
    made.api.isDown = true;
    let calls = 0;
    made.random = () => (++calls % 16) / 16;
  });
  await cluster.pass(300_000, 1_000);
  cluster.api.isDown = false;
  const isSynced = ({ synced, resource }: ResourceState): boolean => synced && resource !== 'secrets';
  const synced = (): number => cluster.states().filter(isSynced).length;
  let waited = 0;
  while (synced() === 0 && waited < 60_000) {
    await cluster.pass(50, 50);
    waited += 50;
  }
  t.true(synced() < cluster.states().length - 2, 'they are not asked at the same time by themselves');
  await cluster.pass(1_100, 50);
  t.true(cluster.hasSynced);
  cluster.stop();
});

test('waits longer from failure to failure, up to 30 s, and as long as the server says', async (t) => {
  const cluster = await running(({ api }) => {
    api.isDown = true;
  });
  const at: number[] = [];
  cluster.api.intercept = () => undefined;
  let before = cluster.state('services').restarts.unreachable ?? 0;
  for (let ms = 0; ms < 90_000; ms += 100) {
    await cluster.pass(100, 100);
    const now = cluster.state('services').restarts.unreachable ?? 0;
    if (now > before) at.push(ms);
    before = now;
  }
  const waits = at.map((ms, index) => ms - (at[index - 1] ?? 0));
  // 0.8 s doubled, three quarters of each; the first was before.
  t.deepEqual(waits, [500, 1_200, 2_400, 4_800, 9_600, 19_200, 22_500, 22_500]);
  cluster.stop();

  const busy = await running(({ api }) => {
    api.intercept = ({ path }) => (path === paths.services ? new ApiError('too many', 429, '', 20_000) : undefined);
  });
  const asked = busy.asked(paths.services, 'watch').length;
  await busy.pass(19_900, 995);
  t.is(busy.asked(paths.services, 'watch').length, asked);
  await busy.pass(3_000, 500);
  t.is(busy.asked(paths.services, 'watch').length, asked + 1);
  busy.stop();
});

test('an idle watch is begun again within 30 s, without a list, and then asked for so long that the server ends it', async (t) => {
  const cluster = await running(({ api }) => {
    api.put(paths.services, service('s1'));
  });
  const lists = cluster.asked(paths.services, 'sendInitialEvents').length;
  await cluster.pass(29_900, 1_000);
  t.is(cluster.state('services').restarts.idle, 1);
  await cluster.pass(60_000, 1_000);
  t.is(cluster.state('services').restarts.idle, 1);
  t.is(cluster.state('services').restarts.ended, 2);
  t.deepEqual(
    cluster
      .asked(paths.services, 'timeoutSeconds')
      .slice(lists)
      .every((seconds) => seconds === '24'),
    true,
  );
  t.deepEqual(new Set(cluster.asked(paths.services, 'sendInitialEvents').slice(lists)), new Set([undefined]));
  cluster.api.put(paths.services, service('s2'));
  await cluster.settle();
  t.deepEqual(cluster.effect.keys(), ['Service shop/s1', 'Service shop/s2']);
  cluster.stop();
});

test('what a watch has lost without a sign is found by a comparison and listed again', async (t) => {
  const cluster = await running(({ api }) => {
    api.put(paths.services, service('s1'));
    api.put(paths.services, service('s2'));
  });
  cluster.api.loseEvents(() => {
    cluster.api.delete(paths.services, 'shop/s1');
    cluster.api.put(paths.services, service('s2', 81));
    cluster.api.put(paths.services, service('s3'));
  });
  cluster.api.put(paths.services, service('s4'));
  // So that no watch ends and is resumed from before what was lost.
  await cluster.pass(700_000, 5_000);
  t.is(cluster.state('services').restarts.drift, 1);
  t.deepEqual(cluster.effect.keys(), ['Service shop/s2', 'Service shop/s3', 'Service shop/s4']);
  await cluster.pass(1_500_000, 10_000);
  t.is(cluster.state('services').restarts.drift, 1);
  cluster.stop();
});

test('the more agents there are the less often each compares', async (t) => {
  const comparisons = async (nodes: number): Promise<number> => {
    const cluster = await running(({ api }) => {
      for (let node = 0; node < nodes; node++) api.put(paths.nodes, { metadata: { name: `n${node}` } });
    });
    await cluster.pass(7_200_000, 20_000);
    cluster.stop();
    return cluster.asked(paths.services, 'resourceVersionMatch').filter((asked) => asked === 'NotOlderThan').length - 1;
  };
  t.is(await comparisons(3), 12);
  // The first was due before it was known how many there are.
  t.is(await comparisons(3_000), 3);
});

test('an empty list of a confused server is found out before a mass deletion is believed', async (t) => {
  for (const minor of ['36', '31']) {
    const cluster = await running(({ api }) => {
      api.minor = minor;
      for (let index = 0; index < 10; index++) api.put(paths.services, service(`s${index}`));
    });
    const { api } = cluster;
    api.empty.add(paths.services);
    api.cut();
    api.put(paths.services, service('s0', 81));
    api.compact();
    await cluster.pass(2_000, 500);
    t.is(cluster.effect.keys('Service').length, 0);
    api.empty.delete(paths.services);
    await cluster.pass(15_000, 500);
    t.is(cluster.effect.keys('Service').length, 10);
    t.is(cluster.state('services').restarts.drift, 1);
    cluster.stop();
  }
});

test('a server that was set back is listed anew, also where its versions come again', async (t) => {
  const cluster = await running(({ api }) => {
    api.put(paths.services, service('s1', 80));
  });
  const { resourceVersion } = cluster.api.object(paths.services, 'shop/s1')!.metadata;
  cluster.api.setBack(2);
  while (cluster.api.revision < Number(resourceVersion) - 1) cluster.api.put(paths.nodes, { metadata: { name: 'n' } });
  cluster.api.put(paths.services, service('s1', 443));
  t.is(cluster.api.object(paths.services, 'shop/s1')!.metadata.resourceVersion, resourceVersion);
  cluster.api.revision--;
  await cluster.pass(60_000, 1_000);
  const found = cluster.effect.objects.get('Service shop/s1');
  t.is(found?.kind === 'Service' ? found.ports[0]?.port : 0, 443);
  t.deepEqual(cluster.effect.removed, []);
  cluster.stop();
});

test('a Pod of this node is whole, of another known by its labels, and goes from one to the other', async (t) => {
  const cluster = await running(({ api }) => {
    api.put(paths.pods, pod('mine', 'here', { uid: 'uid-mine' }));
    api.put(paths.pods, pod('theirs', 'there'));
  });
  const find = (name: string) => {
    const object = cluster.effect.objects.get(`Pod shop/${name}`);
    return object?.kind === 'Pod' ? object : undefined;
  };
  t.like(find('mine'), { uid: 'uid-mine', node: 'here', addresses: ['10.1.0.1'] });
  t.like(find('theirs'), { uid: '', node: '', addresses: [] });
  t.deepEqual(find('theirs')?.meta.labels, { app: 'theirs' });
  const { api } = cluster;
  api.put(paths.pods, pod('theirs', 'here', { uid: 'uid-theirs' }));
  await cluster.settle();
  t.like(find('theirs'), { uid: 'uid-theirs', node: 'here' });
  // Only the watch of this node loses it.
  api.put(paths.pods, pod('theirs', 'there', { uid: 'uid-theirs' }));
  await cluster.settle();
  t.like(find('theirs'), { uid: '', node: '' });
  t.deepEqual(cluster.effect.removed, []);
  api.delete(paths.pods, 'shop/mine');
  api.delete(paths.pods, 'shop/theirs');
  await cluster.settle();
  t.deepEqual(cluster.effect.keys(), []);
  cluster.stop();
});

test('a Pod’s own word on where it lives is not believed; a static Pod is found by its manifest’s hash', async (t) => {
  const hash = '0123456789abcdef0123456789abcdef';
  const mirror = { 'kubernetes.io/config.mirror': hash, 'kubernetes.io/config.hash': hash };
  const claim = {
    'kubernetes.io/config.mirror': 'x',
    'kubernetes.io/config.hash': '50473f5f-5583-42e5-a74e-ce20a6e78cfd',
  };
  const cluster = await running(({ api }) => {
    api.put(paths.pods, pod('sly', 'here', { annotations: { 'weft.dev/netns': 'other', 'weft.dev/cgroup': '/x' } }));
    api.put(paths.pods, pod('static', 'here', { uid: 'uid-mirror', annotations: mirror }));
    api.put(paths.pods, pod('claimant', 'here', { uid: 'uid-claimant', annotations: claim }));
  });
  t.like(cluster.effect.objects.get('Pod shop/sly'), { netns: '', cgroup: '' });
  t.like(cluster.effect.objects.get('Pod shop/static'), { uid: hash });
  t.like(cluster.effect.objects.get('Pod shop/claimant'), { uid: 'uid-claimant' });
  t.deepEqual(
    cluster.problems.map(({ code, path, resource }) => `${code} ${resource} ${path}`),
    [
      'WEFT0314 Pod shop/sly metadata.annotations["weft.dev/cgroup"]',
      'WEFT0314 Pod shop/sly metadata.annotations["weft.dev/netns"]',
    ],
  );
  cluster.stop();
});

test('a Pod whose mesh label says nothing known is there all the same, and that is told once', async (t) => {
  const cluster = await running(({ api }) => {
    api.put(paths.pods, pod('ours', 'here', { labels: { app: 'shop', 'weft.dev/mesh': 'on' } }));
    api.put(paths.pods, pod('theirs', 'there', { labels: { app: 'shop', 'weft.dev/mesh': 'true' } }));
  });
  const told = () => cluster.problems.map(({ code, path, resource }) => `${code} ${resource} ${path}`);
  const path = 'metadata.labels["weft.dev/mesh"]';
  t.deepEqual(told(), [`WEFT0216 Pod shop/ours ${path}`, `WEFT0216 Pod shop/theirs ${path}`]);
  for (const name of ['ours', 'theirs']) {
    t.like(cluster.effect.objects.get(`Pod shop/${name}`), { mesh: undefined, meta: { labels: { app: 'shop' } } });
  }
  cluster.api.put(paths.pods, pod('ours', 'here', { labels: { app: 'shop', 'weft.dev/mesh': 'enabled' } }));
  await cluster.settle();
  t.like(cluster.effect.objects.get('Pod shop/ours'), { mesh: 'enabled' });
  t.deepEqual(told(), [`WEFT0216 Pod shop/theirs ${path}`]);
  cluster.api.put(paths.pods, pod('ours', 'here', { labels: { app: 'other', 'weft.dev/mesh': 'onn' } }));
  await cluster.settle();
  t.like(cluster.effect.objects.get('Pod shop/ours'), { mesh: undefined, meta: { labels: { app: 'other' } } });
  t.is(told().length, 2);
  cluster.stop();
});

test('an invalid object keeps its last valid version, unless it is another object of the name', async (t) => {
  const cluster = await running(({ api }) => {
    api.put(paths.virtualServices, virtualService('shop', ['first']));
    api.put(paths.virtualServices, virtualService('new', [7]));
  });
  const hosts = () => {
    const object = cluster.effect.objects.get('VirtualService shop/shop');
    return object?.kind === 'VirtualService' ? object.hosts : undefined;
  };
  const { api } = cluster;
  t.deepEqual(cluster.effect.keys(), ['VirtualService shop/shop']);
  t.deepEqual(
    cluster.problems.map(({ resource }) => resource),
    ['VirtualService shop/new'],
  );
  const before = hosts();
  api.put(paths.virtualServices, virtualService('shop', [7]));
  await cluster.settle();
  t.deepEqual(hosts(), before);
  t.regex(
    cluster.shown().join('\n'),
    /^https:\/\/model:443\/apis\/networking\.istio\.io\/v1\/virtualservices:0:0 ERROR \[WEFT02\d\d\] VirtualService shop\/shop spec\.hosts/m,
  );
  // Through a list too.
  api.cut();
  api.compact();
  await cluster.pass(5_000);
  t.deepEqual(hosts(), before);
  api.cut();
  api.delete(paths.virtualServices, 'shop/shop');
  api.put(paths.virtualServices, virtualService('shop', [8]));
  api.compact();
  await cluster.pass(10_000);
  t.is(hosts(), undefined);
  cluster.stop();
});

test('a change of what nobody reads is no change', async (t) => {
  const cluster = await running(({ api }) => {
    api.put(paths.services, service('s1'));
  });
  const { length } = cluster.effect.batches;
  cluster.api.put(paths.services, { ...service('s1'), status: { loadBalancer: {} } });
  await cluster.settle();
  t.is(cluster.state('services').events.modified, 1);
  t.is(cluster.effect.batches.length, length);
  cluster.stop();
});

test('a line that is no event is told of, and leads to a list', async (t) => {
  const cluster = await running(({ api }) => {
    api.put(paths.services, service('s1'));
  });
  for (const line of ['{"type":"ADD', '7', '{"type":"ADDED","object":null}', '\u0000']) {
    cluster.api.say(paths.services, line);
    await cluster.settle();
    t.regex(cluster.state('services').trouble, /^watch cannot be understood: a line of the watch is no/);
    await cluster.pass(31_000, 1_000);
    t.is(cluster.state('services').trouble, '');
  }
  t.is(cluster.state('services').restarts.failed, 4);
  t.deepEqual(cluster.effect.removed, []);
  // What is an event, but of a type or an object that nobody knows, is passed over.
  for (const line of [
    '{"type":"SNEEZED","object":{}}',
    '{"type":"ADDED","object":{}}',
    '{"type":"DELETED","object":{}}',
  ]) {
    cluster.api.say(paths.services, line);
  }
  cluster.api.put(paths.services, service('s2'));
  await cluster.settle();
  t.deepEqual(cluster.effect.keys(), ['Service shop/s1', 'Service shop/s2']);
  t.is(cluster.state('services').events.unknown, 1);
  t.is(cluster.state('services').events.sneezed, undefined);
  t.is(cluster.state('services').restarts.failed, 4);
  cluster.stop();
});

test('a list that breaks off, and watches that break again and again, are told of', async (t) => {
  const cluster = new Cluster();
  installAll(cluster.api);
  cluster.api.put(paths.services, service('s1'));
  cluster.api.breakLists = true;
  await cluster.start();
  t.false(cluster.hasSynced);
  t.regex(cluster.state('services').trouble, /the API server does not answer: the connection was reset/);
  cluster.api.breakLists = false;
  await cluster.pass(2_000);
  t.true(cluster.hasSynced);
  const troubles: string[] = [];
  for (let cut = 0; cut < 4; cut++) {
    while (cluster.api.watches(paths.services) === 0) await cluster.pass(500, 500);
    cluster.api.cut(paths.services);
    await cluster.settle();
    troubles.push(cluster.state('services').trouble);
  }
  t.deepEqual(troubles.slice(0, 2), ['', '']);
  t.regex(troubles[3]!, /connection was reset/);
  await cluster.pass(45_000);
  t.is(cluster.state('services').trouble, '');
  cluster.stop();
});

test('nothing is called after stop', async (t) => {
  const cluster = await running(({ api }) => {
    api.put(paths.services, service('s1'));
  });
  cluster.stop();
  const { length } = cluster.effect.batches;
  const { length: requests } = cluster.api.requests;
  cluster.api.put(paths.services, service('s2'));
  await cluster.pass(1_000_000, 50_000);
  t.is(cluster.effect.batches.length, length);
  t.is(cluster.api.requests.length, requests);
});

test('a bookmark older than the watch says that the server was set back', async (t) => {
  const cluster = await running(({ api }) => {
    api.put(paths.services, service('s1'));
    api.put(paths.services, service('s2'));
  });
  cluster.api.loseEvents(() => cluster.api.delete(paths.services, 'shop/s2'));
  cluster.api.say(paths.services, '{"type":"BOOKMARK","object":{"metadata":{"resourceVersion":"9"}}}');
  await cluster.settle();
  t.is(cluster.state('services').restarts.expired, 1);
  t.deepEqual(cluster.effect.keys(), ['Service shop/s1']);
  cluster.stop();
});

test('a server that repeats one event and ends the watch is not asked again at once, for ever', async (t) => {
  const cluster = await running(({ api }) => {
    api.put(paths.services, service('s1'));
  });
  const object = cluster.api.object(paths.services, 'shop/s1');
  for (let watch = 0; watch < 10; watch++) {
    cluster.api.say(paths.services, JSON.stringify({ type: 'MODIFIED', object }));
    cluster.api.end(paths.services);
    await cluster.settle();
  }
  t.is(cluster.api.watches(paths.services), 0);
  t.true((cluster.state('services').restarts.ended ?? 0) <= 2);
  await cluster.pass(2_000);
  t.is(cluster.api.watches(paths.services), 1);
  t.is(cluster.state('services').trouble, '');
  cluster.stop();
});

test('a server that ends every watch at once is told of, until one lasts', async (t) => {
  const cluster = await running(({ api }) => {
    api.put(paths.services, service('s1'));
  });
  const troubles: string[] = [];
  for (let ended = 0; ended < 5; ended++) {
    while (cluster.api.watches(paths.services) === 0) await cluster.pass(500, 500);
    troubles.push(cluster.state('services').trouble);
    cluster.api.end(paths.services);
    await cluster.settle();
  }
  const told = 'the API server ends every watch at once';
  t.deepEqual(troubles, ['', '', '', told, told], 'also while the next one begins');
  t.is(cluster.logged.filter((message) => message === 'the API server is not followed').length, 1);
  await cluster.pass(45_000);
  t.is(cluster.state('services').trouble, '');
  cluster.stop();
});
