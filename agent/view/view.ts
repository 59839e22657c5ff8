import type { Listing } from '../api/items.js';
import type { AgentView } from '../api/view.js';
import type { Problem } from '../model/problem.js';
import { listConditions } from './conditions.js';
import { diffText } from './diff.js';
import { explainQuery } from './explain.js';
import { KernelFlows } from './flows.js';
import { flowOfRequest } from './gateway.js';
import { measure } from './measures.js';
import { isNamed, type ViewParts } from './parts.js';
import { listPods } from './pods.js';
import { ProblemList } from './problems.js';
import { listBackends, listRoutes, listServices } from './services.js';
import { statusOf } from './status.js';
import { listTables } from './tables.js';
import { validateText } from './validate.js';
import { setDrained, setWeights } from './weights.js';

/** How often it is looked whether somebody follows flows, in ms: workers then tell every request that they can. */
const followMs = 200;

/** The view of a running agent, which reads the ring of events until it is closed. */
export interface RunningView extends AgentView {
  /** As {@link ProblemList.ofRules}. */
  ruleProblems(): readonly Problem[];
  close(): void;
}

export function createView(parts: ViewParts): RunningView {
  const flows = new KernelFlows({
    reader: parts.flowReader,
    names: parts.edges.names,
    clock: parts.clock,
    nowNs: parts.nowNs,
    isNamed: () => isNamed(parts),
  });
  parts.requests.onRecords((records, lost) => flows.add(records.map(flowOfRequest), lost));
  const stopFollowing = parts.clock.every(followMs, () => parts.supervisor.follow(flows.isFollowed));
  const problems = new ProblemList(parts);
  return {
    status: () => statusOf(parts, flows, problems),
    ready: () => parts.checks(),
    services: () => listServices(parts),
    backends: () => listBackends(parts),
    routes: () => listRoutes(parts),
    conditions: () => listConditions(parts),
    pods: () => listPods(parts),
    tables: () => listTables(parts),
    problems: (): Listing<Problem> => ({ generation: parts.sync.generation, items: problems.all() }),
    ruleProblems: () => problems.ofRules(),
    flows,
    measures: () => measure(parts, flows, problems),
    onPropagation: (listener) => parts.sync.onPropagation(listener),
    explain: async (query) => explainQuery(parts, query),
    validate: (yaml) => validateText(parts, yaml),
    diff: (yaml) => diffText(parts, yaml),
    setWeights: async (service, weights) => setWeights(parts, service, weights),
    clearWeights: async (service) => setWeights(parts, service, new Map()),
    drain: async (pod) => setDrained(parts, pod, true),
    undrain: async (pod) => setDrained(parts, pod, false),
    close() {
      stopFollowing();
      flows.close();
      problems.close();
    },
  };
}
