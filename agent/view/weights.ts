import type { Drain, Weights } from '../api/items.js';
import type { Outcome, Refusal } from '../api/view.js';
import { defaultWeight } from '../compile/endpoints.js';
import { compileService } from '../compile/frontends.js';
import type { PlanBackend } from '../compile/plan.js';
import { TableFullError } from '../kernel/store.js';
import type { TableName } from '../tables/layout.gen.js';
import { contextOf, type ViewParts } from './parts.js';

/** Bytes of a name in `struct override`, less its final zero (WEFT_NAME_MAX of tables.h). */
const longestName = 319;
const highestWeight = 65_535;

function refuse(type: Refusal['type'], message: string): { readonly ok: false; readonly refusal: Refusal } {
  return { ok: false, refusal: { type, message, problems: [] } };
}

function isReady({ sources }: ViewParts): boolean {
  return sources().every(({ synced }) => synced);
}

const notReady = 'the sources have not synced yet';

/** Replaces a Service's manual weights; none given clears them. Effective when this returns. */
export function setWeights(parts: ViewParts, service: string, weights: ReadonlyMap<string, number>): Outcome<Weights> {
  if (!isReady(parts)) return refuse('not-ready', notReady);
  if (parts.catalog.service(service) === undefined) return refuse('unknown', `there is no Service ${service}`);
  const backends = backendsOf(parts, service);
  const wrong = faultOf(service, weights, backends);
  if (wrong !== undefined) return refuse('invalid', wrong);
  const before = parts.overrides.current.weights.get(service) ?? new Map<string, number>();
  const unfitBefore = new Set(unfitTables(parts, service).keys());
  try {
    parts.overrides.setWeights(service, weights);
  } catch (error) {
    if (error instanceof TableFullError) return refuse('full', error.message);
    throw error;
  }
  parts.sync.recompile([service]);
  const unfit = [...unfitTables(parts, service)].find(([plan]) => !unfitBefore.has(plan));
  if (unfit !== undefined) {
    parts.overrides.setWeights(service, before);
    parts.sync.recompile([service]);
    return refuse('full', `the table ${unfit[1]} has no room for ${service} with these weights; the old ones stay`);
  }
  return { ok: true, value: { service, weights: shownWeights(weights, backends) } };
}

/** Plans of the Service that found no room, each with the table that had none. */
function unfitTables({ reconciler }: ViewParts, service: string): ReadonlyMap<string, TableName> {
  const unfit = [...reconciler.unfit()].filter(({ plan }) => plan.service === service);
  return new Map(unfit.map(({ plan, table }) => [plan.key, table]));
}

/** Every endpoint of the Service, used or not. */
function backendsOf(parts: ViewParts, service: string): readonly PlanBackend[] {
  return compileService(service, parts.catalog, contextOf(parts)).flatMap((plan) => plan.backends);
}

/** What is wrong with the weights, all of it; undefined when nothing is. */
function faultOf(
  service: string,
  weights: ReadonlyMap<string, number>,
  backends: readonly PlanBackend[],
): string | undefined {
  const known = new Set(backends.flatMap(({ name, address }) => [name, address]));
  const unknown = [...weights.keys()].filter((name) => !known.has(name)).sort();
  if (unknown.length > 0) return `Service ${service} has no backend ${unknown.join(', ')}`;
  const bad = [...weights].filter(([, weight]) => !Number.isInteger(weight) || weight < 0 || weight > highestWeight);
  if (bad.length > 0) {
    const shown = bad.map(([name, weight]) => `${name}=${weight}`).sort();
    return `weights are whole numbers from 0 to ${highestWeight}, not ${shown.join(', ')}`;
  }
  const long = [service, ...weights.keys()].find((name) => Buffer.byteLength(name) > longestName);
  return long && `the name ${long.slice(0, 40)}… is longer than ${longestName} bytes`;
}

function shownWeights(
  weights: ReadonlyMap<string, number>,
  backends: readonly PlanBackend[],
): Readonly<Record<string, number>> {
  const shown = new Map(
    backends.map(({ name, address }) => [name, weights.get(name) ?? weights.get(address) ?? defaultWeight]),
  );
  for (const [name, weight] of weights) if (!backends.some(({ address }) => address === name)) shown.set(name, weight);
  return Object.fromEntries([...shown].sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** Gives a Pod no new connections, or ends that. Effective when this returns. */
export function setDrained(parts: ViewParts, pod: string, drained: boolean): Outcome<Drain> {
  if (!isReady(parts)) return refuse('not-ready', notReady);
  const services = servicesListing(parts, pod);
  const { overrides } = parts;
  if (parts.catalog.pod(pod) === undefined && services.size === 0 && !overrides.current.drained.has(pod))
    return refuse('unknown', `there is no Pod ${pod}`);
  if (Buffer.byteLength(pod) > longestName) return refuse('invalid', `the name is longer than ${longestName} bytes`);
  try {
    if (drained) overrides.drain(pod);
    else overrides.undrain(pod);
  } catch (error) {
    if (error instanceof TableFullError) return refuse('full', error.message);
    throw error;
  }
  parts.sync.recompile(services);
  return { ok: true, value: { pod, drained } };
}

/** Services with the Pod (or the address that no Pod has) among their endpoints, in the tables or not. */
function servicesListing({ catalog, reconciler }: ViewParts, name: string): ReadonlySet<string> {
  const pod = catalog.pod(name);
  const listing = new Set(pod && catalog.servicesSelecting(pod));
  for (const { meta, service, endpoints } of catalog.slices()) {
    const isListed = endpoints.some(({ address, pod: target }) =>
      target === '' ? address === name || pod?.addresses.includes(address) : `${meta.namespace}/${target}` === name,
    );
    if (isListed) listing.add(`${meta.namespace}/${service}`);
  }
  const services = new Set<string>();
  for (const { plan } of reconciler.programmed()) if (listing.has(plan.service)) services.add(plan.service);
  for (const { plan } of reconciler.unfit()) if (listing.has(plan.service)) services.add(plan.service);
  return services;
}
