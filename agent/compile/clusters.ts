import type { Cluster, ClusterEndpoint, ClusterPolicy, PolicyVariant } from '../balance/cluster.js';
import { familyOfAddress } from '../model/address.js';
import { type Family, keyOf, type Service, type ServicePort } from '../model/mesh.js';
import { hostOfService, keyOfHost, serviceOfHost } from '../model/names.js';
import { selects } from '../model/selectors.js';
import { showEndpoint } from '../tables/address.js';
import { candidatesOf, endpointSource } from './candidates.js';
import { type ClusterName, clusterKeyOf } from './cluster-key.js';
import { type DecidedPolicy, type PolicySubject, policyOf } from './cluster-policy.js';
import { type Credentials, credentialsFor } from './credentials.js';
import { defaultWeight } from './endpoints.js';
import type { CompileContext, CompileInput } from './input.js';
import { localityOf, topologyLabels } from './locality.js';
import type { ObjectFindings } from './object-findings.js';
import { namedProtocol, type PortProtocol, portProtocol } from './port-protocol.js';
import type { RuleLookup, RuleView } from './rule-lookup.js';
import { bothFamilies, type EntryLookup, type EntryPort, listedEndpoints, selectingService } from './service-entry.js';
import { statesOf } from './topology.js';
import { upstreamTlsOf } from './upstream-tls.js';
import { nobody, workloadOf } from './workload.js';

export interface ClusterContext extends CompileContext {
  readonly rules: RuleLookup;
  readonly entries: EntryLookup;
  readonly credentials: Credentials;
  readonly findings: ObjectFindings;
}

/** A host with one of its ports, before subsets and policies. */
interface Destination {
  readonly service: Service | undefined;
  /** Namespace of the Service or ServiceEntry. */
  readonly namespace: string;
  readonly protocol: PortProtocol;
  readonly resolution: Cluster['resolution'];
  readonly visibleTo: readonly string[] | undefined;
  readonly subjectAltNames: readonly string[];
  /** With all their labels. */
  readonly endpoints: readonly ClusterEndpoint[];
}

/**
 * The cluster of a name; undefined where no Service and no ServiceEntry has the host and port, or no DestinationRule has the subset. A
 * Service goes before a ServiceEntry of its host.
 */
export function compileCluster(name: ClusterName, input: CompileInput, context: ClusterContext): Cluster | undefined {
  const destination = serviceDestination(name, input, context) ?? entryDestination(name, input, context);
  if (destination === undefined) return undefined;
  const views = context.rules.viewsOf(name.host, destination.namespace, destination.visibleTo);
  if (name.subset !== '' && !views.some((view) => view.rule?.subsets.has(name.subset))) return undefined;
  const variants = views.map((view) => variantOf(view, name, destination, context));
  const { host, port, subset } = name;
  return {
    key: clusterKeyOf(host, port, subset),
    host,
    service: destination.service === undefined ? '' : keyOf(destination.service),
    port,
    subset,
    resolution: destination.resolution,
    ...withMembers(destination.endpoints, variants),
  };
}

/** NS/NAME of the Service that a cluster's full host names; undefined for others. */
export function serviceOfCluster(host: string): string | undefined {
  return host.endsWith('.svc.cluster.local') ? serviceOfHost(host, '') : undefined;
}

function serviceDestination(name: ClusterName, input: CompileInput, context: ClusterContext): Destination | undefined {
  const key = serviceOfCluster(name.host);
  const service = key === undefined ? undefined : input.service(key);
  if (service === undefined || hostOfService(key!) !== name.host) return undefined;
  const port = service.ports.find((each) => each.port === name.port && each.protocol === 'TCP');
  const common = { service, namespace: service.meta.namespace, visibleTo: undefined, subjectAltNames: [] };
  if (service.type === 'ExternalName') {
    const protocol = port === undefined ? 'sniff' : portProtocol(port);
    const endpoints = [externalEndpoint(service.externalName, name.port)];
    return { ...common, protocol, resolution: 'dns', endpoints };
  }
  if (port === undefined) return undefined;
  const endpoints = selectedEndpoints(service, port, input, context);
  return { ...common, protocol: portProtocol(port), resolution: 'static', endpoints };
}

function externalEndpoint(address: string, port: number): ClusterEndpoint {
  return {
    name: showEndpoint(address, port),
    address,
    port,
    weight: defaultWeight,
    state: 'ready',
    locality: localityOf(undefined),
    node: '',
    labels: {},
    workload: nobody,
  };
}

function entryDestination(name: ClusterName, input: CompileInput, context: ClusterContext): Destination | undefined {
  const found = context.entries.port(name.host, name.port);
  if (found === undefined) return undefined;
  const [first] = found.entries;
  return {
    service: undefined,
    namespace: first!.meta.namespace,
    protocol: namedProtocol(found.port.protocol),
    resolution: found.resolution,
    visibleTo: found.visibleTo,
    subjectAltNames: found.entries.flatMap(({ subjectAltNames }) => subjectAltNames),
    endpoints: entryEndpoints(found, name, input, context),
  };
}

function entryEndpoints(
  { entries }: EntryPort,
  { host, port }: ClusterName,
  input: CompileInput,
  context: ClusterContext,
): readonly ClusterEndpoint[] {
  const found = new Map<string, ClusterEndpoint>();
  for (const entry of entries) {
    const weights = context.overrides.weights.get(keyOfHost(host, entry.meta.namespace));
    const service = selectingService(entry);
    const selected =
      service === undefined
        ? listedEndpoints(entry, host, port)
        : selectedEndpoints(service, service.ports.find((each) => each.port === port)!, input, context);
    for (const endpoint of selected) {
      const place = showEndpoint(endpoint.address, endpoint.port);
      const weight = weights?.get(endpoint.name) ?? weights?.get(endpoint.address);
      const said = weights === undefined ? endpoint.weight : (weight ?? defaultWeight);
      if (!found.has(place)) found.set(place, said === endpoint.weight ? endpoint : { ...endpoint, weight: said });
    }
  }
  return [...found.values()];
}

/**
 * The endpoints of a Service port that this node uses, sorted by address within a family. A Pod with addresses of both families is there once,
 * by its address of the Service's first family, so that what is known of it is known in one place.
 */
function selectedEndpoints(
  service: Service,
  port: ServicePort,
  input: CompileInput,
  context: ClusterContext,
): readonly ClusterEndpoint[] {
  const source = endpointSource(service, input);
  const weights = context.overrides.weights.get(keyOf(service));
  const found: ClusterEndpoint[] = [];
  const pods = new Set<string>();
  for (const family of familiesOf(service)) {
    const candidates = candidatesOf(source, port, family, input);
    const states = statesOf(candidates, service, context);
    const ofFamily: string[] = [];
    for (const [index, { name, address, port: number, node, zone }] of candidates.entries()) {
      const state = states[index]!;
      if ((state !== 'ready' && state !== 'terminating' && state !== 'standby') || pods.has(name)) continue;
      const pod = name.includes('/') ? input.pod(name) : undefined;
      if (pod !== undefined) ofFamily.push(name);
      const place = localityOf(node === '' ? undefined : input.node(node));
      const locality = zone === '' ? place : { ...place, zone };
      found.push({
        name: name.includes('/') ? name : showEndpoint(address, number),
        address,
        port: number,
        weight: weights?.get(name) ?? weights?.get(address) ?? defaultWeight,
        state: state === 'ready' ? 'ready' : 'standby',
        locality,
        node,
        labels: { ...topologyLabels(node, locality), ...pod?.meta.labels },
        workload: pod === undefined ? nobody : workloadOf(pod),
      });
    }
    for (const name of ofFamily) pods.add(name);
  }
  return found;
}

/** The Service's own first; of a headless one both. */
function familiesOf(service: Service): readonly Family[] {
  const own = new Set(service.addresses.map(familyOfAddress));
  return own.size === 0 ? bothFamilies : [...own];
}

/** A variant whose members are not counted yet. */
interface Variant {
  readonly when: PolicyVariant['when'];
  readonly policy: ClusterPolicy;
  /** Undefined: nobody; else labels that members have. */
  readonly selector: Readonly<Record<string, string>> | undefined;
}

function variantOf(view: RuleView, name: ClusterName, destination: Destination, context: ClusterContext): Variant {
  const { subset, port } = name;
  const placed = subset === '' ? undefined : view.rule?.subsets.get(subset);
  const declares = destination.protocol === 'opaque' ? 'http1' : destination.protocol;
  const subject: PolicySubject = { service: destination.service, port, subset, declares };
  const decided = policyOf(view.rule, subject);
  const tls = tlsOf(decided, destination, context);
  for (const { rule, path, message } of decided.idle) context.findings.report(rule, 'WEFT0303', path, message);
  const isUsable = view.allowed && tls !== 'unusable' && (subset === '' || placed !== undefined);
  return {
    when: { namespaces: view.namespaces, labels: view.labels },
    policy: { ...decided.policy, tls: tls === 'unusable' ? undefined : tls },
    selector: isUsable ? (placed?.part.labels ?? {}) : undefined,
  };
}

/** Where certificates cannot be read, nobody is a member: nothing is sent in clear instead. */
function tlsOf(
  { tls }: DecidedPolicy,
  destination: Destination,
  { credentials, findings }: ClusterContext,
): ClusterPolicy['tls'] | 'unusable' {
  if (tls === undefined) return undefined;
  const { part, rule, path } = tls;
  const own = credentialsFor(rule.meta, credentials);
  const found = upstreamTlsOf(part, rule.meta.namespace, destination.subjectAltNames, own);
  if (found === undefined || !('field' in found)) return found;
  if (found.dangling) return 'unusable';
  findings.report(rule, 'WEFT0408', path.endsWith('.tls') ? `${path}.${found.field}` : path, found.message);
  return 'unusable';
}

/** Of a subset the endpoints that some variant has, with the labels that some failoverPriority names. */
function withMembers(
  all: readonly ClusterEndpoint[],
  variants: readonly Variant[],
): Pick<Cluster, 'endpoints' | 'variants'> {
  const isMember = ({ selector }: Variant, { labels }: ClusterEndpoint) =>
    selector !== undefined && selects(selector, labels);
  const used = all.filter((endpoint) => variants.some((variant) => isMember(variant, endpoint)));
  const names = labelsNamed(variants);
  return {
    endpoints: used.map((endpoint) => ({ ...endpoint, labels: picked(endpoint.labels, names) })),
    variants: variants.map((variant) => {
      const members = [...used.keys()].filter((index) => isMember(variant, used[index]!));
      const hasAll = variant.selector !== undefined && members.length === used.length;
      return { when: variant.when, policy: variant.policy, members: hasAll ? undefined : members };
    }),
  };
}

function labelsNamed(variants: readonly Variant[]): ReadonlySet<string> {
  const entries = variants.flatMap(({ policy }) => policy.locality?.failoverPriority ?? []);
  return new Set(entries.map((entry) => entry.split('=', 1)[0]!));
}

function picked(
  labels: Readonly<Record<string, string>>,
  names: ReadonlySet<string>,
): Readonly<Record<string, string>> {
  const kept: Record<string, string> = {};
  for (const name of names) if (labels[name] !== undefined) kept[name] = labels[name];
  return kept;
}
