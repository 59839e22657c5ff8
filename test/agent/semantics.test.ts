import type { PodItem } from '../../agent/api/items.js';
import type { Problem } from '../../agent/model/problem.js';
import { kernelTest } from '../kernel-test.js';
import { destinationRule, endpointSlice, type Manifest, node, pod, service } from './objects.js';
import { eventually, prompt, Site } from './site.js';

interface Rule {
  readonly title: string;
  /** More of the Service's spec. */
  readonly spec?: Manifest;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly trafficPolicy?: Manifest;
  /** Backends by the last part of their addresses. */
  readonly pods: Readonly<Record<number, Partial<Parameters<typeof pod>[1]>>>;
  /** Those that 60 connections reach; none: refused. */
  readonly reached: readonly number[];
}

const here = { node: 'node-0' };
const there = { node: 'node-1' };
const sameZone = { node: 'node-2' };
const ending = { terminating: true };
const unready = { ready: false };

const rules: readonly Rule[] = [
  { title: 'ready Pods alone', pods: { 1: {}, 2: unready, 3: {} }, reached: [1, 3] },
  { title: 'no Pod at all', pods: {}, reached: [] },
  { title: 'nobody ready', pods: { 1: unready, 2: unready }, reached: [] },
  { title: 'terminating Pods when nobody is ready', pods: { 1: ending, 2: unready }, reached: [1] },
  { title: 'no terminating Pod while one is ready', pods: { 1: ending, 2: {} }, reached: [2] },
  {
    title: 'internalTrafficPolicy Local',
    spec: { internalTrafficPolicy: 'Local' },
    pods: { 1: here, 2: there },
    reached: [1],
  },
  { title: 'Local with nobody here', spec: { internalTrafficPolicy: 'Local' }, pods: { 1: there }, reached: [] },
  {
    title: 'PreferSameZone',
    spec: { trafficDistribution: 'PreferSameZone' },
    pods: { 1: here, 2: there, 3: sameZone },
    reached: [1, 3],
  },
  {
    title: 'PreferSameZone with nobody in the zone',
    spec: { trafficDistribution: 'PreferSameZone' },
    pods: { 1: there, 2: there },
    reached: [1, 2],
  },
  {
    title: 'PreferSameNode',
    spec: { trafficDistribution: 'PreferSameNode' },
    pods: { 1: here, 2: sameZone, 3: there },
    reached: [1],
  },
  {
    title: 'publishNotReadyAddresses',
    spec: { publishNotReadyAddresses: true },
    pods: { 1: unready, 2: {} },
    reached: [1, 2],
  },
  {
    title: 'consistentHash by source',
    trafficPolicy: { loadBalancer: { consistentHash: { useSourceIp: true } } },
    pods: { 1: {} },
    reached: [1],
  },
  { title: 'a Pod of another label', pods: { 1: {}, 2: { app: 'other' } }, reached: [1] },
];

kernelTest('a Service reaches the backends that Kubernetes would choose', async (t) => {
  const site = Site.make(t, { options: ['--node', 'node-0'] });
  const house = site.house();
  const manifests = rules.flatMap(({ annotations = {}, pods, spec = {}, trafficPolicy }, index) => [
    service(`app-${index}`, { addresses: [`10.96.0.${index + 1}`], annotations, spec }),
    ...Object.entries(pods).map(([last, more]) =>
      pod(`app-${index}-${last}`, { app: `app-${index}`, addresses: [`10.1.${index}.${last}`], ...more }),
    ),
    ...(trafficPolicy === undefined ? [] : [destinationRule(`app-${index}`, trafficPolicy)]),
  ]);
  const nodes = [node('node-0', 'east'), node('node-1', 'west'), node('node-2', 'east')];
  const client = pod('client', { addresses: ['10.1.255.1'], netns: house.name, node: 'node-0' });
  site.write('mesh', [...nodes, ...manifests, client]);
  await site.agent.start();
  const caller = await site.caller(house);
  for (const [index, { reached, title }] of rules.entries()) {
    const places = Object.keys(await caller.count(60, `10.96.0.${index + 1}`)).sort();
    t.deepEqual(
      places,
      reached.length === 0 ? ['ECONNREFUSED'] : reached.map((each) => `10.1.${index}.${each}:8080`),
      title,
    );
  }
});

kernelTest('sessionAffinity, maxConnections, hairpin, headless and ExternalName Services', async (t) => {
  const site = Site.make(t);
  const houses = [site.house(), site.house()];
  const many = Array.from({ length: 8 }, (_, index) => `10.1.0.${index + 1}`);
  const slice = (name: string): Manifest =>
    endpointSlice(name, {
      service: name,
      ports: [{ name: 'main', port: 8080 }],
      endpoints: many.map((address) => ({ addresses: [address] })),
    });
  site.write('mesh', [
    service('sticky', { addresses: ['10.96.0.1'], spec: { sessionAffinity: 'ClientIP' } }),
    slice('sticky'),
    service('full', { addresses: ['10.96.0.2'] }),
    slice('full'),
    destinationRule('full', { connectionPool: { tcp: { maxConnections: 2 } } }),
    service('self', { addresses: ['10.96.0.3'] }),
    { ...service('headless', { addresses: ['None'] }) },
    slice('headless'),
    {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name: 'outside', namespace: 'default' },
      spec: { type: 'ExternalName', externalName: 'example.org' },
    },
    pod('client-0', { app: 'self', addresses: ['10.1.255.1'], netns: houses[0]!.name }),
    pod('client-1', { addresses: ['10.1.255.2'], netns: houses[1]!.name }),
  ]);
  await site.agent.start();
  t.deepEqual(await site.agent.items<Problem>('problems'), []);
  const callers = [await site.caller(houses[0]!), await site.caller(houses[1]!)];

  for (const caller of callers) t.is(Object.keys(await caller.count(50, '10.96.0.1')).length, 1);
  const [caller] = callers as [(typeof callers)[0], (typeof callers)[0]];
  await caller.keep(2, '10.96.0.2');
  for (const each of callers) t.is(await each.arrive('10.96.0.2'), 'ECONNREFUSED');
  await caller.letGo();
  t.is(Object.keys(await callers[1]!.count(200, '10.96.0.2')).length, many.length);
  t.deepEqual(await caller.count(5, '10.96.0.3'), { '10.1.255.1:8080': 5 });
  t.deepEqual(await caller.count(5, '10.1.0.1', 8080), { '10.1.0.1:8080': 5 });
  const routes = await site.agent.items<{ readonly service: string }>('routes');
  t.deepEqual([...new Set(routes.map((route) => route.service))], ['default/full', 'default/self', 'default/sticky']);
});

kernelTest(
  'a Pod is captured once its namespace is there, also when it is made again, and while it is enabled',
  async (t) => {
    const site = Site.make(t);
    const house = site.house();
    site.demolish(house);
    const client = (mesh?: string): Manifest =>
      pod('client', {
        addresses: ['10.1.255.1'],
        netns: house.name,
        labels: mesh === undefined ? {} : { 'weft.dev/mesh': mesh },
      });
    site.write('mesh', [
      service('web', { addresses: ['10.96.0.1'] }),
      pod('web-1', { app: 'web', addresses: ['10.1.0.1'] }),
    ]);
    site.write('client', [client()]);
    await site.agent.start();
    const codes = async (): Promise<readonly string[]> =>
      (await site.agent.items<Problem>('problems')).map(({ code }) => code);
    const captured = async (): Promise<boolean> =>
      (await site.agent.items<PodItem>('pods')).find((each) => each.pod === 'default/client')!.captured;
    await eventually(codes, (all) => all.includes('WEFT0603'));
    t.false(await captured());
    for (const turn of [1, 2]) {
      site.rebuild(house);
      const caller = await site.caller(house);
      await eventually(
        () => caller.arrive('10.96.0.1'),
        (place) => place === '10.1.0.1:8080',
      );
      t.true(await captured());
      t.deepEqual(await codes(), []);
      if (turn === 2) {
        for (const [label, place] of [
          ['disabled', '10.96.0.1:80'],
          ['enabled', '10.1.0.1:8080'],
        ] as const) {
          site.write('client', [client(label)]);
          const took = await eventually(
            () => caller.arrive('10.96.0.1'),
            (each) => each === place,
          );
          t.true(took < prompt, `${label} after ${took} ms`);
        }
      } else {
        await caller.kill();
        site.demolish(house);
        await eventually(captured, (is) => !is);
      }
    }
  },
);
