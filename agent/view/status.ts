import type { Status } from '../api/items.js';
import { isReady } from '../api/probes.js';
import type { KernelFlows } from './flows.js';
import { modeOf } from './measures.js';
import type { ViewParts } from './parts.js';
import type { ProblemList } from './problems.js';

export function statusOf(parts: ViewParts, flows: KernelFlows, problems: ProblemList): Status {
  const { catalog, pods, reconciler, sync } = parts;
  const checks = parts.checks();
  const all = problems.all();
  const errors = all.filter(({ severity }) => severity === 'error').length;
  let known = 0;
  for (const _ of catalog.pods()) known++;
  return {
    version: parts.version,
    node: parts.node,
    kernel: parts.kernel,
    mode: modeOf(parts),
    ready: isReady(checks),
    checks,
    generation: sync.generation,
    started: new Date(parts.started).toISOString(),
    cgroup: parts.cgroup,
    pin: parts.pin,
    sources: parts.sources(),
    services: catalog.serviceCount,
    backends: reconciler.used().backends,
    pods: known,
    captured: pods.count,
    errors,
    warnings: all.length - errors,
    held: parts.held(),
    drift: sync.drift,
    eventsLost: flows.lost(),
  };
}
