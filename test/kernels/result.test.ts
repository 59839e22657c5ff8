import test from 'ava';
import { type Boot, bootUntilInit } from './qemu.js';
import { checksThat, renderResults, resultOfBoot, resultWithoutBoot } from './result.js';

const kernel = { series: '6.1', release: '6.1.0-1', image: '', modules: '' };
const ended = (end: Boot['end']): Boot => ({ end, bootSeconds: end === 'no-init' ? null : 5, records: [] });

test('only a boot that never reached init is tried again', async (t) => {
  for (const [ends, attempts] of [
    [['no-init', 'no-init', 'done'], 3],
    [['died', 'done'], 1],
    [['silent', 'done'], 1],
    [['no-init', 'too-long', 'done'], 2],
    [['no-init', 'no-init', 'no-init', 'no-init', 'done'], 4],
  ] as const) {
    const boots = ends.map(ended);
    const result = await bootUntilInit(async () => boots.shift()!, 4);
    t.is(result.attempts, attempts);
    t.is(result.boot.end, ends[attempts - 1]!);
  }
});

test('checks are counted and reasons told', (t) => {
  const result = resultOfBoot(
    kernel,
    {
      end: 'done',
      bootSeconds: 4.26,
      records: [
        { kind: 'init', release: '6.1.0-1' },
        { kind: 'begin', check: 'a' },
        { kind: 'end', check: 'a', outcome: 'passed', reason: '', milliseconds: 1 },
        { kind: 'begin', check: 'b' },
        { kind: 'end', check: 'b', outcome: 'skipped', reason: 'too old', milliseconds: 1 },
        { kind: 'begin', check: 'c' },
        { kind: 'measure', name: 'ready', value: 7, unit: 'ms' },
        { kind: 'fact', name: 'cookies', value: 'by a program' },
        { kind: 'end', check: 'c', outcome: 'failed', reason: 'no', milliseconds: 2345 },
        { kind: 'done' },
      ],
    },
    2,
    '',
  );
  t.is(
    renderResults([result, resultWithoutBoot('7.x', 'no kernel: offline')]),
    [
      'KERNEL  RELEASE  BOOT S         CHECKS S  PASSED  FAILED  SKIPPED',
      '6.1     6.1.0-1  4.3 (2 boots)  2.3       1       1       1',
      '7.x     -        -              0.0       0       1       0',
      '',
      'CHECK  6.1       7.x',
      'a      pass 0.0  -',
      'b      skip 0.0  -',
      'c      FAIL 2.3  -',
      'boot   -         FAIL 0.0',
      '',
      'FOUND    6.1           7.x',
      'ready    7 ms          -',
      'cookies  by a program  -',
      '',
      '6.1 skipped b: too old',
      '6.1 FAILED c: no',
      '7.x FAILED boot: no kernel: offline',
      '1 passed, 2 failed, 1 skipped',
      '',
    ].join('\n'),
  );
});

test('a guest that ends early fails in the check it was in', (t) => {
  const begun = [
    { kind: 'begin', check: 'a' },
    { kind: 'end', check: 'a', outcome: 'passed', reason: '', milliseconds: 1 },
    { kind: 'begin', check: 'b' },
  ] as const;
  const failures = (boot: Boot): readonly string[] =>
    checksThat('failed', resultOfBoot(kernel, boot, 1, 'panic')).map(({ check }) => check);
  t.deepEqual(failures({ end: 'died', bootSeconds: 5, records: begun }), ['b']);
  t.deepEqual(failures({ end: 'silent', bootSeconds: 5, records: begun.slice(0, 2) }), ['boot']);
  t.deepEqual(failures(ended('no-init')), ['boot']);
  t.deepEqual(failures({ end: 'done', bootSeconds: 5, records: [{ kind: 'done' }] }), ['boot']);
});
