import { familyOfAddress } from './address.js';
import {
  at,
  checkAddress,
  fieldOf,
  type Raw,
  readBoolean,
  readChoice,
  readEntry,
  readInteger,
  readList,
  readName,
  readRaw,
  readString,
} from './fields.js';
import { child, type Findings } from './findings.js';
import { interned } from './intern.js';
import type { ContainerPort, Metadata, Pod } from './mesh.js';
import { meshLabel, meshOf, readTime, type WeftKeys } from './parse-metadata.js';
import { readProtocol } from './parse-service.js';

export const podKeys: WeftKeys = {
  labels: meshLabel,
  annotations: { netns: checkNetns, cgroup: checkCgroup },
};

function checkNetns(name: string): string | undefined {
  const plain =
    name !== '' && name !== '.' && name !== '..' && name.length <= 255 && !name.includes('/') && !name.includes('\0');
  return plain ? undefined : 'the name of a file in /run/netns';
}

function checkCgroup(path: string): string | undefined {
  const plain = path !== '' && path.length <= 4095 && !path.includes('\0') && !path.split('/').includes('..');
  return plain ? undefined : 'a path without ..';
}

/** v1 Pod: what makes it a backend and a client. */
export function parsePod(found: Findings, raw: Raw, meta: Metadata): Pod {
  const metadata = (fieldOf(raw, 'metadata') ?? {}) as Raw;
  const spec = readRaw(found, raw, '', 'spec') ?? {};
  const status = readRaw(found, raw, '', 'status') ?? {};
  const phases = ['Pending', 'Running', 'Succeeded', 'Failed', 'Unknown'] as const;
  const phase = readChoice(found, status, 'status', 'phase', phases);
  return {
    kind: 'Pod',
    meta,
    addresses: readAddresses(found, status),
    ports: readContainerPorts(found, spec),
    ready: isReady(found, status),
    terminating: readTime(found, metadata, 'metadata', 'deletionTimestamp') !== undefined,
    finished: phase === 'Succeeded' || phase === 'Failed',
    node: interned(readString(found, spec, 'spec', 'nodeName') ?? ''),
    hostNetwork: readBoolean(found, spec, 'spec', 'hostNetwork') ?? false,
    uid: '',
    netns: meta.annotations['weft.dev/netns'] ?? '',
    cgroup: meta.annotations['weft.dev/cgroup'] ?? '',
    mesh: meshOf(meta.labels),
    workload: interned(workloadOf(found, metadata, meta)),
  };
}

/** status.podIP and status.podIPs, each address once, podIP first. */
function readAddresses(found: Findings, status: Raw): readonly string[] {
  const addresses = new Set<string>();
  const add = (value: unknown, path: string) => {
    const address = checkAddress(found, value, path);
    if (address !== undefined) addresses.add(address);
  };
  const single = readString(found, status, 'status', 'podIP');
  if (single !== undefined && single !== '') add(single, 'status.podIP');
  for (const [index, value] of readList(found, status, 'status', 'podIPs').entries()) {
    const path = at('status.podIPs', index);
    const entry = readEntry(found, value, path);
    if (entry !== undefined && fieldOf(entry, 'ip') !== undefined) add(fieldOf(entry, 'ip'), child(path, 'ip'));
  }
  const families = [...addresses].map(familyOfAddress);
  if (new Set(families).size < families.length) {
    found.error('WEFT0212', 'status.podIPs', 'a Pod has at most one address a family');
  }
  return [...addresses];
}

/** Of containers, and of init containers that go on running (restartPolicy Always, KEP-753). */
function readContainerPorts(found: Findings, spec: Raw): readonly ContainerPort[] {
  const ports: ContainerPort[] = [];
  for (const key of ['containers', 'initContainers']) {
    for (const [index, value] of readList(found, spec, 'spec', key).entries()) {
      const path = at(child('spec', key), index);
      const container = readEntry(found, value, path);
      if (container === undefined) continue;
      if (key === 'initContainers' && fieldOf(container, 'restartPolicy') !== 'Always') continue;
      for (const [number, entry] of readList(found, container, path, 'ports').entries()) {
        const port = readContainerPort(found, entry, at(child(path, 'ports'), number));
        if (port !== undefined) ports.push(port);
      }
    }
  }
  return ports;
}

function readContainerPort(found: Findings, value: unknown, path: string): ContainerPort | undefined {
  const raw = readEntry(found, value, path);
  if (raw === undefined) return undefined;
  const port = readInteger(found, raw, path, 'containerPort', 1, 65535);
  if (port === undefined && fieldOf(raw, 'containerPort') === undefined) {
    found.error('WEFT0208', child(path, 'containerPort'), 'a container port needs a number');
  }
  const name = interned(readName(found, raw, path, 'name', 'portName') ?? '');
  const protocol = readProtocol(found, raw, path);
  return port === undefined || protocol === undefined ? undefined : { name, port, protocol };
}

/** Without a Ready condition a Pod is ready: nobody probes it. */
function isReady(found: Findings, status: Raw): boolean {
  let ready = true;
  for (const [index, value] of readList(found, status, 'status', 'conditions').entries()) {
    const path = at('status.conditions', index);
    const condition = readEntry(found, value, path);
    if (condition === undefined || readString(found, condition, path, 'type') !== 'Ready') continue;
    ready = readChoice(found, condition, path, 'status', ['True', 'False', 'Unknown']) === 'True';
  }
  return ready;
}

/** The letters of generated suffixes (apimachinery's rand.SafeEncodeString). */
const hash = /-[bcdfghjklmnpqrstvwxz2456789]{6,10}$/;

function workloadOf(found: Findings, metadata: Raw, meta: Metadata): string {
  const owners = readList(found, metadata, 'metadata', 'ownerReferences');
  const paths = owners.map((_, index) => at('metadata.ownerReferences', index));
  const entries = owners.map((owner, index) => readEntry(found, owner, paths[index]!));
  const index = Math.max(
    0,
    entries.findIndex((entry) => entry !== undefined && fieldOf(entry, 'controller') === true),
  );
  const owner = entries[index];
  const name = owner && readString(found, owner, paths[index]!, 'name');
  if (owner === undefined || name === undefined || name === '') return meta.labels.app || meta.name;
  if (readString(found, owner, paths[index]!, 'kind') !== 'ReplicaSet') return name;
  const suffix = `-${meta.labels['pod-template-hash'] ?? ''}`;
  return suffix !== '-' && name.endsWith(suffix) ? name.slice(0, -suffix.length) : name.replace(hash, '');
}
