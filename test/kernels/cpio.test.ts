import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { CpioArchive } from './cpio.js';

interface Entry {
  readonly name: string;
  readonly mode: string;
  readonly device: string;
  readonly content: string;
}

/** A reader written from buffer-format.rst: 13 fields of 8 hexadecimal digits after the magic, names and contents padded to 4 bytes. */
function entries(archive: Buffer): readonly Entry[] {
  const found: Entry[] = [];
  for (let at = 0; at < archive.length; ) {
    const field = (index: number): number =>
      Number.parseInt(archive.toString('ascii', at + 6 + index * 8, at + 14 + index * 8), 16);
    if (archive.toString('ascii', at, at + 6) !== '070701') throw new Error(`no header at ${at}`);
    const nameEnd = at + 110 + field(11);
    const name = archive.toString('utf8', at + 110, nameEnd - 1);
    const from = (nameEnd + 3) & ~3;
    const content = archive.toString('utf8', from, from + field(6));
    found.push({ name, mode: field(1).toString(8), device: `${field(9)}:${field(10)}`, content });
    at = (from + field(6) + 3) & ~3;
  }
  return found;
}

test('an archive holds each path once, after its parents', async (t) => {
  const directory = await mkdtemp(join(tmpdir(), 'weft-cpio-'));
  try {
    const path = join(directory, 'a.cpio');
    const archive = new CpioArchive(path);
    await archive.file('/usr/bin/x', Buffer.from('12345'), 0o755);
    await archive.file('usr/bin/x', Buffer.from('other'));
    await archive.symlink('usr/y', 'bin/x');
    await archive.characterDevice('dev/console', 5, 1);
    await archive.close();
    const none = '0:0';
    t.deepEqual(entries(await readFile(path)), [
      { name: 'usr', mode: '40755', device: none, content: '' },
      { name: 'usr/bin', mode: '40755', device: none, content: '' },
      { name: 'usr/bin/x', mode: '100755', device: none, content: '12345' },
      { name: 'usr/y', mode: '120777', device: none, content: 'bin/x' },
      { name: 'dev', mode: '40755', device: none, content: '' },
      { name: 'dev/console', mode: '20600', device: '5:1', content: '' },
      { name: 'TRAILER!!!', mode: '0', device: none, content: '' },
    ]);
  } finally {
    await rm(directory, { recursive: true });
  }
});
