import test from 'ava';
import fc from 'fast-check';
import { LineSplitter } from '../../agent/kubernetes/line-splitter.js';

function linesOf(splitter: LineSplitter, chunks: readonly Buffer[]): string[] {
  return chunks.flatMap((chunk) => [...splitter.push(chunk)].map((line) => line.toString('utf8')));
}

test('lines are the same wherever the bytes are cut, also within a character', (t) => {
  const line = fc.string({ unit: 'grapheme' }).filter((text) => !text.includes('\n') && text !== '');
  fc.assert(
    fc.property(fc.array(line), line, fc.array(fc.nat()), (lines, rest, cuts) => {
      const bytes = Buffer.from(`${lines.map((each) => `${each}\n`).join('')}${rest}`);
      const ends = [...cuts.map((cut) => cut % (bytes.length + 1)), bytes.length].sort((a, b) => a - b);
      const chunks = ends.map((end, index) => bytes.subarray(index === 0 ? 0 : ends[index - 1], end));
      t.deepEqual(linesOf(new LineSplitter(1 << 20), chunks), lines);
    }),
  );
});

test('empty lines are left out', (t) => {
  t.deepEqual(linesOf(new LineSplitter(10), [Buffer.from('\n\na\n'), Buffer.from('\n'), Buffer.from('b\n\n')]), [
    'a',
    'b',
  ]);
});

test('a line may be as long as the limit and no longer, in one piece or in many', (t) => {
  t.deepEqual(linesOf(new LineSplitter(4), [Buffer.from('abcd\n')]), ['abcd']);
  t.throws(() => linesOf(new LineSplitter(4), [Buffer.from('abcde\n')]), { instanceOf: RangeError });
  t.throws(() => linesOf(new LineSplitter(4), [Buffer.from('ab'), Buffer.from('cde')]), { instanceOf: RangeError });
});
