import type { Family, LoadBalancer, Protocol } from '../model/mesh.js';

/** Why a backend is or is not picked. The usable ones have a weight above 0. */
export type BackendState =
  | 'ready'
  | 'terminating' // serving and terminating: used while nobody is ready (KEP-1669)
  | 'unready'
  | 'drained' // by `weft drain`
  | 'weightless' // by a manual weight of 0
  | 'other-node' // internalTrafficPolicy Local, or a hint for another node
  | 'other-zone' // a hint for another zone
  | 'standby'; // terminating, while somebody is ready

/** `bypass`: balanced as without it while the gateway is down; `closed`: refused. */
export type GatewayUse = 'none' | 'bypass' | 'closed';

/** One endpoint of one frontend. */
export interface PlanBackend {
  /** NS/POD, or the bare address when no Pod is known. */
  readonly name: string;
  readonly address: string;
  readonly port: number;
  readonly node: string;
  readonly zone: string;
  readonly state: BackendState;
  /** Picks are proportional to it; 0 unless usable. */
  readonly weight: number;
}

/**
 * One Service port in one address family, ready to be written: ids are not known here.
 * Plans with equal contents give equal rows.
 */
export interface FrontendPlan {
  /** `NS/NAME:PORT/PROTOCOL/FAMILY`, the identity under which ids are given. */
  readonly key: string;
  /** NS/NAME. */
  readonly service: string;
  readonly port: number;
  readonly portName: string;
  readonly protocol: Protocol;
  readonly family: Family;
  /** The Service's addresses of this family: one row each. */
  readonly addresses: readonly string[];
  readonly policy: LoadBalancer;
  /** What decided the policy: `default`, `DestinationRule NS/NAME`, `annotation weft.dev/balancing`. */
  readonly policySource: string;
  readonly affinitySeconds: number;
  readonly maxConnections: number;
  /** Maglev table size; 0 unless policy is SOURCE_IP. */
  readonly tableSize: number;
  readonly onRemoval: 'drain' | 'reset';
  /** Whether TCP connections lead to the gateway, and what happens while it does not serve: balanced here, or refused. */
  readonly gateway: GatewayUse;
  /** Every endpoint, usable or not, sorted by address then port. To be asked for once by who goes through it: it may be computed anew each time. */
  readonly backends: readonly PlanBackend[];
}

/** Manual weights and drains of this node. */
export interface Overrides {
  /** By service NS/NAME, then backend NS/POD or address. A service that is present replaces all weights: the unnamed have 1. */
  readonly weights: ReadonlyMap<string, ReadonlyMap<string, number>>;
  /** NS/POD. */
  readonly drained: ReadonlySet<string>;
}

export const noOverrides: Overrides = { weights: new Map(), drained: new Set() };
