import { type Line, plain, type Span, styled, table } from './paint.js';
import { percent } from './screen.js';
import type { ShareRow, Summary } from './summary.js';

const header = ['PHASE', 'SERVICE', 'BACKEND', 'WEIGHT', 'EXPECTED', 'SHARE', 'DEVIATION', 'CONNECTIONS', 'FAILED'];
const right = [false, false, false, true, true, true, true, true, true];

/** The summary's lines: a row for each backend in each phase, then what was promised and whether it was kept. */
export function drawSummary(summary: Summary): Line[] {
  const { connections, failed, met } = summary;
  const rows = summary.shares.filter((row, _, all) =>
    all.some((other) => other.phase === row.phase && other.connections > 0),
  );
  return [
    ...(rows.length === 0 ? [] : table([header.map((text) => styled(text, 'dim')), ...rows.map(shareCells)], right)),
    plain(''),
    plain(`${connections} connections, ${failed} failed`),
    ...summary.verdicts.map(({ met: kept, text }): Line => [mark(kept), { text: `  ${text}` }]),
    ...(summary.seconds === null ? [plain('ended before the last phase')] : [verdictLine(met)]),
  ];
}

function shareCells(row: ShareRow): Span[] {
  const deviation = `${row.deviation < 0 ? '-' : '+'}${Math.abs(row.deviation).toFixed(2)}`;
  return [
    { text: row.phase },
    { text: row.service },
    { text: row.backend },
    { text: String(row.weight) },
    { text: percent(row.expected, 2) },
    { text: percent(row.share, 2) },
    { text: deviation },
    { text: String(row.connections) },
    row.failed === 0 ? { text: '0' } : styled(String(row.failed), 'red'),
  ];
}

function mark(met: boolean): Span {
  return met ? styled('ok    ', 'green') : styled('FAILED', 'red');
}

function verdictLine(met: boolean): Line {
  return met ? [styled('all as expected', 'bold')] : [styled('not as expected', 'red')];
}
