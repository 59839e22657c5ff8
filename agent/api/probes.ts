import type { Check } from './items.js';

/** An answer of /healthz or /readyz, in the form of Kubernetes' own: text, one check a line when verbose. */
export interface ProbeAnswer {
  readonly status: 200 | 503;
  readonly text: string;
}

const marks: Record<Check['state'], string> = { ok: '[+]', degraded: '[~]', failed: '[-]' };

export function showCheck(check: Check): string {
  return `${marks[check.state]}${check.name} ${check.state}${check.why === '' ? '' : `: ${check.why}`}`;
}

export function isReady(checks: readonly Check[]): boolean {
  return checks.every((check) => check.state !== 'failed');
}

/** Degraded checks are shown but leave the node ready. */
export function readyAnswer(checks: readonly Check[], verbose: boolean): ProbeAnswer {
  const ready = isReady(checks);
  const verdict = ready ? 'ok' : 'not ready';
  const shown = verbose || !ready ? checks.map((check) => `${showCheck(check)}\n`).join('') : '';
  return { status: ready ? 200 : 503, text: `${shown}${verdict}\n` };
}

/** The process answers, so it lives. */
export const healthAnswer: ProbeAnswer = { status: 200, text: 'ok\n' };
