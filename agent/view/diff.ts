import type { Diff, DiffItem, RouteRuleItem } from '../api/items.js';
import type { Outcome } from '../api/view.js';
import { type CompiledSnapshot, SnapshotCompiler } from '../compile/compile-snapshot.js';
import { compileService } from '../compile/frontends.js';
import type { GatewayUse } from '../compile/l7.js';
import type { FrontendPlan } from '../compile/plan.js';
import { findingsOf } from '../mesh-findings.js';
import type { Catalog } from '../model/catalog.js';
import { compareProblems } from '../model/problem.js';
import { showEndpoint } from '../tables/address.js';
import { compareNaturally } from '../tables/show.js';
import { overlay } from './overlay.js';
import { contextOf, type ViewParts } from './parts.js';
import { ingressRoutes, rulesOfTarget } from './route-rules.js';
import { readSubmission } from './validate.js';

/** Rows as text, with names in place of ids, by table and key. */
interface Tables {
  readonly backends: Map<string, string>;
  readonly frontends: Map<string, string>;
  readonly pods: Map<string, string>;
  readonly rules: Map<string, string>;
  readonly slots: Map<string, string>;
}

/** Which rows putting the objects of a text beside the present ones would add, change and remove. Nothing is written. */
export async function diffText(parts: ViewParts, text: string): Promise<Outcome<Diff>> {
  const submission = await readSubmission(parts, text);
  const { changes, locate } = submission;
  const own = submission.problems.toSorted(compareProblems);
  if (own.some(({ severity }) => severity === 'error'))
    return { ok: false, refusal: { type: 'invalid', message: 'the manifests have errors', problems: own } };
  const { catalog, touched } = overlay(parts.catalog, changes);
  const objects = new Set(submission.objects);
  const findings = findingsOf(catalog).filter(({ object }) => objects.has(object));
  const next = new SnapshotCompiler(catalog, parts.compiler.context);
  next.update({ services: new Set(), pods: new Set(), routing: true });
  const services = new Set([...touched.services, ...movedServices(parts.compiler, next)]);
  const before = rowsOf(parts, parts.catalog, parts.compiler, services, touched.pods);
  const after = rowsOf(parts, catalog, next, services, touched.pods);
  forgetShared(parts, touched.services, [before, after]);
  return {
    ok: true,
    value: {
      generation: parts.sync.generation,
      problems: [...own, ...locate(findings)].sort(compareProblems),
      items: tableNames.flatMap((table) => differences(table, before[table], after[table])),
    },
  };
}

const tableNames = ['backends', 'frontends', 'pods', 'rules', 'slots'] as const;

/** Services of which one compiler has a target and the other has none. */
function movedServices(before: SnapshotCompiler, after: SnapshotCompiler): readonly string[] {
  const [old, now] = [before.snapshot.targets, after.snapshot.targets];
  const moved = [
    ...Object.keys(old).filter((key) => !(key in now)),
    ...Object.keys(now).filter((key) => !(key in old)),
  ];
  return moved.map((key) => (old[key] ?? now[key])!.service);
}

function rowsOf(
  parts: ViewParts,
  catalog: Catalog,
  compiler: SnapshotCompiler,
  services: ReadonlySet<string>,
  pods: ReadonlySet<string>,
): Tables {
  const tables: Tables = {
    backends: new Map(),
    frontends: new Map(),
    pods: new Map(),
    rules: new Map(),
    slots: new Map(),
  };
  const gatewayOf = (service: string, port: number): GatewayUse => compiler.gatewayOf(service, port);
  const context = { ...contextOf(parts), zone: catalog.node(parts.node)?.zone ?? '', gatewayOf };
  addRules(tables.rules, compiler.snapshot);
  for (const key of [...services].sort()) {
    for (const plan of compileService(key, catalog, context)) addPlan(tables, plan);
  }
  for (const key of pods) {
    const pod = catalog.pod(key);
    if (pod && catalog.isMeshed(pod)) tables.pods.set(key, `netns ${pod.netns} ${pod.addresses.join(' ')}`.trimEnd());
  }
  return tables;
}

/** One row a rule and addressee. */
function addRules(rows: Map<string, string>, { targets, ingress }: CompiledSnapshot): void {
  const add = (where: string, rules: readonly RouteRuleItem[]): void => {
    for (const { rule, match, action } of rules) rows.set(`${where} ${rule}`, `${match} -> ${action}`);
  };
  for (const target of Object.values(targets)) add(`${target.service}:${target.port}`, rulesOfTarget(target));
  for (const { hosts, port, rules } of ingressRoutes({ ingress })) add(`${hosts.join(',')}:${port}`, rules);
}

function addPlan(tables: Tables, plan: FrontendPlan): void {
  for (const key of frontendKeys(plan)) if (!tables.frontends.has(key)) tables.frontends.set(key, showFrontend(plan));
  for (const { name, address, port, weight } of plan.backends) {
    tables.backends.set(backendKey(plan, address, port), name);
    if (weight > 0) tables.slots.set(`${plan.key} ${showEndpoint(address, port)}`, `backend ${name} weight ${weight}`);
  }
}

function frontendKeys({ addresses, port, protocol }: FrontendPlan): readonly string[] {
  return addresses.map((address) => `${showEndpoint(address, port)} ${protocol}`);
}

function backendKey({ protocol }: FrontendPlan, address: string, port: number): string {
  return `${showEndpoint(address, port)} ${protocol}`;
}

function showFrontend(plan: FrontendPlan): string {
  const slots = plan.backends.filter(({ weight }) => weight > 0);
  const parts = [
    `service ${plan.service} ${plan.policy} slots ${slots.length}`,
    `weight ${slots.reduce((sum, { weight }) => sum + weight, 0)}`,
  ];
  if (plan.tableSize > 0) parts.push(`ring ${plan.tableSize}`);
  if (plan.affinitySeconds > 0) parts.push(`affinity ${plan.affinitySeconds}`);
  if (plan.maxConnections > 0) parts.push(`max ${plan.maxConnections}`);
  return parts.join(' ');
}

/** Rows that Services which stay as they are have too: they neither come nor go. */
function forgetShared({ reconciler }: ViewParts, touched: ReadonlySet<string>, sides: readonly Tables[]): void {
  for (const { plan } of reconciler.programmed()) {
    if (touched.has(plan.service)) continue;
    const frontends = frontendKeys(plan);
    for (const side of sides) {
      for (const key of frontends) side.frontends.delete(key);
      if (side.backends.size === 0) continue;
      for (const { address, port } of plan.backends) side.backends.delete(backendKey(plan, address, port));
    }
  }
}

function differences(
  table: string,
  before: ReadonlyMap<string, string>,
  after: ReadonlyMap<string, string>,
): readonly DiffItem[] {
  const items: DiffItem[] = [];
  for (const key of new Set([...before.keys(), ...after.keys()])) {
    const old = before.get(key) ?? '';
    const now = after.get(key) ?? '';
    if (old === now) continue;
    const action = old === '' ? 'add' : now === '' ? 'remove' : 'change';
    items.push({ action, table, key, before: old, after: now });
  }
  return items.sort((a, b) => compareNaturally(a.key, b.key));
}
