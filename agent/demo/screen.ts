import { bar, type Column, fittedTable, type Line, plain, type Span, type Style, styled, widthOf } from './paint.js';
import { drawRoutes } from './route-table.js';
import type { Scene, SceneBackend, SceneService } from './scene.js';
import { percent } from './verdict.js';

const widestBar = 24;
/** However low the terminal is: what comes below is cut off. */
const fewestEvents = 3;

interface ServiceColumn extends Column {
  /** `first`: of the row that begins the Service, which also shows what belongs to the Service as a whole. */
  cell(backend: SceneBackend, service: SceneService, first: boolean): Span;
}

const nothing: Span = { text: '' };

const columns: readonly ServiceColumn[] = [
  { header: 'SERVICE', right: false, cell: (_, service, first) => styled(first ? service.name : '', 'bold') },
  { header: 'BACKEND', right: false, cell: ({ name }) => ({ text: name }) },
  { header: 'STATE', right: false, cell: (backend) => styled(backend.state || '-', stateStyle(backend)) },
  { header: 'WEIGHT', right: true, cell: ({ weight }) => ({ text: weight === null ? '-' : String(weight) }) },
  { header: 'SHARE', right: true, cell: ({ share }) => ({ text: percent(share, 1) }) },
  { header: 'REQ/S', right: true, cell: ({ rate }) => ({ text: rate.toFixed(0) }) },
  { header: 'P50 MS', right: true, dispensable: 1, cell: ({ p50 }) => ({ text: milliseconds(p50) }) },
  { header: 'P99 MS', right: true, dispensable: 2, cell: ({ p99 }) => ({ text: milliseconds(p99) }) },
  {
    header: 'TOTAL',
    right: true,
    cell: (_, service, first) => (first ? { text: String(service.requests) } : nothing),
  },
  { header: 'FAILED', right: true, cell: (_, service, first) => (first ? failures(service.failed) : nothing) },
];

/** The live view's lines from top to bottom, with bars as wide as the terminal's `width` has room for, and events for its `height`; without blank lines where it is low. */
export function drawScreen(scene: Scene, width: number, height: number): Line[] {
  const hint = [styled(`npx weft status --api ${scene.api} · Ctrl-C ends and removes everything`, 'dim')];
  const above = [
    [title(scene)],
    services(scene, width),
    drawRoutes(scene.routes, width),
    [agentLine(scene), ...serverLine(scene), countLine(scene)],
  ];
  const lines = above.flat().length + 1;
  const gaps = above.length + 1;
  const gap = lines + gaps + fewestEvents <= height ? [plain('')] : [];
  const shown = Math.max(fewestEvents, height - lines - gap.length * gaps);
  const blocks = [...above, scene.events.slice(-shown).map(eventLine), [hint]];
  return blocks.flatMap((block, index) => (index === 0 ? block : [...gap, ...block]));
}

function services(scene: Scene, width: number): Line[] {
  const rowsOf = (shown: readonly ServiceColumn[]): Span[][] =>
    scene.services.flatMap((service) =>
      service.backends.map((backend, index) => shown.map(({ cell }) => cell(backend, service, index === 0))),
    );
  const lines = fittedTable(columns, rowsOf, width);
  const used = Math.max(...lines.map(widthOf));
  const room = Math.min(widestBar, width - used - 2);
  if (room < 4) return lines;
  const shares = scene.services.flatMap(({ backends }) => backends.map(({ share }) => share));
  return lines.map((line, index) =>
    index === 0 ? line : [...line, { text: '  ' }, styled(bar(shares[index - 1]!, room), 'cyan')],
  );
}

function title({ elapsed, total, phase }: Scene): Line {
  const time = `${elapsed.toFixed(0)} s${total === null ? '' : ` of ${total}`}`;
  const what = phase === null ? '' : `${phase.number}/${phase.of} ${phase.title}`;
  return [styled('weft demo', 'bold'), { text: `  ${time}  ` }, styled(what, 'cyan')];
}

function stateStyle({ state }: SceneBackend): Style {
  if (state === 'ready') return 'green';
  return state === '' ? 'dim' : 'yellow';
}

export function failures(failed: number): Span {
  return failed === 0 ? { text: '0' } : styled(String(failed), 'red');
}

function agentLine({ agent }: Scene): Line {
  const style: Style = agent.state === 'ready' ? 'green' : agent.state === 'dead' ? 'red' : 'yellow';
  const details = `${agent.pid === null ? '' : `  pid ${agent.pid}`}  started ${agent.starts} ×`;
  const gateway = `  gateway workers ${agent.workers.join(' ') || '-'}`;
  return [{ text: 'agent     ' }, styled(agent.state, style), { text: details + gateway }];
}

/** None where a directory feeds the agent. */
function serverLine({ server }: Scene): Line[] {
  if (server === null) return [];
  const { pid, address } = server;
  const label = { text: 'kube API  ' };
  if (pid === null)
    return [[label, styled('away', 'red'), { text: `  ${address}  the agent goes on with what it has` }]];
  return [[label, styled('serving', 'green'), { text: `  pid ${pid}  ${address}  feeds the agent` }]];
}

function countLine({ requests, failed, rate }: Scene): Line {
  return [{ text: `requests  ${requests}  ${rate.toFixed(0)}/s  failed ` }, failures(failed)];
}

function eventLine({ at, text }: Scene['events'][number]): Line {
  return [styled(`${at.toFixed(1).padStart(6)} s  `, 'dim'), { text }];
}

/** The scene in one line, for output that is no terminal. */
export function drawLine(scene: Scene): string {
  const shares = scene.services.map(
    ({ name, backends }) =>
      `${name} ${backends.map((backend) => `${backend.name} ${percent(backend.share, 1)}`).join(' ')}`,
  );
  const phase = scene.phase === null ? '' : `${scene.phase.number}/${scene.phase.of}  `;
  const server = scene.server === null ? '' : `, API server ${scene.server.pid === null ? 'away' : 'serving'}`;
  const counts = `${scene.rate.toFixed(0)}/s, ${scene.requests} requests, ${scene.failed} failed, agent ${scene.agent.state}${server}`;
  return `${scene.elapsed.toFixed(1).padStart(6)} s  ${phase}${shares.join('  ')}  ${counts}`;
}

/** `-` for null. */
export function milliseconds(latency: number | null): string {
  return latency === null ? '-' : latency.toFixed(1);
}
