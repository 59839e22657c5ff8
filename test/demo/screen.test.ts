import test from 'ava';
import { bar, paint, styled } from '../../agent/demo/paint.js';
import type { Scene } from '../../agent/demo/scene.js';
import { drawLine, drawScreen } from '../../agent/demo/screen.js';
import { openView, wantsColor } from '../../agent/demo/view.js';

const scene: Scene = {
  elapsed: 7.25,
  total: 20,
  phase: { number: 3, of: 8, title: 'order-1 is drained' },
  events: [{ at: 6.5, text: '$ weft drain default/order-1' }],
  agent: { state: 'ready', pid: 42, starts: 1, workers: [43, 44] },
  server: null,
  services: [
    {
      name: 'order-service',
      address: '10.96.0.20',
      requests: 2800,
      failed: 0,
      backends: [
        { name: 'order-1', state: 'drained', weight: 0, share: 0, rate: 0, p50: null, p99: null },
        { name: 'order-2', state: 'ready', weight: 1, share: 1, rate: 400.4, p50: 0.81, p99: 12.34 },
      ],
    },
  ],
  routes: [
    {
      ...{ name: 'ingress /other', rule: 'none', requests: 70, failed: 0, rate: 10, p50: 0.5, p99: 1 },
      ...{ statuses: [[404, 20]], shares: [] },
    },
    {
      ...{ name: 'catalog', rule: 'catalog http[1]', requests: 900, failed: 3, rate: 150, p50: 21, p99: 30 },
      statuses: [
        [200, 97],
        [500, 3],
      ],
      shares: [
        { backend: 'catalog-1', share: 0.2 },
        { backend: 'catalog-2', share: 0.8 },
      ],
    },
  ],
  requests: 2800,
  failed: 0,
  rate: 400.4,
  api: 'unix:/run/x/api.sock',
};

const text = (width: number, height = 50): string[] =>
  drawScreen(scene, width, height).map((line) => paint(line, width, false));

test('the screen shows where each Service and each rule sends', (t) => {
  t.deepEqual(text(120).slice(0, 14), [
    'weft demo  7 s of 20  3/8 order-1 is drained',
    '',
    'SERVICE        BACKEND  STATE    WEIGHT   SHARE  REQ/S  P50 MS  P99 MS  TOTAL  FAILED',
    `order-service  order-1  drained       0    0.0%      0       -       -   2800       0  ${' '.repeat(24)}`,
    `               order-2  ready         1  100.0%    400     0.8    12.3                 ${'█'.repeat(24)}`,
    '',
    'GATEWAY         RULE             STATUS          REQ/S  P50 MS  TOTAL  BACKENDS',
    'ingress /other  none             404                10     0.5     70  none: the gateway answers',
    'catalog         catalog http[1]  200 97% 500 3%    150    21.0    900  catalog-1 20%  catalog-2 80%',
    '',
    'agent     ready  pid 42  started 1 ×  gateway workers 43 44',
    'requests  2800  400/s  failed 0',
    '',
    '   6.5 s  $ weft drain default/order-1',
  ]);
});

test('an API server that feeds the agent has a line of its own', (t) => {
  const draw = (pid: number | null): string[] => {
    const fed = { ...scene, server: { pid, address: 'https://127.0.0.1:6443' } };
    return [...drawScreen(fed, 100, 50).map((line) => paint(line, 100, false)), drawLine(fed)];
  };
  t.true(draw(7).includes('kube API  serving  pid 7  https://127.0.0.1:6443  feeds the agent'));
  t.true(draw(null).includes('kube API  away  https://127.0.0.1:6443  the agent goes on with what it has'));
  t.regex(draw(7).at(-1)!, /agent ready, API server serving$/);
  t.regex(draw(null).at(-1)!, /agent ready, API server away$/);
});

test('the last events fill the terminal, and a low one keeps some', (t) => {
  const many = { ...scene, events: Array.from({ length: 40 }, (_, at) => ({ at, text: 'x' })) };
  const events = (height: number): number =>
    drawScreen(many, 100, height).filter((line) => paint(line, 100, false).endsWith(' s  x')).length;
  t.is(drawScreen(many, 100, 30).length, 30);
  t.is(events(30), 15);
  t.is(events(17), 7, 'without blank lines');
  t.is(events(10), 3);
});

test('a narrow terminal gets no bars and no line is wider than it', (t) => {
  t.false(text(86).join('').includes('█'));
  for (const line of text(40)) t.true(line.length <= 40);
  t.regex(text(80).join('\n'), /REQ\/S {2}P50 MS {2}TOTAL {2}FAILED$/m);
  const gateway = (width: number): string => text(width).find((line) => line.startsWith('GATEWAY'))!;
  t.regex(gateway(93), /^GATEWAY +RULE +STATUS +REQ\/S +P50 MS +BACKENDS$/);
  t.regex(gateway(80), /^GATEWAY +STATUS +REQ\/S +P50 MS +BACKENDS$/);
  t.regex(gateway(70), /^GATEWAY +STATUS +REQ\/S +BACKENDS$/);
});

test('the line says the same in short', (t) => {
  t.is(
    drawLine(scene),
    '   7.3 s  3/8  order-service order-1 0.0% order-2 100.0%  400/s, 2800 requests, 0 failed, agent ready',
  );
});

test('bars are exact to an eighth of a character', (t) => {
  t.is(bar(0, 4), '    ');
  t.is(bar(0.5, 4), '██  ');
  t.is(bar(1 / 32, 4), '▏   ');
  t.is(bar(31 / 32, 4), '███▉');
  t.is(bar(2, 4), '████');
});

test('paint cuts text, not escape sequences', (t) => {
  const line = [styled('abc', 'red'), { text: 'def' }];
  t.is(paint(line, 4, true), '\x1b[31mabc\x1b[0md');
  t.is(paint(line, 2, false), 'ab');
});

test('colour needs a terminal that has it, and NO_COLOR empty', (t) => {
  const terminal = { write: () => true, isTTY: true };
  t.true(wantsColor(terminal, { TERM: 'xterm' }));
  t.false(wantsColor(terminal, { TERM: 'dumb' }));
  t.false(wantsColor(terminal, { NO_COLOR: '1' }));
  t.true(wantsColor(terminal, { NO_COLOR: '' }));
  t.false(wantsColor({ write: () => true }, {}));
});

test('the live view gives the terminal back', (t) => {
  let written = '';
  const terminal = { write: (part: string) => (written += part), isTTY: true, columns: 100, rows: 8 };
  const view = openView(terminal, terminal, { NO_COLOR: '1' });
  view.show(scene);
  view.close();
  t.is(written.split('\n').length - 1, 7);
  t.true(written.startsWith('\x1b[?1049h'));
  t.true(written.endsWith('\x1b[?1049l'));
  t.true(written.includes('weft demo  7 s'));
});

test('elsewhere there is a line for each event and each second', (t) => {
  let words = '';
  const view = openView({ write: () => true }, { write: (part) => (words += part) }, {});
  view.tell(scene.events[0]!);
  view.show(scene);
  view.close();
  t.is(words, `   6.5 s  $ weft drain default/order-1\n${drawLine(scene)}\n`);
});
