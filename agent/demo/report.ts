import type { FeedName } from './feed.js';
import { type Line, plain, type Span, styled, table } from './paint.js';
import type { ShareRow } from './shares.js';
import type { Summary } from './summary.js';
import { percent } from './verdict.js';

const connectionHeader = ['PHASE', 'SERVICE', 'WEIGHTS', 'SHARES', 'CONNECTIONS', 'FAILED'];
const requestHeader = ['GATEWAY', 'RULE', 'BACKEND', 'EXPECTED', 'SHARE', 'REQUESTS', 'FAILED'];

/** What the summary says of what fed the agent: of a directory nothing. */
const feeds: Readonly<Record<FeedName, string>> = {
  directory: '',
  kubernetes: '; a Kubernetes API server fed the agent',
};

/**
 * The summary's lines: connections by phase, a row for each Service; requests through the gateway over all phases; then
 * what was promised and whether it was kept.
 */
export function drawSummary(summary: Summary): Line[] {
  const { requests, failed, met } = summary;
  const played = summary.shares.filter((row, _, all) =>
    all.some((each) => each.phase === row.phase && each.requests > 0),
  );
  const connections = byQuestion(played.filter(({ by }) => by === 'l4')).map(connectionCells);
  const gateway = overPhases(played.filter(({ by }) => by === 'gateway')).map(requestCells);
  return [
    ...section(connectionHeader, connections, [false, false, false, false, true, true]),
    ...section(requestHeader, gateway, [false, false, false, true, true, true, true]),
    plain(`${requests} requests, ${failed} failed${feeds[summary.facts.feed]}`),
    ...summary.verdicts.map(({ met: kept, text }): Line => [mark(kept), { text: `  ${text}` }]),
    ...(summary.seconds === null ? [plain('ended before the last phase')] : [verdictLine(met)]),
  ];
}

function section(header: readonly string[], rows: readonly Span[][], right: readonly boolean[]): Line[] {
  if (rows.length === 0) return [];
  return [...table([header.map((text) => styled(text, 'dim')), ...rows], right), plain('')];
}

/** Rows of the same phase and question together. */
function byQuestion(rows: readonly ShareRow[]): readonly (readonly ShareRow[])[] {
  const groups = new Map<string, ShareRow[]>();
  for (const row of rows) {
    const key = `${row.phase} ${row.question}`;
    groups.set(key, [...(groups.get(key) ?? []), row]);
  }
  return [...groups.values()];
}

function connectionCells(rows: readonly ShareRow[]): Span[] {
  const { phase, service, failed } = rows[0]!;
  return [
    { text: phase },
    { text: service },
    { text: rows.map(({ backend, weight }) => `${backend}=${weight}`).join(' ') },
    { text: rows.map(({ backend, share }) => `${backend} ${percent(share, 2)}`).join(' ') },
    { text: String(rows.reduce((sum, { requests }) => sum + requests, 0)) },
    failures(failed),
  ];
}

/** What one backend of one question got in all phases together. */
interface TotalRow extends Pick<ShareRow, 'question' | 'rule' | 'backend' | 'requests' | 'failed'> {
  /** 0…1: the phases' own, by how many requests each had. */
  readonly expected: number;
  readonly share: number;
}

function overPhases(rows: readonly ShareRow[]): TotalRow[] {
  const keys = [...new Set(rows.map(({ question, backend }) => `${question}\n${backend}`))];
  return keys.map((key) => {
    const own = rows.filter(({ question, backend }) => `${question}\n${backend}` === key);
    const { question, rule, backend } = own[0]!;
    const inPhase = (phase: string): number =>
      rows.reduce((sum, row) => sum + (row.question === question && row.phase === phase ? row.requests : 0), 0);
    const total = own.reduce((sum, { phase }) => sum + inPhase(phase), 0);
    const foretold = own.reduce((sum, row) => sum + row.expected * inPhase(row.phase), 0);
    const requests = own.reduce((sum, row) => sum + row.requests, 0);
    const failed = own.reduce((sum, row) => sum + row.failed, 0);
    const [expected, share] = total === 0 ? [0, 0] : [foretold / total, requests / total];
    return { question, rule, backend, requests, failed, expected, share };
  });
}

function requestCells(row: TotalRow): Span[] {
  return [
    { text: row.question },
    { text: row.rule },
    { text: row.backend },
    { text: percent(row.expected, 2) },
    { text: percent(row.share, 2) },
    { text: String(row.requests) },
    failures(row.failed),
  ];
}

function failures(failed: number): Span {
  return failed === 0 ? { text: '0' } : styled(String(failed), 'red');
}

function mark(met: boolean): Span {
  return met ? styled('ok    ', 'green') : styled('FAILED', 'red');
}

function verdictLine(met: boolean): Line {
  return met ? [styled('all as expected', 'bold')] : [styled('not as expected', 'red')];
}
