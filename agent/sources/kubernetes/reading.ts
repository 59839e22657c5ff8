import { isRaw, type Raw } from '../../model/fields.js';
import type { MeshObject, Origin } from '../../model/mesh.js';
import { parseObject } from '../../model/parse.js';
import type { Finding, Problem } from '../../model/problem.js';
import { problemCodes } from '../../model/problem-codes.js';
import { showRef } from '../manifest.js';
import { apiVersionOf, type Resource } from './resource.js';

/** What tells an object of the API server from others, and one version of it from others. */
export interface Identity {
  /** NS/NAME. */
  readonly key: string;
  readonly uid: string;
  /** metadata.resourceVersion. */
  readonly version: string;
}

/** Undefined when it is no object of the API. */
export function identify(raw: unknown): Identity | undefined {
  const metadata = isRaw(raw) ? raw.metadata : undefined;
  if (!isRaw(metadata)) return undefined;
  const { name, namespace, uid, resourceVersion } = metadata;
  if (typeof name !== 'string' || name === '') return undefined;
  return { key: `${textOf(namespace)}/${name}`, uid: textOf(uid), version: textOf(resourceVersion) };
}

/** metadata.resourceVersion, empty without. */
export function versionOf(raw: unknown): string {
  const metadata = isRaw(raw) ? raw.metadata : undefined;
  return isRaw(metadata) ? textOf(metadata.resourceVersion) : '';
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

export interface Read {
  /** Undefined when it is invalid or of no interest. */
  readonly object: MeshObject | undefined;
  readonly isInvalid: boolean;
  readonly problems: readonly Problem[];
}

/** Reads an object as `resource` at `version` gives it. `raw` is given away. */
export function readItem(raw: Raw, resource: Resource, version: string, origin: Origin): Read {
  const slim = slimMetadata(raw.metadata as Raw, resource);
  const whole = raw as Record<string, unknown>;
  whole.metadata = slim;
  whole.apiVersion = apiVersionOf(resource, version);
  whole.kind = resource.kind;
  const distrusted = resource.kind === 'Pod' ? distrust(slim) : [];
  const isPlaced = resource.kind === 'Pod' && resource.shape === 'whole';
  const { object, isInvalid, ref, findings } = parseObject(whole, origin);
  const subject = ref === undefined ? nameOf(resource, slim) : showRef(ref.kind, ref.key);
  const problems = [...(isPlaced ? distrusted : []), ...findings].map((finding) => ({
    ...finding,
    file: origin.file,
    line: 0,
    column: 0,
    resource: subject,
  }));
  return {
    object: object?.kind === 'Pod' && isPlaced ? { ...object, uid: uidOf(slim) } : object,
    isInvalid,
    problems,
  };
}

function nameOf({ kind }: Resource, { namespace, name }: Raw): string {
  return `${kind} ${textOf(namespace) === '' ? '' : `${namespace}/`}${name}`.slice(0, 300);
}

/** Of Nodes only the labels that say where they are. */
function slimMetadata(metadata: Raw, { kind }: Resource): Raw {
  const { labels } = metadata;
  if (kind !== 'Node' || !isRaw(labels)) return metadata;
  const kept = Object.entries(labels).filter(([name]) => name.startsWith('topology.'));
  return { ...metadata, labels: Object.fromEntries(kept) };
}

const placing = ['weft.dev/netns', 'weft.dev/cgroup'];

/** Whoever may create a Pod could name the network namespace or cgroup of another: what it says of them is cut out. */
function distrust(metadata: Raw): readonly Finding[] {
  const { annotations } = metadata;
  if (!isRaw(annotations)) return [];
  const found: Finding[] = [];
  for (const name of placing) {
    if (!Object.hasOwn(annotations, name)) continue;
    delete (annotations as Record<string, unknown>)[name];
    const { severity, fix } = problemCodes.WEFT0314;
    const path = `metadata.annotations[${JSON.stringify(name)}]`;
    found.push({ code: 'WEFT0314', severity, path, message: 'is not believed of a Pod of an API server', fix });
  }
  return found;
}

/** What kubelet makes of a static Pod's manifest where that has no UID: an MD5. */
const configHash = /^[0-9a-f]{32}$/;

/**
 * The UID that kubelet names a Pod's cgroup by. Of a static Pod that is its annotation kubernetes.io/config.hash: the
 * mirror Pod of the API server has another. A value in the form of an API Pod's UID is not taken, which anyone could claim.
 */
function uidOf({ annotations, uid }: Raw): string {
  if (isRaw(annotations) && Object.hasOwn(annotations, 'kubernetes.io/config.mirror')) {
    const hash = annotations['kubernetes.io/config.hash'];
    if (typeof hash === 'string' && configHash.test(hash)) return hash;
  }
  return textOf(uid);
}
