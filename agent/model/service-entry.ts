import type { Metadata } from './mesh.js';

/** networking.istio.io ServiceEntry, its fields named as the API names them (istio/api, service_entry.proto). */
export interface ServiceEntry {
  readonly kind: 'ServiceEntry';
  readonly meta: Metadata;
  /** As written. */
  readonly hosts: readonly string[];
  /** Addresses and CIDR blocks; none: a destination only. */
  readonly addresses: readonly string[];
  readonly ports: readonly ServiceEntryPort[];
  readonly location: 'MESH_EXTERNAL' | 'MESH_INTERNAL';
  /** NONE when omitted: connections go where they were going. */
  readonly resolution: 'NONE' | 'STATIC' | 'DNS' | 'DNS_ROUND_ROBIN';
  readonly endpoints: readonly ServiceEntryEndpoint[];
  /** Pods of the namespace instead of endpoints. */
  readonly workloadSelector: Readonly<Record<string, string>> | undefined;
  /** Namespaces whose clients it is for; undefined: all. */
  readonly exportTo: readonly string[] | undefined;
  readonly subjectAltNames: readonly string[];
}

export interface ServiceEntryPort {
  readonly number: number;
  /** In upper case: HTTP, HTTPS, HTTP2, GRPC, GRPC-WEB, MONGO, TCP, TLS or UDP; TCP when omitted. */
  readonly protocol: string;
  readonly name: string;
  /** Of the endpoints, where they name no other. */
  readonly targetPort: number | undefined;
}

/** Of an entry without endpoints and resolution DNS there are none: each host resolves itself. */
export interface ServiceEntryEndpoint {
  /** An IP address; a DNS name with resolution DNS. */
  readonly address: string;
  /** By the entry's port name. */
  readonly ports: ReadonlyMap<string, number>;
  readonly labels: Readonly<Record<string, string>>;
  readonly locality: string | undefined;
  /** 1 when omitted. */
  readonly weight: number;
}
