import { checkKnown, fieldOf, isRaw, oneOf, type Raw } from './fields.js';
import { Findings, quote, suggestion } from './findings.js';
import type { Kind, MeshObject, Metadata, Origin } from './mesh.js';
import type { NameForm } from './names.js';
import { parseDestinationRule } from './parse-destinationrule.js';
import { parseEndpointSlice } from './parse-endpointslice.js';
import { parseIstioGateway } from './parse-istio-gateway.js';
import { parseGatewayClass, parseKubernetesGateway, parseReferenceGrant } from './parse-kubernetes-gateway.js';
import { meshLabel, metadataOf, noWeftKeys, readIdentity, readMetadata, type WeftKeys } from './parse-metadata.js';
import * as others from './parse-other.js';
import { parsePod, podKeys } from './parse-pod.js';
import { parseGrpcRoute, parseHttpRoute } from './parse-route.js';
import { parseSecret } from './parse-secret.js';
import { parseService } from './parse-service.js';
import { parseServiceEntry } from './parse-service-entry.js';
import { parseVirtualService } from './parse-virtual-service.js';
import type { Finding } from './problem.js';

export interface Parsed {
  /** Undefined when it is invalid or of no interest. */
  readonly object: MeshObject | undefined;
  /** Whether a finding is an error of the whole object. */
  readonly isInvalid: boolean;
  /** What it is, also when it is invalid: its last valid version stays in effect. Undefined when that is unknown. */
  readonly ref: { readonly kind: Kind; readonly key: string } | undefined;
  readonly findings: readonly Finding[];
}

interface KindEntry {
  readonly kind: Kind;
  readonly versions: readonly string[];
  readonly nameForm: NameForm;
  readonly namespaced: boolean;
  readonly weftKeys: WeftKeys;
  /** Beside apiVersion, kind, metadata, spec and status. */
  readonly fields: ReadonlySet<string>;
  /** Of an unknown field. */
  readonly strictness: Finding['severity'];
  readonly parse: (found: Findings, raw: Raw, meta: Metadata) => MeshObject | undefined;
}

const common = ['apiVersion', 'kind', 'metadata'];
const specAndStatus: ReadonlySet<string> = new Set([...common, 'spec', 'status']);

function core(kind: Kind, parse: KindEntry['parse'], entry: Partial<KindEntry> = {}): KindEntry {
  return {
    kind,
    versions: ['v1'],
    nameForm: 'subdomain',
    namespaced: true,
    weftKeys: noWeftKeys,
    fields: specAndStatus,
    strictness: 'warning',
    parse,
    ...entry,
  };
}

function custom(kind: Kind, parse: KindEntry['parse'], versions: readonly string[], entry: Partial<KindEntry> = {}) {
  return core(kind, parse, { versions, strictness: 'error', ...entry });
}

// Names of Services are labels of RFC 1123, no longer of RFC 1035 (KEP-5311, by default since Kubernetes 1.36).
const serviceKeys: WeftKeys = {
  labels: {},
  annotations: {
    'when-agent-down': { oneOf: ['bypass', 'closed'], otherwise: 'closed' },
    acceleration: ['auto', 'off'],
    balancing: ['adaptive', 'least-request', 'round-robin', 'random'],
    'on-removal': ['drain', 'reset'],
    l7: ['enabled'],
  },
};
const istio = ['v1', 'v1beta1', 'v1alpha3'];
const rollout: WeftKeys = { labels: {}, annotations: { rollout: () => undefined } };

/** By API group and kind. */
const kinds: ReadonlyMap<string, KindEntry> = new Map([
  ['/Service', core('Service', parseService, { nameForm: 'label1123', weftKeys: serviceKeys })],
  ['/Pod', core('Pod', parsePod, { weftKeys: podKeys })],
  ['/Node', core('Node', others.parseNode, { namespaced: false })],
  [
    '/Namespace',
    core('Namespace', others.parseNamespace, {
      namespaced: false,
      nameForm: 'label1123',
      weftKeys: { labels: meshLabel, annotations: {} },
    }),
  ],
  ['/Secret', core('Secret', parseSecret, { fields: new Set([...common, 'data', 'immutable', 'stringData', 'type']) })],
  [
    'discovery.k8s.io/EndpointSlice',
    core('EndpointSlice', parseEndpointSlice, { fields: new Set([...common, 'addressType', 'endpoints', 'ports']) }),
  ],
  ['apps/Deployment', core('Deployment', others.parseDeployment)],
  ['networking.istio.io/DestinationRule', custom('DestinationRule', parseDestinationRule, istio)],
  ['networking.istio.io/VirtualService', custom('VirtualService', parseVirtualService, istio, { weftKeys: rollout })],
  ['networking.istio.io/Gateway', custom('Gateway', parseIstioGateway, istio)],
  ['networking.istio.io/ServiceEntry', custom('ServiceEntry', parseServiceEntry, istio)],
  [
    'gateway.networking.k8s.io/GatewayClass',
    custom('GatewayClass', parseGatewayClass, ['v1', 'v1beta1'], { namespaced: false }),
  ],
  ['gateway.networking.k8s.io/Gateway', custom('KubernetesGateway', parseKubernetesGateway, ['v1', 'v1beta1'])],
  ['gateway.networking.k8s.io/HTTPRoute', custom('HTTPRoute', parseHttpRoute, ['v1', 'v1beta1'])],
  ['gateway.networking.k8s.io/GRPCRoute', custom('GRPCRoute', parseGrpcRoute, ['v1', 'v1alpha2'])],
  [
    'gateway.networking.k8s.io/ReferenceGrant',
    custom('ReferenceGrant', parseReferenceGrant, ['v1', 'v1beta1', 'v1alpha2']),
  ],
]);

/** The same by apiVersion, then kind. */
const byVersion: ReadonlyMap<string, ReadonlyMap<string, KindEntry>> = entriesByVersion();

function entriesByVersion(): Map<string, Map<string, KindEntry>> {
  const entries = new Map<string, Map<string, KindEntry>>();
  for (const [groupKind, entry] of kinds) {
    const [group, kind] = groupKind.split('/') as [string, string];
    for (const version of entry.versions) {
      const apiVersion = group === '' ? version : `${group}/${version}`;
      entries.set(apiVersion, (entries.get(apiVersion) ?? new Map()).set(kind, entry));
    }
  }
  return entries;
}

const ownGroups: ReadonlySet<string> = new Set(['networking.istio.io', 'gateway.networking.k8s.io']);

/**
 * One document of any of the understood kinds, checked and with the API's defaults. Never throws. Findings:
 * WEFT02xx for what makes the object invalid, or of a weft.dev key that key, WEFT03xx for what is not known or not enforced.
 */
export function parseObject(raw: unknown, origin: Origin): Parsed {
  const found = new Findings();
  if (!isRaw(raw)) {
    found.error('WEFT0201', '', `must be a Kubernetes object, not ${quote(raw)}`);
    return nothing(found);
  }
  const entry = entryOf(found, raw);
  const metadata = entry && metadataOf(found, raw);
  if (entry === undefined || metadata === undefined) return nothing(found);
  const identity = readIdentity(found, metadata, entry.nameForm, entry.namespaced);
  if (identity === undefined) return nothing(found);
  const meta = readMetadata(found, metadata, identity, origin, entry.weftKeys);
  checkKnown(found, raw, '', entry.fields, entry.strictness);
  const object = entry.parse(found, raw, meta);
  const ref = { kind: entry.kind, key: `${identity.namespace}/${identity.name}` };
  return { object: found.failed ? undefined : object, isInvalid: found.failed, ref, findings: found.list };
}

function nothing({ failed, list }: Findings): Parsed {
  return { object: undefined, isInvalid: failed, ref: undefined, findings: list };
}

/** Undefined, and a finding, for an object that is of no understood kind and version. */
function entryOf(found: Findings, raw: Raw): KindEntry | undefined {
  const apiVersion = fieldOf(raw, 'apiVersion');
  const kind = fieldOf(raw, 'kind');
  const known = byVersion.get(apiVersion as string)?.get(kind as string);
  return known ?? reportUnknown(found, apiVersion, kind);
}

function reportUnknown(found: Findings, apiVersion: unknown, kind: unknown): undefined {
  for (const [path, value] of [
    ['apiVersion', apiVersion],
    ['kind', kind],
  ] as const) {
    if (value === undefined || value === '') found.error('WEFT0202', path, `the object has no ${path}`);
    else if (typeof value !== 'string') found.error('WEFT0205', path, `must be a string, not ${quote(value)}`);
  }
  if (typeof apiVersion !== 'string' || typeof kind !== 'string' || found.failed) return;
  const slash = apiVersion.indexOf('/');
  const group = slash < 0 ? '' : apiVersion.slice(0, slash);
  const entry = kinds.get(`${group}/${kind}`);
  if (entry === undefined) {
    reportUnknownKind(found, group, kind, apiVersion);
    return;
  }
  const known = entry.versions.map((each) => (group === '' ? each : `${group}/${each}`));
  found.error('WEFT0217', 'apiVersion', `${kind} is read as ${oneOf(known)}, not ${quote(apiVersion)}`);
}

function reportUnknownKind(found: Findings, group: string, kind: string, apiVersion: string): void {
  const near: string[] = [];
  for (const key of kinds.keys())
    if (key.slice(0, key.lastIndexOf('/')) === group) near.push(key.slice(key.lastIndexOf('/') + 1));
  const meant =
    ownGroups.has(group) || group === '' || group === 'apps' || group === 'discovery.k8s.io'
      ? suggestion(kind, near)
      : '';
  found.warning('WEFT0301', 'kind', `${quote(apiVersion)} ${quote(kind)} is not read by Weft`, meant || undefined);
}
