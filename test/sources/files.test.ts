import { execFileSync } from 'node:child_process';
import { mkdirSync, renameSync, rmSync, symlinkSync, truncateSync, unlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import type { Service } from '../../agent/model/mesh.js';
import { readManifests } from '../../agent/sources/files.js';
import { scratch, service, Watching } from './watching.js';

test('files of all forms, in all directories, but none that are hidden', async (t) => {
  const root = scratch(t);
  mkdirSync(join(root, 'deep/er'), { recursive: true });
  mkdirSync(join(root, '.git'));
  writeFileSync(join(root, 'a.yaml'), `${service('a')}---\n${service('b')}`);
  writeFileSync(
    join(root, 'deep/er/c.yml'),
    `kind: List\nitems:\n- {apiVersion: v1, kind: Service, metadata: {name: c}, spec: {clusterIP: None}}\n`,
  );
  const item = { metadata: { name: 'd' }, spec: { clusterIP: 'None' } };
  writeFileSync(join(root, 'd.json'), JSON.stringify({ apiVersion: 'v1', kind: 'ServiceList', items: [item] }));
  writeFileSync(join(root, '.git/x.yaml'), service('x'));
  writeFileSync(join(root, '.y.yaml'), service('y'));
  writeFileSync(join(root, 'readme.txt'), 'no manifest');
  const { objects, problems } = await readManifests([root]);
  t.deepEqual(
    objects.map(({ meta }) => `${meta.name} ${meta.origin.document} ${meta.origin.item}`),
    ['a 0 -1', 'b 1 -1', 'd 0 0', 'c 0 0'],
  );
  t.deepEqual(problems, []);
  const watching = new Watching(t, root);
  await watching.files.synced;
  t.deepEqual(watching.names, ['a', 'b', 'c', 'd']);
});

test('files that come, change by rename or in place, and go', async (t) => {
  const root = scratch(t);
  const watching = new Watching(t, root);
  await watching.files.synced;
  writeFileSync(join(root, 'a.yaml'), service('a'));
  await watching.untilNames('a');
  writeFileSync(join(root, 'draft'), service('a', '10.96.0.2'));
  renameSync(join(root, 'draft'), join(root, 'a.yaml'));
  const address = () => (watching.objects.get('Service default/a') as Service | undefined)?.addresses[0];
  await watching.until(() => address() === '10.96.0.2');
  writeFileSync(join(root, 'a.yaml'), service('a', '10.96.0.3'));
  await watching.until(() => address() === '10.96.0.3');
  mkdirSync(join(root, 'new'));
  renameSync(join(root, 'a.yaml'), join(root, 'new/b.yaml'));
  writeFileSync(join(root, 'new/c.yaml'), service('c'));
  await watching.untilNames('a', 'c');
  unlinkSync(join(root, 'new/b.yaml'));
  await watching.untilNames('c');
  t.deepEqual(watching.problems, []);
});

test.serial('a change is told within 500 ms', async (t) => {
  const root = scratch(t);
  writeFileSync(join(root, 'a.yaml'), service('a'));
  const watching = new Watching(t, root);
  await watching.files.synced;
  const took: number[] = [];
  for (let each = 0; each < 21; each++) {
    const [path, isThere] = [join(root, 'b.yaml'), each % 2 === 0];
    const began = performance.now();
    if (isThere) writeFileSync(path, service('b'));
    else unlinkSync(path);
    await watching.until(() => watching.names.includes('b') === isThere);
    took.push(performance.now() - began);
  }
  took.sort((a, b) => a - b);
  t.true(took[10]! < 500, `the median of ${took}`);
  t.true(took[20]! < 2_500, `one may be slow once on a busy machine: ${took}`);
});

test('the links of a ConfigMap that is swapped', async (t) => {
  const root = scratch(t);
  const version = (name: string, address: string) => {
    mkdirSync(join(root, name));
    writeFileSync(join(root, name, 'a.yaml'), service('a', address));
  };
  version('..1', '10.96.0.1');
  symlinkSync('..1', join(root, '..data'));
  symlinkSync('..data/a.yaml', join(root, 'a.yaml'));
  const watching = new Watching(t, root);
  await watching.files.synced;
  t.deepEqual(watching.names, ['a']);
  version('..2', '10.96.0.2');
  symlinkSync('..2', join(root, '..data_tmp'));
  renameSync(join(root, '..data_tmp'), join(root, '..data'));
  await watching.until(() => (watching.objects.get('Service default/a') as Service).addresses[0] === '10.96.0.2');
  t.deepEqual(watching.problems, []);
});

test('links to elsewhere are followed, also when they are swapped where nobody looks', async (t) => {
  const [root, elsewhere] = [scratch(t), scratch(t)];
  mkdirSync(join(elsewhere, 'one'));
  mkdirSync(join(elsewhere, 'two'));
  writeFileSync(join(elsewhere, 'one/a.yaml'), service('a'));
  writeFileSync(join(elsewhere, 'two/b.yaml'), service('b'));
  symlinkSync('one', join(elsewhere, 'now'));
  symlinkSync(join(elsewhere, 'now'), join(root, 'linked'));
  const watching = new Watching(t, root);
  await watching.files.synced;
  t.deepEqual(watching.names, ['a']);
  symlinkSync('two', join(elsewhere, 'next'));
  renameSync(join(elsewhere, 'next'), join(elsewhere, 'now'));
  await watching.untilNames('b');
});

test('a link that leads back into its own tree', async (t) => {
  const root = scratch(t);
  writeFileSync(join(root, 'a.yaml'), service('a'));
  symlinkSync('.', join(root, 'again'));
  const { objects, problems } = await readManifests([root]);
  t.is(objects.length, 1);
  t.deepEqual(
    problems.map(({ code }) => code),
    ['WEFT0111'],
  );
});

test('a file that cannot be parsed keeps its objects, and is taken when it can', async (t) => {
  const root = scratch(t);
  const path = join(root, 'a.yaml');
  writeFileSync(path, `${service('a')}---\n${service('b')}`);
  const watching = new Watching(t, root);
  await watching.files.synced;
  writeFileSync(path, `${service('c')}---\na: [1\n`);
  await watching.untilCodes('WEFT0101 7:1');
  t.deepEqual(watching.names, ['a', 'b']);
  writeFileSync(path, `${service('c')}---\na: 1\na: 2\n`);
  await watching.untilCodes('WEFT0102 7:1');
  t.deepEqual(watching.names, ['a', 'b']);
  writeFileSync(path, service('c'));
  await watching.untilNames('c');
  await watching.untilCodes();
  t.pass();
});

test('an invalid object keeps its last valid version, the others of its file change', async (t) => {
  const root = scratch(t);
  const path = join(root, 'a.yaml');
  writeFileSync(path, `${service('a')}---\n${service('b')}`);
  const watching = new Watching(t, root);
  await watching.files.synced;
  writeFileSync(path, `${service('a').replace('80', '-80')}---\n${service('b', '10.96.0.9')}`);
  await watching.untilCodes('WEFT0207 4:39');
  t.deepEqual(watching.names, ['a', 'b']);
  t.deepEqual((watching.objects.get('Service default/b') as Service).addresses, ['10.96.0.9']);
  writeFileSync(path, `${service('').replace('{name: }', '{}')}---\n${service('b', '10.96.0.9')}`);
  await watching.untilCodes('WEFT0203 3:1');
  t.deepEqual(watching.names, ['a', 'b']);
  writeFileSync(path, service('b'));
  await watching.untilNames('b');
});

test('one object in two files: the first file has it, the other takes over', async (t) => {
  const root = scratch(t);
  writeFileSync(join(root, 'a.yaml'), service('a', '10.96.0.1'));
  writeFileSync(join(root, 'b.yaml'), `# later\n${service('a', '10.96.0.2')}`);
  const watching = new Watching(t, root);
  await watching.files.synced;
  await watching.untilCodes('WEFT0501 4:12');
  t.is(watching.problems[0]?.file, join(root, 'b.yaml'));
  t.deepEqual((watching.objects.get('Service default/a') as Service).addresses, ['10.96.0.1']);
  unlinkSync(join(root, 'a.yaml'));
  await watching.until(() => (watching.objects.get('Service default/a') as Service).addresses[0] === '10.96.0.2');
  await watching.untilCodes();
});

test('a directory that disappears keeps everything and is seen when it returns', async (t) => {
  const root = join(scratch(t), 'manifests');
  mkdirSync(join(root, 'sub'), { recursive: true });
  writeFileSync(join(root, 'sub/a.yaml'), service('a'));
  const watching = new Watching(t, root);
  await watching.files.synced;
  rmSync(root, { recursive: true });
  await watching.untilCodes('WEFT0108 0:0');
  t.deepEqual(watching.names, ['a']);
  t.is(watching.changes, 1);
  mkdirSync(root);
  writeFileSync(join(root, 'b.yaml'), service('b'));
  await watching.untilNames('b');
  t.deepEqual(watching.problems, []);
});

test('a directory that is not there yet is not synced', async (t) => {
  const root = join(scratch(t), 'later');
  const watching = new Watching(t, root);
  await watching.untilCodes('WEFT0108 0:0');
  let synced = false;
  const done = watching.files.synced.then(() => {
    synced = true;
  });
  mkdirSync(root);
  t.false(synced);
  await done;
  t.deepEqual(watching.problems, []);
});

test.serial('files that are none: too large, binary, pipes, links to nothing, in other encodings', async (t) => {
  const root = scratch(t);
  writeFileSync(join(root, 'a.yaml'), '');
  truncateSync(join(root, 'a.yaml'), 100 * 1024 * 1024);
  writeFileSync(join(root, 'b.yaml'), Buffer.from([0x61, 0, 0x62]));
  execFileSync('mkfifo', [join(root, 'c.yaml')]);
  symlinkSync('nowhere.yaml', join(root, 'd.yaml'));
  writeFileSync(join(root, 'e.yaml'), Buffer.from([0x61, 0xff]));
  writeFileSync(join(root, 'f.yaml'), service('f'));
  const before = process.memoryUsage().rss;
  const { objects, problems } = await readManifests([root]);
  t.true(process.memoryUsage().rss - before < 50 * 1024 * 1024);
  t.deepEqual(
    problems.map(({ code, file }) => `${code} ${file.slice(root.length + 1)}`),
    ['WEFT0103 a.yaml', 'WEFT0109 b.yaml', 'WEFT0110 c.yaml', 'WEFT0107 d.yaml', 'WEFT0109 e.yaml'],
  );
  t.deepEqual(
    objects.map(({ meta }) => meta.name),
    ['f'],
  );
});

test('a file that grows too large keeps its objects', async (t) => {
  const root = scratch(t);
  writeFileSync(join(root, 'a.yaml'), service('a'));
  const watching = new Watching(t, root);
  await watching.files.synced;
  truncateSync(join(root, 'a.yaml'), 100 * 1024 * 1024);
  await watching.untilCodes('WEFT0103 0:0');
  t.deepEqual(watching.names, ['a']);
});

test('alias bombs and too many documents', async (t) => {
  const root = scratch(t);
  const levels = ['a: &a [x,x,x,x,x,x,x,x,x]'];
  for (const [from, to] of ['ab', 'bc', 'cd', 'de']) levels.push(`${to}: &${to} [${`*${from},`.repeat(9)}]`);
  writeFileSync(join(root, 'a.yaml'), levels.join('\n'));
  writeFileSync(join(root, 'b.yaml'), '---\n'.repeat(100_001));
  const { problems } = await readManifests([root]);
  t.deepEqual(
    problems.map(({ code }) => code),
    ['WEFT0104', 'WEFT0106'],
  );
});

test('the places of fields are found afterwards', async (t) => {
  const root = scratch(t);
  writeFileSync(join(root, 'a.yaml'), `# c\n---\n${service('a')}---\n${service('b')}`);
  const watching = new Watching(t, root);
  await watching.files.synced;
  const origin = watching.objects.get('Service default/b')!.meta.origin;
  t.deepEqual(
    watching.files.locate([
      { origin, path: 'spec.ports[0].port' },
      { origin: { ...origin, file: '/nowhere' }, path: '' },
    ]),
    [
      { line: 11, column: 39 },
      { line: 0, column: 0 },
    ],
  );
});

test('a thousand files are one change, and what stays the same is not told again', async (t) => {
  const root = scratch(t);
  for (let index = 0; index < 1_000; index++) writeFileSync(join(root, `${index}.yaml`), service(`s${index}`));
  const watching = new Watching(t, root);
  await watching.files.synced;
  t.is(watching.objects.size, 1_000);
  for (let index = 0; index < 1_000; index++) writeFileSync(join(root, `${index}.yaml`), service(`s${index}`));
  writeFileSync(join(root, 'last.yaml'), service('last'));
  await watching.until(() => watching.objects.size === 1_001);
  t.is(watching.changes, 1_001);
});
