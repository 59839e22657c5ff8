import test from 'ava';
import type { MeshObject } from '../../agent/model/mesh.js';
import { Versions } from '../../agent/model/versions.js';
import { parsed, rawService } from './objects.js';

function service(file: string, address: string, document = 0): MeshObject {
  return parsed('Service', rawService({ clusterIP: address }), { file, document, item: -1 });
}

test('the first file in order has an object; when it goes, the next one has', (t) => {
  const versions = new Versions();
  const b = service('b.yaml', '10.96.0.2');
  const a = service('a.yaml', '10.96.0.1');
  t.deepEqual(versions.replace('b.yaml', [b]), [{ type: 'put', object: b }]);
  t.deepEqual(versions.replace('a.yaml', [a]), [{ type: 'put', object: a }]);
  t.deepEqual(versions.shadowed(), [{ object: b, winner: a }]);
  t.deepEqual(versions.replace('b.yaml', [service('b.yaml', '10.96.0.3')]), []);
  t.deepEqual(versions.replace('a.yaml', []), [{ type: 'put', object: service('b.yaml', '10.96.0.3') }]);
  t.deepEqual(versions.replace('b.yaml', []), [{ type: 'remove', kind: 'Service', key: 'default/web' }]);
  t.deepEqual(versions.shadowed(), []);
});

test('in one file the first document counts', (t) => {
  const versions = new Versions();
  const [first, second] = [service('a.yaml', '10.96.0.1'), service('a.yaml', '10.96.0.2', 1)];
  t.deepEqual(versions.replace('a.yaml', [first, second]), [{ type: 'put', object: first }]);
  t.deepEqual(versions.shadowed(), [{ object: second, winner: first }]);
});

test('equal objects are no change', (t) => {
  const versions = new Versions();
  versions.replace('a.yaml', [service('a.yaml', '10.96.0.1')]);
  t.deepEqual(versions.replace('a.yaml', [service('a.yaml', '10.96.0.1')]), []);
});
