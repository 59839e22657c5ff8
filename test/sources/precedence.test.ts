import test from 'ava';
import fc from 'fast-check';
import type { Change, MeshObject } from '../../agent/model/mesh.js';
import { showProblem } from '../../agent/model/problem.js';
import { Precedence } from '../../agent/sources/precedence.js';

type Source = 'files' | 'kubernetes';

const files: Record<Source, string> = { files: 'mesh/shop.yaml', kubernetes: 'https://api:443/api/v1/namespaces' };

function namespace(name: string, source: Source, created = 0): MeshObject {
  const origin = { file: files[source], document: 2, item: -1 };
  const meta = { namespace: '', name, labels: {}, annotations: {}, created, generation: 0, origin };
  return { kind: 'Namespace', meta, mesh: undefined };
}

const put = (object: MeshObject): Change => ({ type: 'put', object });
const remove = (name: string): Change => ({ type: 'remove', kind: 'Namespace', key: `/${name}` });

test('an object that both define is the directory’s, and goes back to the API server’s', (t) => {
  const precedence = new Precedence();
  const [file, api] = [namespace('shop', 'files'), namespace('shop', 'kubernetes')];
  t.deepEqual(precedence.take('kubernetes', [put(api)]), [put(api)]);
  t.deepEqual(precedence.take('files', [put(file)]), [put(file)]);
  t.deepEqual(precedence.problems().map(showProblem), [
    'https://api:443/api/v1/namespaces:0:0 ERROR [WEFT0501] Namespace shop metadata.name: is also defined in mesh/shop.yaml (document 3), which is in effect (remove or rename one of the two)',
  ]);
  const newer = namespace('shop', 'kubernetes', 7);
  t.deepEqual(precedence.take('kubernetes', [put(newer)]), []);
  t.deepEqual(precedence.take('files', [remove('shop')]), [put(newer)]);
  t.deepEqual(precedence.problems(), []);
  t.deepEqual(precedence.take('kubernetes', [remove('shop')]), [remove('shop')]);
});

test('what the API server removes stays while a directory has it', (t) => {
  const precedence = new Precedence();
  const file = namespace('shop', 'files');
  precedence.take('files', [put(file)]);
  t.deepEqual(precedence.take('kubernetes', [put(namespace('shop', 'kubernetes'))]), []);
  t.deepEqual(precedence.take('kubernetes', [remove('shop')]), []);
  t.deepEqual(precedence.problems(), []);
  t.deepEqual(precedence.take('files', [remove('shop')]), [remove('shop')]);
});

test('whatever comes in whatever order, in effect is the directory’s version, else the API server’s', (t) => {
  const step = fc.record({
    source: fc.constantFrom<Source>('files', 'kubernetes'),
    name: fc.constantFrom('a', 'b', 'c'),
    created: fc.option(fc.integer({ min: 1, max: 9 }), { nil: undefined }),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
      const precedence = new Precedence();
      const had: Record<Source, Map<string, MeshObject>> = { files: new Map(), kubernetes: new Map() };
      const effect = new Map<string, MeshObject>();
      for (const { created, name, source } of steps) {
        const object = created === undefined ? undefined : namespace(name, source, created);
        if (object === undefined && !had[source].delete(name)) continue;
        if (object !== undefined) had[source].set(name, object);
        for (const change of precedence.take(source, [object === undefined ? remove(name) : put(object)])) {
          if (change.type === 'put') effect.set(change.object.meta.name, change.object);
          else effect.delete(change.key.slice(1));
        }
        for (const each of ['a', 'b', 'c']) {
          if (effect.get(each) !== (had.files.get(each) ?? had.kubernetes.get(each))) throw new Error(each);
        }
        const both = [...had.files.keys()].filter((each) => had.kubernetes.has(each)).length;
        if (precedence.problems().length !== both) throw new Error('problems');
      }
    }),
    { numRuns: 300, includeErrorInReport: true },
  );
  t.pass();
});
