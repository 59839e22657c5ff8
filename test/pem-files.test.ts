import { mkdtempSync, rmSync, symlinkSync, unlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { PemFiles } from '../agent/pem-files.js';

interface Folder {
  readonly files: PemFiles;
  readonly path: (name: string) => string;
  readonly write: (name: string, text: string) => void;
}

function folder(t: { teardown: (undo: () => void) => void }): Folder {
  const root = mkdtempSync(join(tmpdir(), 'weft-pem-'));
  t.teardown(() => rmSync(root, { recursive: true }));
  const path = (name: string): string => join(root, name);
  return { files: new PemFiles(), path, write: (name, text) => writeFileSync(path(name), text) };
}

test('a change is taken once, when the files have been still since the last look', (t) => {
  const { files, path, write } = folder(t);
  write('tls.crt', 'one');
  write('tls.key', 'one');
  t.deepEqual(files.read(path('tls.crt')), { ok: true, text: 'one' });
  t.deepEqual(files.read(path('tls.key')), { ok: true, text: 'one' });
  t.false(files.takeChanges());
  write('tls.crt', 'two more');
  t.false(files.takeChanges(), 'the key may be to come');
  write('tls.key', 'two more');
  t.false(files.takeChanges());
  t.true(files.takeChanges());
  t.deepEqual(files.read(path('tls.crt')), { ok: true, text: 'two more' });
  t.false(files.takeChanges());
  t.false(files.takeChanges());
});

test('files that come and go, and links that lead elsewhere, are changes', (t) => {
  const { files, path, write } = folder(t);
  write('a', 'same');
  write('b', 'same');
  symlinkSync('a', path('link'));
  t.deepEqual(files.read(path('none')), { ok: false, error: 'ENOENT' });
  files.read(path('link'));
  const isTaken = (): boolean => !files.takeChanges() && files.takeChanges();
  t.false(isTaken());
  unlinkSync(path('link'));
  symlinkSync('b', path('link'));
  t.true(isTaken());
  t.deepEqual(files.read(path('link')), { ok: true, text: 'same' });
  t.false(isTaken());
  unlinkSync(path('b'));
  t.true(isTaken());
  t.deepEqual(files.read(path('link')), { ok: false, error: 'ENOENT' });
});

test('a second reader does not hide a change from the first', (t) => {
  const { files, path, write } = folder(t);
  write('a', 'one');
  files.read(path('a'));
  write('a', 'two more');
  files.read(path('a'));
  t.false(files.takeChanges());
  t.true(files.takeChanges());
});
