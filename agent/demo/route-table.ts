import { type Line, type Span, styled, table } from './paint.js';
import type { SceneRoute } from './scene.js';
import { percent } from './verdict.js';

interface Column {
  readonly header: string;
  readonly right: boolean;
  cell(route: SceneRoute): Span;
}

const columns: readonly Column[] = [
  { header: 'GATEWAY', right: false, cell: ({ name }) => styled(name, 'bold') },
  { header: 'RULE', right: false, cell: ({ rule }) => ({ text: rule }) },
  { header: 'STATUS', right: false, cell: ({ statuses }) => statusSpan(statuses) },
  { header: 'REQ/S', right: true, cell: ({ rate }) => ({ text: rate.toFixed(0) }) },
  { header: 'P50 MS', right: true, cell: ({ p50 }) => ({ text: p50 === null ? '-' : p50.toFixed(1) }) },
  { header: 'TOTAL', right: true, cell: ({ requests }) => ({ text: String(requests) }) },
  { header: 'BACKENDS', right: false, cell: ({ shares }) => ({ text: backends(shares) }) },
];

/** A row for each kind of request, with what was answered and by whom. */
export function drawRoutes(routes: readonly SceneRoute[]): Line[] {
  const header = columns.map((column) => styled(column.header, 'dim'));
  return table(
    [header, ...routes.map((route) => columns.map(({ cell }) => cell(route)))],
    columns.map(({ right }) => right),
  );
}

/** `200`, or each with its share: `200 97% 500 3%`; `-` for no answer. */
function statusSpan(statuses: SceneRoute['statuses']): Span {
  const total = statuses.reduce((sum, [, count]) => sum + count, 0);
  const name = (status: number): string => (status === 0 ? '-' : String(status));
  if (statuses.length < 2) return { text: name(statuses[0]?.[0] ?? 0) };
  return styled(statuses.map(([status, count]) => `${name(status)} ${percent(count / total, 0)}`).join(' '), 'yellow');
}

function backends(shares: SceneRoute['shares']): string {
  if (shares.length === 0) return 'none: the gateway answers';
  return shares.map(({ backend, share }) => `${backend} ${percent(share, 0)}`).join('  ');
}
