import { bar, type Line, plain, type Span, type Style, styled, table } from './paint.js';
import type { Scene, SceneBackend, SceneService } from './scene.js';

const barWidth = 24;
const shownEvents = 10;
const header = [
  'SERVICE',
  'BACKEND',
  'STATE',
  'WEIGHT',
  'SHARE',
  '',
  'CONN/S',
  'P50 MS',
  'P99 MS',
  'CONNECTIONS',
  'FAILED',
];
const right = [false, false, false, true, true, false, true, true, true, true, true];

/** The live view's lines from top to bottom. */
export function drawScreen(scene: Scene): Line[] {
  return [
    title(scene),
    plain(''),
    ...table([header.map((text) => styled(text, 'dim')), ...scene.services.flatMap(serviceRows)], right),
    plain(''),
    agentLine(scene),
    countLine(scene),
    plain(''),
    ...scene.events.slice(-shownEvents).map(eventLine),
    plain(''),
    [styled(`weft status --api ${scene.api} · Ctrl-C ends and removes everything`, 'dim')],
  ];
}

function title({ elapsed, total, phase }: Scene): Line {
  const time = `${elapsed.toFixed(0)} s${total === null ? '' : ` of ${total}`}`;
  const what = phase === null ? '' : `${phase.number}/${phase.of} ${phase.title}`;
  return [styled('weft demo', 'bold'), { text: `  ${time}  ` }, styled(what, 'cyan')];
}

function serviceRows(service: SceneService): Span[][] {
  return service.backends.map((backend, index) => {
    const first = index === 0;
    return [
      styled(first ? service.name : '', 'bold'),
      { text: backend.name },
      styled(backend.state || '-', stateStyle(backend)),
      { text: backend.weight === null ? '-' : String(backend.weight) },
      { text: percent(backend.share, 1) },
      styled(bar(backend.share, barWidth), 'cyan'),
      { text: backend.rate.toFixed(0) },
      { text: milliseconds(backend.p50) },
      { text: milliseconds(backend.p99) },
      { text: first ? String(service.connections) : '' },
      first ? failures(service.failed) : { text: '' },
    ];
  });
}

function stateStyle({ state }: SceneBackend): Style {
  if (state === 'ready') return 'green';
  return state === '' ? 'dim' : 'yellow';
}

function failures(failed: number): Span {
  return failed === 0 ? { text: '0' } : styled(String(failed), 'red');
}

function agentLine({ agent }: Scene): Line {
  const style: Style = agent.state === 'ready' ? 'green' : agent.state === 'dead' ? 'red' : 'yellow';
  const details = `${agent.pid === null ? '' : `  pid ${agent.pid}`}  started ${agent.starts} ×`;
  return [{ text: 'agent        ' }, styled(agent.state, style), { text: details }];
}

function countLine({ connections, failed, rate }: Scene): Line {
  return [{ text: `connections  ${connections}  ${rate.toFixed(0)}/s  failed ` }, failures(failed)];
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
  const counts = `${scene.rate.toFixed(0)}/s, ${scene.connections} connections, ${scene.failed} failed, agent ${scene.agent.state}`;
  return `${scene.elapsed.toFixed(1).padStart(6)} s  ${phase}${shares.join('  ')}  ${counts}`;
}

/** `share` 0…1. */
export function percent(share: number, digits: number): string {
  return `${(share * 100).toFixed(digits)}%`;
}

function milliseconds(latency: number | null): string {
  return latency === null ? '-' : latency.toFixed(1);
}
