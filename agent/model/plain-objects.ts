import type {
  Deployment,
  GatewayClass,
  GrpcRoute,
  HttpRoute,
  IstioGateway,
  KubernetesGateway,
  MeshObject,
  ReferenceGrant,
  RoutingObject,
  Secret,
  ServiceEntry,
  VirtualService,
} from './mesh.js';

/** Kinds of which nothing is looked up but the objects themselves. */
export type PlainKind = Exclude<RoutingObject['kind'], 'DestinationRule'> | 'Deployment';
export type PlainObject = Extract<MeshObject, { kind: PlainKind }>;

/** The current objects of those kinds, each once: the part of the catalog that needs no index. */
export class PlainObjects {
  /** By kind, then key. */
  readonly #objects = new Map<PlainKind, Map<string, PlainObject>>();

  protected setPlain(kind: PlainKind, key: string, object: PlainObject | undefined): void {
    let byKey = this.#objects.get(kind);
    if (byKey === undefined) {
      byKey = new Map();
      this.#objects.set(kind, byKey);
    }
    if (object === undefined) byKey.delete(key);
    else byKey.set(key, object);
  }

  protected plainObject(kind: PlainKind, key: string): PlainObject | undefined {
    return this.#objects.get(kind)?.get(key);
  }

  protected *plainObjects(): Generator<PlainObject> {
    for (const byKey of this.#objects.values()) yield* byKey.values();
  }

  virtualServices(): IterableIterator<VirtualService> {
    return this.#of('VirtualService');
  }

  istioGateways(): IterableIterator<IstioGateway> {
    return this.#of('Gateway');
  }

  serviceEntries(): IterableIterator<ServiceEntry> {
    return this.#of('ServiceEntry');
  }

  kubernetesGateways(): IterableIterator<KubernetesGateway> {
    return this.#of('KubernetesGateway');
  }

  gatewayClasses(): IterableIterator<GatewayClass> {
    return this.#of('GatewayClass');
  }

  httpRoutes(): IterableIterator<HttpRoute> {
    return this.#of('HTTPRoute');
  }

  grpcRoutes(): IterableIterator<GrpcRoute> {
    return this.#of('GRPCRoute');
  }

  referenceGrants(): IterableIterator<ReferenceGrant> {
    return this.#of('ReferenceGrant');
  }

  deployments(): IterableIterator<Deployment> {
    return this.#of('Deployment');
  }

  /** By NS/NAME. It holds a private key: nothing of it is to be shown. */
  secret(key: string): Secret | undefined {
    return this.#objects.get('Secret')?.get(key) as Secret | undefined;
  }

  virtualService(key: string): VirtualService | undefined {
    return this.#objects.get('VirtualService')?.get(key) as VirtualService | undefined;
  }

  #of<K extends PlainKind>(kind: K): IterableIterator<Extract<PlainObject, { kind: K }>> {
    const byKey = this.#objects.get(kind) ?? new Map<string, PlainObject>();
    return byKey.values() as IterableIterator<Extract<PlainObject, { kind: K }>>;
  }
}
