import { at, checkKnown, fieldOf, type Raw, readLabels, readRaw } from './fields.js';
import { child, type Findings } from './findings.js';
import { noLabels } from './intern.js';
import type { Metadata, Namespace, Node, OtherObject } from './mesh.js';
import { serviceOfHost } from './names.js';
import { meshOf } from './parse-metadata.js';
import { checkShape, dig, digList, type Shape } from './schema.js';
import * as gatewayApi from './schema-gatewayapi.js';
import * as istio from './schema-istio.js';

/** The kinds that are checked, and looked through for references, but not enforced. */

type Reference = OtherObject['refers'][number];

export function parseNode(_found: Findings, _raw: Raw, meta: Metadata): Node {
  const label = (name: string) => meta.labels[name] ?? '';
  return {
    kind: 'Node',
    meta,
    region: label('topology.kubernetes.io/region'),
    zone: label('topology.kubernetes.io/zone'),
    subzone: label('topology.istio.io/subzone'),
  };
}

export function parseNamespace(_found: Findings, _raw: Raw, meta: Metadata): Namespace {
  return { kind: 'Namespace', meta, mesh: meshOf(meta.labels) };
}

function other(kind: OtherObject['kind'], meta: Metadata, refers: readonly Reference[] = []): OtherObject {
  return { kind, meta, refers, podLabels: noLabels, hosts: [] };
}

/** Checks `spec`; false when an error was found. */
function checkSpec(found: Findings, raw: Raw, shape: Shape): boolean {
  checkShape(found, fieldOf(raw, 'spec') ?? {}, shape, 'spec');
  return !found.failed;
}

function notEnforced(found: Findings, kind: string): void {
  found.warning('WEFT0306', 'spec', `a ${kind} is not enforced by this version (HTTP rules)`);
}

export function parseVirtualService(found: Findings, raw: Raw, meta: Metadata): OtherObject | undefined {
  notEnforced(found, 'VirtualService');
  if (!checkSpec(found, raw, istio.virtualService)) return undefined;
  if (meta.annotations['weft.dev/rollout'] !== undefined) {
    found.warning('WEFT0303', child('metadata.annotations', 'weft.dev/rollout'), 'is not enforced by this version');
  }
  const refers: Reference[] = [];
  const gateways = dig(raw, 'spec', 'gateways') as readonly string[] | undefined;
  for (const [index, name] of (gateways ?? []).entries()) {
    if (name !== 'mesh')
      refers.push({ kind: 'Gateway', key: gatewayKey(name, meta.namespace), path: `spec.gateways[${index}]` });
  }
  for (const section of ['http', 'tls', 'tcp']) {
    for (const [index, route] of digList(raw, 'spec', section)) {
      destinations(route, at(`spec.${section}`, index), meta.namespace, refers);
    }
  }
  return { ...other('VirtualService', meta, refers), hosts: (dig(raw, 'spec', 'hosts') ?? []) as readonly string[] };
}

/** `NAME` of the resource's namespace, or `NAMESPACE/NAME`. */
function gatewayKey(name: string, namespace: string): string {
  return name.includes('/') ? name : `${namespace}/${name}`;
}

function destinations(route: Raw, path: string, namespace: string, refers: Reference[]): void {
  const add = (holder: unknown, place: string) => {
    const host = dig(holder, 'host');
    if (typeof host === 'string') refers.push(hostReference(host, namespace, `${place}.host`));
  };
  for (const [index, entry] of digList(route, 'route')) {
    add(dig(entry, 'destination'), `${at(`${path}.route`, index)}.destination`);
  }
  for (const [index, entry] of digList(route, 'mirrors')) {
    add(dig(entry, 'destination'), `${at(`${path}.mirrors`, index)}.destination`);
  }
  add(dig(route, 'mirror'), `${path}.mirror`);
}

/** A Service by its key, or `Host` for a name outside the cluster, which only a ServiceEntry can have. */
function hostReference(host: string, namespace: string, path: string): Reference {
  const service = serviceOfHost(host, namespace);
  return service === undefined ? { kind: 'Host', key: host, path } : { kind: 'Service', key: service, path };
}

export function parseIstioGateway(found: Findings, raw: Raw, meta: Metadata): OtherObject | undefined {
  notEnforced(found, 'Gateway');
  if (!checkSpec(found, raw, istio.gateway)) return undefined;
  const refers: Reference[] = [];
  for (const [index, server] of digList(raw, 'spec', 'servers')) {
    const secret = dig(server, 'tls', 'credentialName');
    if (typeof secret !== 'string' || secret === '') continue;
    refers.push({
      kind: 'Secret',
      key: `${meta.namespace}/${secret}`,
      path: `spec.servers[${index}].tls.credentialName`,
    });
  }
  return other('Gateway', meta, refers);
}

export function parseServiceEntry(found: Findings, raw: Raw, meta: Metadata): OtherObject | undefined {
  notEnforced(found, 'ServiceEntry');
  if (!checkSpec(found, raw, istio.serviceEntry)) return undefined;
  return { ...other('ServiceEntry', meta), hosts: dig(raw, 'spec', 'hosts') as readonly string[] };
}

export function parseGatewayClass(found: Findings, raw: Raw, meta: Metadata): OtherObject | undefined {
  return checkSpec(found, raw, gatewayApi.gatewayClass) ? other('GatewayClass', meta) : undefined;
}

export function parseKubernetesGateway(found: Findings, raw: Raw, meta: Metadata): OtherObject | undefined {
  notEnforced(found, 'Gateway');
  if (!checkSpec(found, raw, gatewayApi.gateway)) return undefined;
  const className = dig(raw, 'spec', 'gatewayClassName') as string;
  const refers: Reference[] = [{ kind: 'GatewayClass', key: `/${className}`, path: 'spec.gatewayClassName' }];
  for (const [index, listener] of digList(raw, 'spec', 'listeners')) {
    for (const [number, reference] of digList(listener, 'tls', 'certificateRefs')) {
      const path = `spec.listeners[${index}].tls.certificateRefs[${number}].name`;
      if ((fieldOf(reference, 'kind') ?? 'Secret') === 'Secret') refers.push(named(reference, 'Secret', meta, path));
    }
  }
  return other('KubernetesGateway', meta, refers);
}

export function parseHttpRoute(found: Findings, raw: Raw, meta: Metadata): OtherObject | undefined {
  return parseRoute(found, raw, meta, 'HTTPRoute', gatewayApi.httpRoute);
}

export function parseGrpcRoute(found: Findings, raw: Raw, meta: Metadata): OtherObject | undefined {
  return parseRoute(found, raw, meta, 'GRPCRoute', gatewayApi.grpcRoute);
}

function parseRoute(
  found: Findings,
  raw: Raw,
  meta: Metadata,
  kind: 'HTTPRoute' | 'GRPCRoute',
  shape: Shape,
): OtherObject | undefined {
  notEnforced(found, kind);
  if (!checkSpec(found, raw, shape)) return undefined;
  const refers: Reference[] = [];
  for (const [index, parent] of digList(raw, 'spec', 'parentRefs')) {
    const path = `spec.parentRefs[${index}].name`;
    const parentKind = fieldOf(parent, 'kind') ?? 'Gateway';
    if (parentKind === 'Service') refers.push(named(parent, 'Service', meta, path));
    else if (parentKind === 'Gateway') refers.push(named(parent, 'KubernetesGateway', meta, path));
  }
  for (const [index, rule] of digList(raw, 'spec', 'rules')) {
    for (const [number, backend] of digList(rule, 'backendRefs')) {
      const path = `spec.rules[${index}].backendRefs[${number}].name`;
      if ((fieldOf(backend, 'kind') ?? 'Service') === 'Service') refers.push(named(backend, 'Service', meta, path));
    }
  }
  return other(kind, meta, refers);
}

/** An object reference of the Gateway API, whose namespace defaults to that of the object. */
function named(reference: Raw, kind: string, meta: Metadata, path: string): Reference {
  const namespace = fieldOf(reference, 'namespace') ?? meta.namespace;
  return { kind, key: `${String(namespace)}/${String(fieldOf(reference, 'name'))}`, path };
}

export function parseReferenceGrant(found: Findings, raw: Raw, meta: Metadata): OtherObject | undefined {
  return checkSpec(found, raw, gatewayApi.referenceGrant) ? other('ReferenceGrant', meta) : undefined;
}

/** Only that a TLS Secret exists is kept, never its data. */
export function parseSecret(_found: Findings, raw: Raw, meta: Metadata): OtherObject | undefined {
  return fieldOf(raw, 'type') === 'kubernetes.io/tls' ? other('Secret', meta) : undefined;
}

const deploymentFields: ReadonlySet<string> = new Set([
  'minReadySeconds',
  'paused',
  'progressDeadlineSeconds',
  'replicas',
  'revisionHistoryLimit',
  'selector',
  'strategy',
  'template',
]);

/** apps/v1 Deployment: accepted; nothing runs its Pods here. */
export function parseDeployment(found: Findings, raw: Raw, meta: Metadata): OtherObject | undefined {
  const spec = readRaw(found, raw, '', 'spec');
  if (spec === undefined) {
    found.error('WEFT0208', 'spec', 'a Deployment needs a spec');
    return undefined;
  }
  checkKnown(found, spec, 'spec', deploymentFields);
  const template = readRaw(found, spec, 'spec', 'template') ?? {};
  const metadata = readRaw(found, template, 'spec.template', 'metadata') ?? {};
  const podLabels = readLabels(found, metadata, 'spec.template.metadata', 'labels');
  const selector = readRaw(found, spec, 'spec', 'selector') ?? {};
  const wanted = readLabels(found, selector, 'spec.selector', 'matchLabels');
  for (const [key, value] of Object.entries(wanted)) {
    if (podLabels[key] === value) continue;
    const place = child('spec.selector.matchLabels', key);
    found.error('WEFT0212', place, `spec.template.metadata.labels does not have ${key}: ${value}`);
  }
  return { ...other('Deployment', meta), podLabels };
}
