import test from 'ava';
import { Brake } from '../../agent/model/brake.js';
import { Catalog } from '../../agent/model/catalog.js';
import { type Change, type Kind, keyOf, type MeshObject } from '../../agent/model/mesh.js';
import { parsed, rawPod, rawService, rawSlice } from './objects.js';

function service(name: string): MeshObject {
  return parsed('Service', { ...rawService({ selector: { app: name } }), metadata: { name } });
}

function pod(name: string, app: string): MeshObject {
  const annotations = { 'weft.dev/netns': name };
  return parsed('Pod', rawPod(name, { app }, { podIP: '10.1.0.1' }, { annotations }));
}

function slice(name: string, of: string, ...addresses: string[]): MeshObject {
  return parsed('EndpointSlice', rawSlice({ endpoints: addresses.map((each) => ({ addresses: [each] })) }, name, of));
}

const five = ['10.1.0.1', '10.1.0.2', '10.1.0.3', '10.1.0.4', '10.1.0.5'];

/** A brake with its catalog, told about changes at times of its own clock. */
class Wheel {
  readonly catalog: Catalog = new Catalog();
  readonly #brake = new Brake({ enrolled: (each, catalog) => catalog.isMeshed(each) });
  held: string[] = [];
  wakeAt: number | undefined;

  at(seconds: number, ...changes: Change[]): this {
    const { apply, held, wakeAt } = this.#brake.filter(changes, this.catalog, seconds * 1000);
    this.catalog.apply(apply);
    this.held = held.map(({ kind, key }) => `${kind} ${key}`).sort();
    this.wakeAt = wakeAt;
    return this;
  }

  has(kind: Kind, name: string): boolean {
    return this.catalog.object(kind, kind === 'Node' ? `/${name}` : `default/${name}`) !== undefined;
  }

  addresses(name: string): string[] {
    return this.catalog.slice(`default/${name}`)?.endpoints.map(({ address }) => address) ?? [];
  }
}

function put(...objects: MeshObject[]): Change[] {
  return objects.map((object) => ({ type: 'put', object }));
}

function remove(...objects: MeshObject[]): Change[] {
  return objects.map((object) => ({ type: 'remove', kind: object.kind, key: keyOf(object) }));
}

const services = ['a', 'b', 'c', 'd'].map(service);

test('all Services gone at once are held, and believed 30 s later', (t) => {
  const wheel = new Wheel().at(0, ...put(...services)).at(60, ...remove(...services));
  t.is(wheel.held.length, 4);
  t.is(wheel.wakeAt, 90_000);
  t.is(wheel.at(89.9).catalog.serviceCount, 4);
  t.is(wheel.at(90).catalog.serviceCount, 0);
  t.deepEqual([wheel.held, wheel.wakeAt], [[], undefined]);
});

test('also right after they came', (t) => {
  t.is(new Wheel().at(0, ...put(...services)).at(1, ...remove(...services)).held.length, 4);
});

test('half of them is no mass deletion', (t) => {
  const wheel = new Wheel().at(0, ...put(...services)).at(60, ...remove(...services.slice(0, 2)));
  t.deepEqual(wheel.held, []);
  t.is(wheel.catalog.serviceCount, 2);
});

test('two of two are too few to be one', (t) => {
  const two = services.slice(0, 2);
  t.is(new Wheel().at(0, ...put(...two)).at(60, ...remove(...two)).catalog.serviceCount, 0);
});

test('a deletion in pieces: what went a moment ago is put back', (t) => {
  const wheel = new Wheel().at(0, ...put(...services));
  for (const [index, each] of services.entries()) wheel.at(60 + index * 0.1, ...remove(each));
  t.is(wheel.held.length, 4);
  t.is(wheel.catalog.serviceCount, 4);
});

test('a slow deletion: what went earlier stays gone, the rest is held', (t) => {
  const wheel = new Wheel().at(0, ...put(...services));
  for (const [index, each] of services.entries()) wheel.at(60 + index * 3, ...remove(each));
  t.deepEqual(wheel.held, ['Service default/c', 'Service default/d']);
  t.is(wheel.catalog.serviceCount, 2);
});

test('a very slow deletion is none', (t) => {
  const wheel = new Wheel().at(0, ...put(...services));
  for (const [index, each] of services.entries()) wheel.at(60 + index * 11, ...remove(each));
  t.is(wheel.catalog.serviceCount, 0);
});

test('what comes back is no longer held, and can change at once', (t) => {
  const wheel = new Wheel()
    .at(0, ...put(...services))
    .at(60, ...remove(...services))
    .at(65, ...put(...services.slice(0, 3)));
  t.deepEqual(wheel.held, ['Service default/d']);
  t.is(wheel.at(90).catalog.serviceCount, 3);
});

test('a renewed removal keeps the time of the first', (t) => {
  const wheel = new Wheel()
    .at(0, ...put(...services))
    .at(60, ...remove(...services))
    .at(70, ...remove(...services));
  t.is(wheel.wakeAt, 90_000);
  t.is(wheel.at(90).catalog.serviceCount, 0);
});

test('a slice that shrinks by more than half keeps all its endpoints for 30 s', (t) => {
  const wheel = new Wheel()
    .at(0, ...put(service('a'), slice('s', 'a', ...five)))
    .at(60, ...put(slice('s', 'a', five[0]!)));
  t.deepEqual(wheel.held, ['EndpointSlice default/s']);
  t.deepEqual(wheel.addresses('s'), five);
  t.deepEqual(wheel.at(90).addresses('s'), [five[0]!]);
});

test('a slice whose endpoints come back is as it is written', (t) => {
  const wheel = new Wheel()
    .at(0, ...put(service('a'), slice('s', 'a', ...five)))
    .at(60, ...put(slice('s', 'a', five[0]!)));
  t.deepEqual(wheel.at(61, ...put(slice('s', 'a', ...five, '10.1.0.6'))).addresses('s'), [...five, '10.1.0.6']);
  t.deepEqual(wheel.held, []);
});

test('endpoints that move to another slice are not lost, whichever is told first', (t) => {
  for (const order of [0, 1]) {
    const wheel = new Wheel().at(0, ...put(service('a'), slice('s', 'a', ...five)));
    const moved = [...remove(slice('s', 'a')), ...put(slice('r', 'a', ...five))];
    wheel.at(60, ...(order === 0 ? moved : moved.toReversed()));
    t.deepEqual(wheel.held, []);
    t.deepEqual([wheel.addresses('s'), wheel.addresses('r')], [[], five]);
  }
});

test('endpoints that are replaced by as many others are a roll-out', (t) => {
  const next = five.map((address) => address.replace('10.1', '10.2'));
  const wheel = new Wheel()
    .at(0, ...put(service('a'), slice('s', 'a', ...five)))
    .at(60, ...put(slice('s', 'a', ...next)));
  t.deepEqual(wheel.addresses('s'), next);
});

test('Pods count as backends of the Services that select them, and as enrolled', (t) => {
  const pods = ['p', 'q', 'r'].map((name) => pod(name, 'a'));
  const wheel = new Wheel().at(0, ...put(service('a'), ...pods)).at(60, ...remove(...pods));
  t.is(wheel.held.length, 3);
  t.true(wheel.has('Pod', 'p'));
});

test('kinds and files together: with most Services everything that vanished with them is held', (t) => {
  const node = parsed('Node', { apiVersion: 'v1', kind: 'Node', metadata: { name: 'n' } });
  const all = [...services, pod('p', 'a'), node, slice('s', 'b', five[0]!)];
  const wheel = new Wheel().at(0, ...put(...all)).at(60, ...remove(...all));
  t.is(wheel.held.length, all.length);
  t.true(wheel.has('Node', 'n') && wheel.has('Pod', 'p') && wheel.has('EndpointSlice', 's'));
});

test('while something is held the rest goes on', (t) => {
  const wheel = new Wheel().at(0, ...put(...services, service('e'))).at(60, ...remove(...services));
  wheel.at(61, ...put(slice('s', 'e', ...five)), ...put(service('f')));
  t.deepEqual([wheel.addresses('s'), wheel.has('Service', 'f')], [five, true]);
  t.deepEqual(wheel.at(62, ...remove(slice('s', 'e'))).held.includes('EndpointSlice default/s'), true);
});

test('nothing to brake before there is anything', (t) => {
  t.deepEqual(new Wheel().at(0, ...remove(...services)).held, []);
});

test('one endpoint of 10 000 costs far less than a millisecond', (t) => {
  const many = Array.from({ length: 10_000 }, (_, index) => `10.2.${index >> 8}.${index & 255}`);
  const wheel = new Wheel().at(0, ...put(service('a'), slice('s', 'a', ...five), slice('big', 'a', ...many)));
  const took = Array.from({ length: 101 }, (_, index) => {
    const start = performance.now();
    wheel.at(60, ...put(slice('s', 'a', ...five.slice(index % 2))));
    return performance.now() - start;
  });
  t.true(took.sort((a, b) => a - b)[50]! < 1, `median ${took[50]} ms`);
  t.deepEqual(wheel.held, []);
});

/** As an API server gives it: whole where it is of this node, else by its metadata. */
function ofServer(name: string, node: string): MeshObject {
  const addresses = node === '' ? [] : ['10.1.0.1'];
  return { ...parsed('Pod', rawPod(name, {}, {})), uid: `uid-${name}`, node, addresses };
}

const enrolling = parsed('Namespace', {
  apiVersion: 'v1',
  kind: 'Namespace',
  metadata: { name: 'default', labels: { 'weft.dev/mesh': 'enabled' } },
});

function enrolled(wheel: Wheel): number {
  return [...wheel.catalog.pods()].filter((each) => wheel.catalog.isMeshed(each)).length;
}

const names = ['a', 'b', 'c', 'd'];
const here = names.map((name) => ofServer(name, 'n1'));

test('a Namespace that vanishes does not take its Pods out of the mesh at once; one that loses its label does', (t) => {
  const wheel = new Wheel().at(0, ...put(enrolling, ...here)).at(60, ...remove(enrolling));
  t.deepEqual([wheel.held, enrolled(wheel)], [['Namespace /default'], 4]);
  t.deepEqual([wheel.at(70, ...put(enrolling)).held, enrolled(wheel)], [[], 4]);
  t.deepEqual([wheel.at(80, ...remove(enrolling)).at(110).held, enrolled(wheel)], [[], 0]);

  const without = { ...enrolling, mesh: undefined };
  const live = new Wheel().at(0, ...put(enrolling, ...here)).at(60, ...put(without));
  t.deepEqual([live.held, enrolled(live)], [[], 0]);
});

test('Pods that vanish from the list of this node, and are still known by their metadata, are held', (t) => {
  const elsewhere = names.map((name) => ofServer(name, ''));
  const wheel = new Wheel().at(0, ...put(enrolling, ...here)).at(60, ...put(...elsewhere));
  t.deepEqual([wheel.held.length, enrolled(wheel)], [4, 4]);
  t.deepEqual([wheel.at(70, ...put(...here)).held, enrolled(wheel)], [[], 4]);
  t.is(enrolled(wheel.at(80, ...put(...elsewhere)).at(110)), 0);

  const one = new Wheel().at(0, ...put(enrolling, ...here)).at(60, ...put(ofServer('a', '')));
  t.deepEqual([one.held, enrolled(one)], [[], 3]);
});
