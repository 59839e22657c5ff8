import type { Catalog } from './catalog.js';
import { type EndpointSlice, keyOf, type MeshObject, type Namespace, type Pod } from './mesh.js';

/** What the mass-delete brake counts. */
export type Population = 'services' | 'backends' | 'pods';

export const populations: readonly Population[] = ['services', 'backends', 'pods'];

/** Whether a Pod's connections are captured. */
export type Enrolled = (pod: Pod, catalog: Catalog) => boolean;

/** Names of members: `services NS/NAME`, `backends NS/SERVICE ADDRESS` or `backends NS/SERVICE NS/POD`, `pods NS/POD`. */
export interface Difference {
  readonly lost: readonly string[];
  readonly gained: readonly string[];
}

const nothing: readonly string[] = [];
const same: Difference = { lost: nothing, gained: nothing };

export function populationOf(name: string): Population {
  return name.slice(0, name.indexOf(' ')) as Population;
}

/**
 * What a change of one object takes from the populations and adds to them. A Pod that is changed takes nothing: it
 * ends, or becomes unready, by itself. One that an API server no longer has on this node is lost, though it is still known by its metadata.
 */
export function differenceOf(
  before: MeshObject | undefined,
  after: MeshObject | undefined,
  catalog: Catalog,
  enrolled: Enrolled,
): Difference {
  if (before?.kind === 'EndpointSlice' || after?.kind === 'EndpointSlice') {
    return sliceDifference(before as EndpointSlice | undefined, after as EndpointSlice | undefined);
  }
  if (before !== undefined && after !== undefined) {
    if (before.kind !== 'Pod' || after.kind !== 'Pod' || isHere(before) === isHere(after)) return same;
    return isHere(after)
      ? { lost: nothing, gained: membersOf(after, catalog, enrolled) }
      : { lost: membersOf(before, catalog, enrolled), gained: nothing };
  }
  if (before?.kind === 'Namespace') return { lost: enrolledBy(before, catalog, enrolled), gained: nothing };
  if (after !== undefined) return { lost: nothing, gained: membersOf(after, catalog, enrolled) };
  return before === undefined ? same : { lost: membersOf(before, catalog, enrolled), gained: nothing };
}

function isHere(pod: Pod): boolean {
  return pod.uid === '' || pod.node !== '';
}

/** The Pods that are enrolled for no other reason than their Namespace. */
function enrolledBy(namespace: Namespace, catalog: Catalog, enrolled: Enrolled): readonly string[] {
  if (namespace.mesh !== 'enabled') return nothing;
  const names: string[] = [];
  for (const pod of catalog.pods()) {
    const isOfIt = pod.meta.namespace === namespace.meta.name && pod.mesh === undefined && pod.uid !== '';
    if (isOfIt && enrolled(pod, catalog)) names.push(`pods ${keyOf(pod)}`);
  }
  return names;
}

function membersOf(object: MeshObject, catalog: Catalog, enrolled: Enrolled): readonly string[] {
  const key = keyOf(object);
  if (object.kind === 'Service') return [`services ${key}`];
  if (object.kind !== 'Pod') return nothing;
  const names = enrolled(object, catalog) ? [`pods ${key}`] : [];
  if (object.finished || object.addresses.length === 0 || object.uid !== '') return names;
  for (const service of catalog.servicesSelecting(object)) {
    if (catalog.slicesOf(service).length === 0) names.push(`backends ${service} ${key}`);
  }
  return names;
}

function sliceDifference(before: EndpointSlice | undefined, after: EndpointSlice | undefined): Difference {
  if (before !== undefined && after !== undefined && sameAddresses(before, after)) return same;
  return { lost: without(before, after), gained: without(after, before) };
}

function sameAddresses(a: EndpointSlice, b: EndpointSlice): boolean {
  if (a.service !== b.service || a.endpoints.length !== b.endpoints.length) return false;
  return a.endpoints.every((endpoint, index) => endpoint.address === b.endpoints[index]!.address);
}

/** The backends of `slice` that `other` does not have. */
function without(slice: EndpointSlice | undefined, other: EndpointSlice | undefined): readonly string[] {
  if (slice === undefined || slice.service === '') return nothing;
  const kept = new Set(other?.service === slice.service ? other.endpoints.map(({ address }) => address) : []);
  const names: string[] = [];
  for (const { address } of slice.endpoints) {
    if (!kept.has(address)) names.push(`backends ${slice.meta.namespace}/${slice.service} ${address}`);
  }
  return names;
}

/** How many members a population has; `enough` or more where that is known without counting them all. */
export function sizeOf(population: Population, catalog: Catalog, enrolled: Enrolled, enough: number): number {
  if (population === 'services') return catalog.serviceCount;
  let size = population === 'backends' ? catalog.endpointCount : 0;
  if (size >= enough) return size;
  if (population === 'pods') {
    for (const pod of catalog.pods()) if (enrolled(pod, catalog)) size++;
    return size;
  }
  for (const service of catalog.services()) {
    if (service.selector === undefined || catalog.slicesOf(keyOf(service)).length > 0) continue;
    for (const pod of catalog.podsMatching(service)) if (!pod.finished && pod.addresses.length > 0) size++;
    if (size >= enough) return size;
  }
  return size;
}
