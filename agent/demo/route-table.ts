import { type Column, fittedTable, type Line, type Span, styled } from './paint.js';
import type { SceneRoute } from './scene.js';
import { percent } from './verdict.js';

interface RouteColumn extends Column {
  cell(route: SceneRoute): Span;
}

const columns: readonly RouteColumn[] = [
  { header: 'GATEWAY', right: false, cell: ({ name }) => styled(name, 'bold') },
  { header: 'RULE', right: false, dispensable: 2, cell: ({ rule }) => ({ text: rule }) },
  { header: 'STATUS', right: false, cell: ({ statuses }) => statusSpan(statuses) },
  { header: 'REQ/S', right: true, cell: ({ rate }) => ({ text: rate.toFixed(0) }) },
  { header: 'P50 MS', right: true, dispensable: 1, cell: ({ p50 }) => ({ text: p50 === null ? '-' : p50.toFixed(1) }) },
  { header: 'TOTAL', right: true, dispensable: 3, cell: ({ requests }) => ({ text: String(requests) }) },
  { header: 'BACKENDS', right: false, cell: ({ shares }) => ({ text: backends(shares) }) },
];

/** A row for each kind of request, with what was answered and by whom. */
export function drawRoutes(routes: readonly SceneRoute[], width: number): Line[] {
  return fittedTable(columns, (shown) => routes.map((route) => shown.map(({ cell }) => cell(route))), width);
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
