import type { Warmup } from './cluster.js';

/**
 * The share of its weight that an endpoint has `age` ms after it joined: max(minimum, (max(t, 1 s)/window)^(1/aggression)), 1 after the window (Envoy's slow start,
 * load_balancing/slow_start).
 */
export function warmupFactor(warmup: Warmup, age: number): number {
  if (age >= warmup.durationMs) return 1;
  const part = Math.min(1, Math.max(age, 1000) / warmup.durationMs);
  return Math.max(warmup.minimumPercent / 100, part ** (1 / warmup.aggression));
}
