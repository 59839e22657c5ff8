import { type GatewayScope, ownGateways } from '../model/gateway-scope.js';
import type { GatewayServer, IstioGateway } from '../model/istio-gateway.js';
import type { GatewayClass, GatewayListener, KubernetesGateway, ReferenceGrant } from '../model/kubernetes-gateway.js';
import { keyOf } from '../model/mesh.js';
import type { ObjectFinding } from '../model/references.js';
import { type Credentials, credentialsFor } from './credentials.js';
import { ObjectFindings } from './object-findings.js';
import { istioServerTls, listenerTls, type UnresolvedCertificate } from './server-tls.js';
import type { IngressListener, IngressServer, ServerTls } from './snapshot.js';

/** What the rules bind to a server of an Istio Gateway, or to a listener of a Gateway API Gateway. */
export type ServerRules = Pick<IngressServer, 'virtualHosts' | 'tlsRules' | 'tcpRules'>;

export interface AttachedRules extends ServerRules {
  /** Routes that are attached. */
  readonly attached: number;
}

/** What ingress is compiled from. */
export interface IngressInput {
  istioGateways(): Iterable<IstioGateway>;
  kubernetesGateways(): Iterable<KubernetesGateway>;
  gatewayClasses(): Iterable<GatewayClass>;
  referenceGrants(): Iterable<ReferenceGrant>;
}

export interface IngressContext extends GatewayScope {
  readonly credentials: Credentials;
  readonly rulesForServer: (gateway: IstioGateway, server: GatewayServer) => ServerRules;
  readonly rulesForListener: (gateway: KubernetesGateway, listener: GatewayListener) => AttachedRules;
  readonly findings: ObjectFindings;
}

export type GatewayObject = IstioGateway | KubernetesGateway;

/** One server or listener that a Gateway asks for, and what became of it. */
export interface Place {
  readonly gateway: GatewayObject;
  /** As `spec.servers[0]`. */
  readonly path: string;
  /** Of a listener; of a server too when it has one. */
  readonly name: string;
  readonly port: number;
  readonly outcome: Outcome;
  readonly attached: number;
}

export type Outcome =
  | { readonly type: 'served' }
  | { readonly type: 'unsupported'; readonly message: string }
  | { readonly type: 'conflict'; readonly over: 'protocol' | 'hostname' | 'address'; readonly message: string }
  | ({ readonly type: 'unresolved' } & Pick<UnresolvedCertificate, 'reason' | 'message'>);

export interface Ingress {
  /** By port. */
  readonly listeners: Readonly<Record<string, IngressListener>>;
  /** Every server and listener of the Gateways that are this node's, older Gateways first. */
  readonly places: readonly Place[];
}

/** What somebody wants of a port, before it is known who else does. */
interface Wish {
  readonly gateway: GatewayObject;
  readonly path: string;
  readonly name: string;
  readonly title: string;
  readonly port: number;
  readonly bind: string;
  readonly protocol: IngressListener['protocol'] | undefined;
  readonly hosts: readonly string[];
  readonly httpsRedirect: boolean;
  /** Undefined: TLS is not ended here. */
  readonly tls: ServerTls | UnresolvedCertificate | undefined;
  readonly rules: () => AttachedRules;
}

/**
 * The ports that outside traffic comes in by. All that Gateways want of one port is one listener; where two wants contradict, the older
 * Gateway has the port or host, then the first by NS/NAME.
 */
export function compileIngress(input: IngressInput, context: IngressContext): Ingress {
  const isOwn = ownGateways(input.gatewayClasses(), context);
  const gateways = [...input.istioGateways(), ...input.kubernetesGateways()].filter(isOwn).sort(byAge);
  const grants = [...input.referenceGrants()];
  const ports = new Map<number, OpenPort>();
  const places: Place[] = [];
  for (const gateway of gateways) {
    const wishes =
      gateway.kind === 'Gateway' ? istioWishes(gateway, context) : kubernetesWishes(gateway, grants, context);
    for (const wish of wishes) {
      const port = ports.get(wish.port) ?? new OpenPort(wish);
      const { outcome, attached } = port.take(wish);
      if (outcome.type === 'served') ports.set(wish.port, port);
      else tell(wish, outcome, context.findings);
      const { path, name } = wish;
      places.push({ gateway, path, name, port: wish.port, outcome, attached });
    }
  }
  const listeners: Record<string, IngressListener> = {};
  for (const [number, port] of [...ports].sort(([a], [b]) => a - b)) listeners[number] = port.listener();
  return { listeners, places };
}

/** That a port cannot be listened on, as a problem of each Gateway that asked for it. `why`: the end of a sentence. */
export function unboundFindings(ingress: Pick<Ingress, 'places'>, port: number, why: string): readonly ObjectFinding[] {
  const findings = new ObjectFindings();
  for (const { gateway, path, outcome, port: asked } of ingress.places) {
    if (asked !== port || outcome.type !== 'served') continue;
    const field = gateway.kind === 'Gateway' ? `${path}.port.number` : `${path}.port`;
    findings.report(gateway, 'WEFT0608', field, `port ${port} cannot be listened on: ${why}`);
  }
  return findings.list();
}

function byAge(a: GatewayObject, b: GatewayObject): number {
  return a.meta.created - b.meta.created || (keyOf(a) < keyOf(b) ? -1 : 1);
}

const plainProtocols: Readonly<Record<GatewayServer['port']['protocol'], 'http' | 'tls' | 'tcp'>> = {
  HTTP: 'http',
  HTTP2: 'http',
  GRPC: 'http',
  'GRPC-WEB': 'http',
  HTTPS: 'tls',
  TLS: 'tls',
  TCP: 'tcp',
  MONGO: 'tcp',
  REDIS: 'tcp',
  MYSQL: 'tcp',
};

/** What a server's port speaks, and whether TLS ends there. */
export function listenerProtocol({ port, tls }: GatewayServer): {
  readonly protocol: IngressListener['protocol'];
  readonly ends: boolean;
} {
  const plain = plainProtocols[port.protocol];
  const ends = plain !== 'http' && tls !== undefined && tls.mode !== 'PASSTHROUGH';
  if (!ends) return { protocol: plain, ends };
  return { protocol: port.protocol === 'HTTPS' ? 'https' : 'tls', ends };
}

function istioWishes(gateway: IstioGateway, context: IngressContext): readonly Wish[] {
  const credentials = credentialsFor(gateway.meta, context.credentials);
  return gateway.servers.map((server, index) => {
    const { protocol, ends } = listenerProtocol(server);
    const tls = ends ? istioServerTls(server.tls!, gateway.meta.namespace, credentials) : undefined;
    return {
      gateway,
      path: `spec.servers[${index}]`,
      name: server.name ?? '',
      title: `Gateway ${keyOf(gateway)} servers[${index}]`,
      port: server.port.number,
      bind: server.bind,
      protocol,
      hosts: [...new Set(server.hosts.map(({ host }) => host.toLowerCase()))],
      httpsRedirect: protocol === 'http' && (server.tls?.httpsRedirect ?? false),
      tls: tls !== undefined && 'field' in tls ? { ...tls, reason: 'InvalidCertificateRef' } : tls,
      rules: () => ({ ...context.rulesForServer(gateway, server), attached: 0 }),
    };
  });
}

const listenerProtocols = { HTTP: 'http', HTTPS: 'https' } as const;

function kubernetesWishes(
  gateway: KubernetesGateway,
  grants: readonly ReferenceGrant[],
  context: IngressContext,
): readonly Wish[] {
  const { namespace } = gateway.meta;
  return gateway.listeners.map((listener, index) => {
    const protocol = listener.protocol === 'HTTP' || listener.protocol === 'HTTPS' ? listener.protocol : undefined;
    const references = listener.tls?.certificateRefs ?? [];
    return {
      gateway,
      path: `spec.listeners[${index}]`,
      name: listener.name,
      title: `Gateway ${keyOf(gateway)} listeners[${index}] (${listener.name})`,
      port: listener.port,
      bind: '',
      protocol: protocol && listenerProtocols[protocol],
      hosts: [(listener.hostname ?? '*').toLowerCase()],
      httpsRedirect: false,
      tls: protocol === 'HTTPS' ? listenerTls(references, namespace, grants, context.credentials) : undefined,
      rules: () => context.rulesForListener(gateway, listener),
    };
  });
}

/** A port while it is given away. */
class OpenPort {
  readonly #port: number;
  readonly #bind: string;
  readonly #first: Wish;
  #protocol: IngressListener['protocol'];
  readonly #servers: IngressServer[] = [];
  /** Who has a host, where one name can lead to one server alone. */
  readonly #owners = new Map<string, Wish>();

  constructor(first: Wish) {
    this.#port = first.port;
    this.#bind = first.bind;
    this.#first = first;
    this.#protocol = first.protocol ?? 'tcp';
  }

  take(wish: Wish): { readonly outcome: Outcome; readonly attached: number } {
    const refusal = this.#refusal(wish);
    if (refusal !== undefined) return { outcome: refusal, attached: 0 };
    const { title, gateway, httpsRedirect, protocol } = wish;
    const hosts = wish.hosts.filter((host) => !this.#owners.has(this.#claim(wish, host)));
    for (const host of hosts) this.#owners.set(this.#claim(wish, host), wish);
    if (protocol === 'https') this.#protocol = 'https';
    const { attached, ...rules } = wish.rules();
    const tls = wish.tls as ServerTls | undefined;
    this.#servers.push({ name: title, gateway: keyOf(gateway), hosts, httpsRedirect, tls, ...rules });
    return { outcome: { type: 'served' }, attached };
  }

  #refusal(wish: Wish): Outcome | undefined {
    const { protocol, tls } = wish;
    if (protocol === undefined) return { type: 'unsupported', message: 'no kind of route is known for the protocol' };
    const first = titleOf(this.#first);
    if (familyOf(protocol) !== familyOf(this.#protocol)) {
      const message = `port ${this.#port} speaks ${this.#protocol} for ${first}`;
      return { type: 'conflict', over: 'protocol', message };
    }
    if (wish.bind !== this.#bind) {
      const message = `${first} binds port ${this.#port} to ${this.#bind || 'all addresses'}`;
      return { type: 'conflict', over: 'address', message };
    }
    if (tls !== undefined && 'field' in tls) return { type: 'unresolved', reason: tls.reason, message: tls.message };
    const owners = wish.hosts.map((host) => this.#owners.get(this.#claim(wish, host)));
    if (owners.some((owner) => owner === undefined)) return undefined;
    const message = `${titleOf(owners[0]!)} has ${wish.hosts.join(', ')} on port ${this.#port}`;
    return { type: 'conflict', over: 'hostname', message };
  }

  /** By SNI a name can lead to one server alone; by Host the rules of several Gateways add up, but not of one Gateway API listener twice. */
  #claim(wish: Wish, host: string): string {
    if (familyOf(wish.protocol!) !== 'http') return host;
    return wish.gateway.kind === 'Gateway' ? `${wish.title} ${host}` : `${keyOf(wish.gateway)} ${host}`;
  }

  listener(): IngressListener {
    const binds = this.#bind === '' ? [] : [this.#bind];
    return { port: this.#port, binds, protocol: this.#protocol, servers: this.#servers };
  }
}

function titleOf({ title }: Wish): string {
  return title;
}

function familyOf(protocol: IngressListener['protocol']): 'http' | 'tls' | 'tcp' {
  return protocol === 'https' ? 'tls' : protocol;
}

function tell({ gateway, path, tls }: Wish, outcome: Outcome, findings: ObjectFindings): void {
  const isIstio = gateway.kind === 'Gateway';
  switch (outcome.type) {
    case 'conflict':
      findings.report(gateway, 'WEFT0507', isIstio ? `${path}.port` : path, outcome.message);
      break;
    case 'unsupported':
      findings.report(gateway, 'WEFT0303', `${path}.protocol`, outcome.message);
      break;
    case 'unresolved': {
      const { field, dangling } = tls as UnresolvedCertificate;
      if (dangling) return;
      const code = outcome.reason === 'RefNotPermitted' ? 'WEFT0409' : 'WEFT0408';
      findings.report(gateway, code, `${path}.tls.${field}`, outcome.message);
    }
  }
}
