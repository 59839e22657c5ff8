import type { DestinationRule, EndpointSlice, Node, Pod, Service } from '../model/mesh.js';
import type { GatewayUse, Overrides } from './plan.js';

/** What compile reads of the mesh. Keys are `NS/NAME`. */
export interface CompileInput {
  service(key: string): Service | undefined;
  /** EndpointSlices whose label kubernetes.io/service-name is this Service's. */
  slicesOf(serviceKey: string): readonly EndpointSlice[];
  /** Pods of the Service's namespace that its selector matches. */
  podsMatching(service: Service): readonly Pod[];
  pod(key: string): Pod | undefined;
  podByAddress(address: string): Pod | undefined;
  /** By its bare name. */
  node(name: string): Node | undefined;
  /** The DestinationRule whose host is this Service. */
  ruleFor(serviceKey: string): DestinationRule | undefined;
}

/** Where and under which orders of its operator the tables are compiled. */
export interface CompileContext {
  /** This node's name. */
  readonly node: string;
  /** This node's zone; empty when unknown. */
  readonly zone: string;
  readonly overrides: Overrides;
  /** Whether TCP connections to this Service port lead to the gateway. Default: none do. */
  readonly gatewayOf?: (service: string, port: number) => GatewayUse;
}
