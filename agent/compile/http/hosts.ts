import type { ReferenceGrant } from '../../model/kubernetes-gateway.js';
import { keyOf } from '../../model/mesh.js';
import { hostOfService, serviceOfHost, wildcardCovers } from '../../model/names.js';
import type { ProblemCode } from '../../model/problem-codes.js';
import type { BackendReference } from '../../model/route.js';
import type { Destination } from '../../model/virtual-service.js';
import { clusterKeyOf } from '../cluster-key.js';
import { RuleLookup } from '../rule-lookup.js';
import { EntryLookup } from '../service-entry.js';
import type { HttpInput } from './input.js';

/** Where a destination leads, and what is wrong with it. */
export interface ResolvedDestination {
  /** Key of a cluster, also of one that does not exist. */
  readonly cluster: string;
  readonly problem: ResolvedProblem | undefined;
}

/** Problems that are references to nothing, of which model/routing-references.ts tells. */
const dangling: ReadonlySet<ProblemCode> = new Set(['WEFT0401', 'WEFT0407', 'WEFT0413']);

export function isDangling(code: ProblemCode): boolean {
  return dangling.has(code);
}

interface ResolvedProblem {
  readonly code: ProblemCode;
  /** Appended to the path of the destination: `.host`, `.port`, `.subset`, or nothing. */
  readonly field: string;
  readonly message: string;
}

interface KnownHost {
  readonly host: string;
  /** TCP ports; undefined: there is no such host. */
  readonly ports: readonly number[] | undefined;
}

/** Which backends the hosts and references of rules name. */
export class Hosts {
  readonly #input: HttpInput;
  readonly #entries: EntryLookup;
  readonly #rules: RuleLookup;
  readonly #grants: readonly ReferenceGrant[];

  constructor(input: HttpInput) {
    this.#input = input;
    this.#rules = new RuleLookup(input.destinationRules());
    this.#grants = [...input.referenceGrants()];
    this.#entries = new EntryLookup(input.serviceEntries());
  }

  /**
   * A destination of a VirtualService of `namespace`, for requests that came to `port`. A port that is not said is the only one of
   * the destination, else the one that was addressed (Istio's GetDestinationCluster).
   */
  destination(
    { host: written, subset, port: said }: Destination,
    namespace: string,
    port: number,
  ): ResolvedDestination {
    const { host, ports } = this.#hostOf(written, namespace);
    const chosen = said ?? (ports?.length === 1 ? ports[0]! : port);
    const cluster = clusterKeyOf(host, chosen, subset);
    return { cluster, problem: this.#problemOf(host, ports, said, chosen, subset) };
  }

  #problemOf(
    host: string,
    ports: readonly number[] | undefined,
    said: number | undefined,
    chosen: number,
    subset: string | undefined,
  ): ResolvedProblem | undefined {
    if (ports === undefined)
      return { code: 'WEFT0401', field: '.host', message: `there is no Service or ServiceEntry ${host}` };
    const listed = ports.length === 0 ? 'none' : ports.join(', ');
    if (!ports.includes(chosen)) {
      return said === undefined
        ? { code: 'WEFT0411', field: '', message: `${host} has the ports ${listed}: say which` }
        : { code: 'WEFT0407', field: '.port.number', message: `${host} has no port ${said}; it has ${listed}` };
    }
    if (subset === undefined) return undefined;
    const known = this.#rules.about(host).some((rule) => rule.subsets.some(({ name }) => name === subset));
    return known
      ? undefined
      : { code: 'WEFT0410', field: '.subset', message: `no DestinationRule of ${host} has a subset ${subset}` };
  }

  #hostOf(written: string, namespace: string): KnownHost {
    const key = serviceOfHost(written, namespace);
    const service = key === undefined ? undefined : this.#input.service(key);
    if (key !== undefined && service !== undefined) {
      return { host: hostOfService(key), ports: tcpPorts(service.ports) };
    }
    const host = written.toLowerCase().replace(/\.$/, '');
    const entryPorts = this.#entryPorts(host);
    if (entryPorts.length > 0) return { host, ports: entryPorts };
    const isClusterName = key !== undefined && (!host.includes('.') || host.split('.')[2] === 'svc');
    return { host: isClusterName ? hostOfService(key) : host, ports: undefined };
  }

  /** Whether a ServiceEntry has the host. */
  isEntry(host: string): boolean {
    return this.#entries.of(host.toLowerCase()).length > 0;
  }

  /** TCP ports of the ServiceEntries that have the host, by name or else by a wildcard. */
  #entryPorts(host: string): readonly number[] {
    const named = this.#entries.of(host);
    const wildcard = () =>
      [...this.#entries.hosts()].find((pattern) => pattern.startsWith('*') && wildcardCovers(pattern, host));
    const entries = named.length > 0 ? named : this.#entries.of(wildcard() ?? '');
    const ports = entries.flatMap((entry) => entry.ports.filter(({ protocol }) => protocol !== 'UDP'));
    return [...new Set(ports.map(({ number }) => number))];
  }

  /** A reference of a route of `kind` in `namespace`; the reason is the one of the ResolvedRefs condition (Gateway API). */
  backend(
    reference: BackendReference,
    kind: 'HTTPRoute' | 'GRPCRoute',
    namespace: string,
  ):
    | { readonly cluster: string }
    | {
        readonly reason: 'InvalidKind' | 'BackendNotFound' | 'RefNotPermitted';
        readonly code: ProblemCode;
        readonly message: string;
      } {
    const { group, kind: wanted, name, port } = reference;
    if (group !== '' || wanted !== 'Service') {
      const message = `${wanted}${group === '' ? '' : `.${group}`} is no kind of backend that is known: use a Service`;
      return { reason: 'InvalidKind', code: 'WEFT0413', message };
    }
    const key = `${reference.namespace}/${name}`;
    if (reference.namespace !== namespace && !this.#isGranted(reference, kind, namespace)) {
      const message = `no ReferenceGrant of namespace ${reference.namespace} lets a ${kind} of ${namespace} refer to Service ${name}`;
      return { reason: 'RefNotPermitted', code: 'WEFT0409', message };
    }
    const service = this.#input.service(key);
    if (service === undefined)
      return { reason: 'BackendNotFound', code: 'WEFT0401', message: `there is no Service ${key}` };
    const ports = tcpPorts(service.ports);
    if (port !== undefined && ports.includes(port)) return { cluster: clusterKeyOf(hostOfService(key), port) };
    const message =
      port === undefined
        ? 'a Service needs a port'
        : `Service ${keyOf(service)} has no port ${port}; it has ${ports.join(', ') || 'none'}`;
    return { reason: 'BackendNotFound', code: 'WEFT0407', message };
  }

  #isGranted(reference: BackendReference, kind: string, namespace: string): boolean {
    return this.#grants.some(
      ({ meta, from, to }) =>
        meta.namespace === reference.namespace &&
        from.some(
          (each) => each.group === 'gateway.networking.k8s.io' && each.kind === kind && each.namespace === namespace,
        ) &&
        to.some(
          (each) =>
            each.group === '' && each.kind === 'Service' && (each.name === undefined || each.name === reference.name),
        ),
    );
  }
}

function tcpPorts(ports: readonly { readonly port: number; readonly protocol: string }[]): readonly number[] {
  return ports.filter(({ protocol }) => protocol === 'TCP').map(({ port }) => port);
}
