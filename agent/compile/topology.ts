import type { Service } from '../model/mesh.js';
import type { Candidate } from './candidates.js';
import type { CompileContext } from './input.js';
import type { BackendState } from './plan.js';

type Mode = 'all' | 'node' | 'zone';

interface Hints {
  readonly zones: readonly string[];
  readonly nodes: readonly string[];
}

const none: readonly string[] = [];

/**
 * The state of each candidate on this node, in their order, as kube-proxy's CategorizeEndpoints decides it:
 * ready ones; among them those hinted for this node, else zone; only where nobody is ready, the
 * serving and terminating ones (KEP-1669), regardless of hints. internalTrafficPolicy Local considers this node's
 * endpoints alone and no hints. `ready` and `terminating` are usable. A drained candidate counts for nothing, so
 * that draining the last endpoint of a zone sends its traffic to the other zones.
 */
export function statesOf(
  candidates: readonly Candidate[],
  service: Service,
  context: CompileContext,
): readonly BackendState[] {
  const { node, zone, overrides } = context;
  const isDrained = (candidate: Candidate): boolean =>
    overrides.drained.size > 0 && overrides.drained.has(candidate.name);
  if (service.internalTrafficPolicy === 'Local') {
    const isLocal = (candidate: Candidate): boolean => node !== '' && candidate.node === node;
    const someReady = candidates.some((each) => each.ready && isLocal(each) && !isDrained(each));
    return candidates.map((each) => {
      if (isDrained(each)) return 'drained';
      if (!each.ready && !canFinish(each)) return 'unready';
      if (!isLocal(each)) return 'other-node';
      if (each.ready) return 'ready';
      return someReady ? 'standby' : 'terminating';
    });
  }
  const ready = candidates.filter((each) => each.ready && !isDrained(each));
  const hintsOf = hintReader(candidates, service);
  const mode = modeFromHints(ready, hintsOf, node, zone);
  return candidates.map((each) => {
    if (isDrained(each)) return 'drained';
    if (!each.ready) {
      if (!canFinish(each)) return 'unready';
      return ready.length > 0 ? 'standby' : 'terminating';
    }
    if (mode === 'node' && !hintsOf(each).nodes.includes(node)) return 'other-node';
    if (mode === 'zone' && !hintsOf(each).zones.includes(zone)) return 'other-zone';
    return 'ready';
  });
}

function canFinish(candidate: Candidate): boolean {
  return candidate.serving && candidate.terminating;
}

/**
 * Hints as they were written, or, when nobody wrote any and the Service has a trafficDistribution, those that the
 * EndpointSlice controller would write (KEP-4444, KEP-3015): an endpoint's own zone, and its own node for
 * PreferSameNode.
 */
function hintReader(candidates: readonly Candidate[], service: Service): (candidate: Candidate) => Hints {
  const distribution = service.trafficDistribution;
  const written = candidates.some((each) => each.forZones !== undefined || each.forNodes !== undefined);
  if (distribution === undefined || written) {
    return (each) => ({ zones: each.forZones ?? none, nodes: each.forNodes ?? none });
  }
  return (each) => ({
    zones: each.zone === '' ? none : [each.zone],
    nodes: each.node === '' || distribution !== 'PreferSameNode' ? none : [each.node],
  });
}

/** kube-proxy's topologyModeFromHints: hints count only if every ready endpoint has one and one is for us. */
function modeFromHints(
  ready: readonly Candidate[],
  hintsOf: (candidate: Candidate) => Hints,
  node: string,
  zone: string,
): Mode {
  let allHaveNode = ready.length > 0;
  let allHaveZone = ready.length > 0;
  let oneForNode = false;
  let oneForZone = false;
  for (const candidate of ready) {
    const { zones, nodes } = hintsOf(candidate);
    allHaveNode &&= nodes.length > 0;
    allHaveZone &&= zones.length > 0;
    if (!allHaveNode && !allHaveZone) return 'all';
    oneForNode ||= nodes.includes(node);
    oneForZone ||= zones.includes(zone);
  }
  if (allHaveNode && oneForNode) return 'node';
  return allHaveZone && oneForZone ? 'zone' : 'all';
}
