import { statusOfGrpc } from '../../balance/outcome.js';
import type { Fault } from '../../compile/snapshot.js';
import { type LocalAnswer, plainAnswer } from './local-answer.js';

/** Whether something that happens to `percent` of the requests (0…100, with fractions) happens to this one. `random`: in [0, 1). */
export function happens(percent: number, random: () => number): boolean {
  return percent >= 100 || (percent > 0 && random() * 100 < percent);
}

/** ms by which this request is delayed; 0: not at all. */
export function delayOf({ delay }: Fault, random: () => number): number {
  return delay !== undefined && happens(delay.percent, random) ? delay.delayMs : 0;
}

/** What this request is answered instead of being forwarded (Envoy, fault filter); undefined: nothing. */
export function abortOf({ abort }: Fault, random: () => number): LocalAnswer | undefined {
  if (abort === undefined || !happens(abort.percent, random)) return undefined;
  const { grpcStatus } = abort;
  const status = abort.status ?? (grpcStatus === undefined ? 200 : statusOfGrpc(grpcStatus));
  return { ...plainAnswer(status, 'FI', 'fault filter abort'), grpcStatus };
}
