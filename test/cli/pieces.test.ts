import { Writable } from 'node:stream';
import test from 'ava';
import { checkCapabilities, checkKernelVersion, checkNodeVersion } from '../../agent/cli/preflight.js';
import { StopSignals } from '../../agent/cli/stop-signals.js';
import { showTable } from '../../agent/cli/table.js';
import { ratesBetween } from '../../agent/cli/top.js';
import { type Clock, systemClock } from '../../agent/clock.js';
import { makeLog } from '../../agent/log.js';
import { backend } from '../api/fake-view.js';

test('tables are aligned, and steer no terminal', (t) => {
  const columns = [
    { title: 'NAME', text: (item: readonly string[]) => item[0]! },
    { title: 'N', text: (item: readonly string[]) => item[1]!, right: true },
    { title: 'REST', text: (item: readonly string[]) => item[2]! },
  ];
  const rows = [
    ['a', '1', ''],
    ['long name', '100', 'x\u001b[31m\ny'],
  ];
  t.deepEqual(showTable(columns, rows, false), [
    'NAME         N  REST',
    'a            1  -',
    'long name  100  x\ufffd[31m\ufffdy',
  ]);
  t.deepEqual(showTable([{ title: 'A', text: () => 'b', colour: () => 'red' as const }], [1], true), [
    '\u001b[1mA\u001b[0m',
    '\u001b[31mb\u001b[0m',
  ]);
});

test('rates: by second, shares within a Service port, the busiest first', (t) => {
  const before = {
    at: 1_000,
    items: [
      backend('a', { opened: 10 }),
      backend('b', { opened: 50 }),
      backend('c', { service: 'shop/busy', opened: 0 }),
    ],
  };
  const after = {
    at: 3_000,
    items: [
      backend('a', { opened: 16 }),
      backend('b', { opened: 2 }),
      backend('c', { service: 'shop/busy', opened: 100, failed: 4 }),
    ],
  };
  t.deepEqual(
    ratesBetween(before, after).map(({ item, ...rest }) => [item.backend, rest]),
    [
      ['shop/c', { opened: 50, failed: 2, share: 1 }],
      ['shop/a', { opened: 3, failed: 0, share: 0.75 }],
      ['shop/b', { opened: 1, failed: 0, share: 0.25 }],
    ],
  );
});

test('signals within 2 s are one; a later one forces', (t) => {
  let now = 500;
  const clock: Clock = { ...systemClock, monotonic: () => now };
  const signals = new StopSignals(clock);
  t.false(signals.stopped);
  t.is(signals.take(), 'stop');
  t.true(signals.stopped);
  now += 1_999;
  t.is(signals.take(), 'same');
  now += 1;
  t.is(signals.take(), 'force');
});

test('capabilities are judged one by one', (t) => {
  const missing = (bits: string): readonly string[] =>
    checkCapabilities(`Name:\tx\nCapEff:\t${bits}\n`)
      .filter((finding) => finding.state !== 'ok')
      .map((finding) => `${finding.check} ${finding.state}`);
  t.deepEqual(missing('000001ffffffffff'), []);
  t.deepEqual(missing('000001fffffbffff'), []);
  t.deepEqual(missing('00000000002815e1'), []);
  const workers = ['SETGID', 'SETUID', 'SETPCAP', 'KILL', 'SYS_PTRACE'].map((name) => `CAP_${name} warning`);
  t.deepEqual(missing('0000000000201000'), [...workers, 'CAP_CHOWN warning', 'CAP_NET_BIND_SERVICE warning']);
  t.deepEqual(missing('000001ffffdfefff'), ['CAP_SYS_ADMIN failed', 'CAP_NET_ADMIN failed']);
  t.is(missing('0000000000000000').length, 9);
});

test('versions of kernel and Node', (t) => {
  t.is(checkKernelVersion('5.10.0-20-cloud-amd64').state, 'ok');
  t.is(checkKernelVersion('6.1').state, 'ok');
  t.is(checkKernelVersion('5.9.16').state, 'failed');
  t.is(checkKernelVersion('4.19.0').state, 'failed');
  t.is(checkNodeVersion('v20.19.0').state, 'ok');
  t.is(checkNodeVersion('v22.0.0').state, 'ok');
  t.is(checkNodeVersion('v20.18.9').state, 'failed');
});

test('the log is JSON, or lines for people', (t) => {
  const write = (human: boolean): string => {
    let text = '';
    const output = new Writable({
      write(chunk, _encoding, done) {
        text += chunk;
        done();
      },
    });
    const clock: Clock = { ...systemClock, now: () => Date.UTC(2026, 0, 2, 3, 4, 5, 678) };
    const log = makeLog('info', clock, output, human);
    log.debug('hidden');
    log.warn({ service: 'shop/a', why: 'two words', err: new Error('broken') }, 'took care');
    return text;
  };
  const { err, ...record } = JSON.parse(write(false));
  t.deepEqual(record, { level: 40, time: 1767323045678, service: 'shop/a', why: 'two words', msg: 'took care' });
  t.is(err.message, 'broken');
  t.is(write(true), '03:04:05.678 WARN  took care service=shop/a why="two words" err="broken"\n');
});
