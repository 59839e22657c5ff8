import type { Diff, DiffItem } from '../api/items.js';
import type { Outcome } from '../api/view.js';
import { compileService } from '../compile/frontends.js';
import type { FrontendPlan } from '../compile/plan.js';
import type { Catalog } from '../model/catalog.js';
import { compareProblems } from '../model/problem.js';
import { checkReferences } from '../model/references.js';
import { showEndpoint } from '../tables/address.js';
import { compareNaturally } from '../tables/show.js';
import { overlay } from './overlay.js';
import { contextOf, type ViewParts } from './parts.js';
import { readSubmission } from './validate.js';

/** Rows as text, with names in place of ids, by table and key. */
interface Tables {
  readonly backends: Map<string, string>;
  readonly frontends: Map<string, string>;
  readonly pods: Map<string, string>;
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
  const findings = checkReferences(catalog, parts.directoryMode).filter(({ object }) => objects.has(object));
  const before = rowsOf(parts, parts.catalog, touched.services, touched.pods);
  const after = rowsOf(parts, catalog, touched.services, touched.pods);
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

const tableNames = ['backends', 'frontends', 'pods', 'slots'] as const;

function rowsOf(parts: ViewParts, catalog: Catalog, services: ReadonlySet<string>, pods: ReadonlySet<string>): Tables {
  const tables: Tables = { backends: new Map(), frontends: new Map(), pods: new Map(), slots: new Map() };
  const context = { ...contextOf(parts), zone: catalog.node(parts.node)?.zone ?? '' };
  for (const key of [...services].sort()) {
    for (const plan of compileService(key, catalog, context)) addPlan(tables, plan);
  }
  for (const key of pods) {
    const pod = catalog.pod(key);
    if (pod && catalog.isMeshed(pod, parts.directoryMode))
      tables.pods.set(key, `netns ${pod.netns} ${pod.addresses.join(' ')}`.trimEnd());
  }
  return tables;
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
