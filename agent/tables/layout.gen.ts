// Generated from bpf/tables.h by bpf/layout.ts (`npm run build`). Do not edit.
import { readAddress, writeAddress } from './address.js';
import { bytesOf, readText, writeText } from './bytes.js';
import type { TableLayout } from './layout.js';

/** enum weft_counter. */
export const Counter = {
  EVENTS_LOST: 0,
  EDGES_FULL: 1,
  AFFINITY_FULL: 2,
  PEERS_EVICTED: 3,
  STORAGE_FULL: 4,
  PEER_SHARED: 5,
  DATAGRAMS_FULL: 6,
  GATEWAY_STRANGERS: 7,
} as const;

/** enum weft_event. */
export const Event = {
  OPEN: 1,
  CLOSE: 2,
  FAIL: 3,
  REFUSE: 4,
} as const;

/** enum weft_gateway. */
export const Gateway = {
  NONE: 0,
  BYPASS: 1,
  CLOSED: 2,
} as const;

/** enum weft_policy. */
export const Policy = {
  LEAST_REQUEST: 0,
  ROUND_ROBIN: 1,
  RANDOM: 2,
  MAGLEV: 3,
  PASSTHROUGH: 4,
} as const;

/** enum weft_protocol. */
export const Protocol = {
  TCP: 6,
  UDP: 17,
} as const;

/** enum weft_reason. */
export const Reason = {
  NOT_MESHED: 0,
  NO_SERVICE: 1,
  PASSTHROUGH: 2,
  PICKED: 3,
  AFFINITY: 4,
  STICKY: 5,
  NO_BACKEND: 6,
  MAX_CONNECTIONS: 7,
  TABLE_BROKEN: 8,
  UNSUPPORTED_SOCKET: 9,
  GATEWAY: 10,
  GATEWAY_DOWN: 11,
  GATEWAY_DIRECT: 12,
  UPSTREAM: 13,
} as const;

/** enum weft_socket_state. */
export const SocketState = {
  PICKED: 0,
  CONNECTING: 1,
  ESTABLISHED: 2,
  CLOSED: 3,
  DATAGRAM: 4,
} as const;

/** enum weft_verdict. */
export const Verdict = {
  PASS: 0,
  REDIRECT: 1,
  REFUSE: 2,
} as const;

/** struct admission, 4 bytes. */
export interface AdmissionRow {
  readonly service: number;
}
export const AdmissionRowSize = 4;
export function readAdmissionRow(view: DataView, at: number): AdmissionRow {
  return {
    service: view.getUint32(at + 0, true),
  };
}
export function writeAdmissionRow(row: AdmissionRow, view: DataView, at: number): void {
  view.setUint32(at + 0, row.service, true);
}

/** struct admission_key, 36 bytes. */
export interface AdmissionKey {
  readonly gateway: string;
  readonly client: string;
  readonly gatewayPort: number;
  readonly clientPort: number;
}
export const AdmissionKeySize = 36;
export function readAdmissionKey(view: DataView, at: number): AdmissionKey {
  return {
    gateway: readAddress(bytesOf(view), at + 0),
    client: readAddress(bytesOf(view), at + 16),
    gatewayPort: view.getUint16(at + 32, false),
    clientPort: view.getUint16(at + 34, false),
  };
}
export function writeAdmissionKey(row: AdmissionKey, view: DataView, at: number): void {
  writeAddress(row.gateway, bytesOf(view), at + 0);
  writeAddress(row.client, bytesOf(view), at + 16);
  view.setUint16(at + 32, row.gatewayPort, false);
  view.setUint16(at + 34, row.clientPort, false);
}

/** struct affinity, 16 bytes. */
export interface AffinityRow {
  readonly backend: number;
  readonly generation: number;
  readonly usedNs: bigint;
}
export const AffinityRowSize = 16;
export function readAffinityRow(view: DataView, at: number): AffinityRow {
  return {
    backend: view.getUint32(at + 0, true),
    generation: view.getUint32(at + 4, true),
    usedNs: view.getBigUint64(at + 8, true),
  };
}
export function writeAffinityRow(row: AffinityRow, view: DataView, at: number): void {
  view.setUint32(at + 0, row.backend, true);
  view.setUint32(at + 4, row.generation, true);
  view.setBigUint64(at + 8, row.usedNs, true);
}

/** struct affinity_key, 16 bytes. */
export interface AffinityKey {
  readonly netns: bigint;
  readonly service: number;
}
export const AffinityKeySize = 16;
export function readAffinityKey(view: DataView, at: number): AffinityKey {
  return {
    netns: view.getBigUint64(at + 0, true),
    service: view.getUint32(at + 8, true),
  };
}
export function writeAffinityKey(row: AffinityKey, view: DataView, at: number): void {
  view.setBigUint64(at + 0, row.netns, true);
  view.setUint32(at + 8, row.service, true);
}

/** struct backend, 24 bytes. */
export interface BackendRow {
  readonly address: string;
  readonly port: number;
  readonly protocol: number;
  readonly alive: number;
  readonly generation: number;
}
export const BackendRowSize = 24;
export function readBackendRow(view: DataView, at: number): BackendRow {
  return {
    address: readAddress(bytesOf(view), at + 0),
    port: view.getUint16(at + 16, false),
    protocol: view.getUint8(at + 18),
    alive: view.getUint8(at + 19),
    generation: view.getUint32(at + 20, true),
  };
}
export function writeBackendRow(row: BackendRow, view: DataView, at: number): void {
  writeAddress(row.address, bytesOf(view), at + 0);
  view.setUint16(at + 16, row.port, false);
  view.setUint8(at + 18, row.protocol);
  view.setUint8(at + 19, row.alive);
  view.setUint32(at + 20, row.generation, true);
}

/** struct backend_state, 32 bytes. */
export interface BackendStateRow {
  readonly inflight: number;
  readonly opened: bigint;
  readonly failed: bigint;
  readonly connectNs: bigint;
}
export const BackendStateRowSize = 32;
export function readBackendStateRow(view: DataView, at: number): BackendStateRow {
  return {
    inflight: view.getUint32(at + 0, true),
    opened: view.getBigUint64(at + 8, true),
    failed: view.getBigUint64(at + 16, true),
    connectNs: view.getBigUint64(at + 24, true),
  };
}
export function writeBackendStateRow(row: BackendStateRow, view: DataView, at: number): void {
  view.setUint32(at + 0, row.inflight, true);
  view.setBigUint64(at + 8, row.opened, true);
  view.setBigUint64(at + 16, row.failed, true);
  view.setBigUint64(at + 24, row.connectNs, true);
}

/** struct control, 24 bytes. */
export interface ControlRow {
  readonly heartbeatNs: bigint;
  readonly events: number;
  readonly gatewayNs: bigint;
}
export const ControlRowSize = 24;
export function readControlRow(view: DataView, at: number): ControlRow {
  return {
    heartbeatNs: view.getBigUint64(at + 0, true),
    events: view.getUint32(at + 8, true),
    gatewayNs: view.getBigUint64(at + 16, true),
  };
}
export function writeControlRow(row: ControlRow, view: DataView, at: number): void {
  view.setBigUint64(at + 0, row.heartbeatNs, true);
  view.setUint32(at + 8, row.events, true);
  view.setBigUint64(at + 16, row.gatewayNs, true);
}

/** struct counter, 8 bytes. */
export interface CounterRow {
  readonly value: bigint;
}
export const CounterRowSize = 8;
export function readCounterRow(view: DataView, at: number): CounterRow {
  return {
    value: view.getBigUint64(at + 0, true),
  };
}
export function writeCounterRow(row: CounterRow, view: DataView, at: number): void {
  view.setBigUint64(at + 0, row.value, true);
}

/** struct datagram, 8 bytes. */
export interface DatagramRow {
  readonly backend: number;
  readonly generation: number;
}
export const DatagramRowSize = 8;
export function readDatagramRow(view: DataView, at: number): DatagramRow {
  return {
    backend: view.getUint32(at + 0, true),
    generation: view.getUint32(at + 4, true),
  };
}
export function writeDatagramRow(row: DatagramRow, view: DataView, at: number): void {
  view.setUint32(at + 0, row.backend, true);
  view.setUint32(at + 4, row.generation, true);
}

/** struct datagram_key, 8 bytes. */
export interface DatagramKey {
  readonly cookie: bigint;
}
export const DatagramKeySize = 8;
export function readDatagramKey(view: DataView, at: number): DatagramKey {
  return {
    cookie: view.getBigUint64(at + 0, true),
  };
}
export function writeDatagramKey(row: DatagramKey, view: DataView, at: number): void {
  view.setBigUint64(at + 0, row.cookie, true);
}

/** struct datagram_peers, 464 bytes. */
export interface DatagramPeersRow {
  readonly clock: number;
  readonly found: number;
  readonly victim: number;
  readonly peers: readonly PeerRow[];
}
export const DatagramPeersRowSize = 464;
export function readDatagramPeersRow(view: DataView, at: number): DatagramPeersRow {
  return {
    clock: view.getUint32(at + 4, true),
    found: view.getUint32(at + 8, true),
    victim: view.getUint32(at + 12, true),
    peers: Array.from({ length: 8 }, (_, i) => readPeerRow(view, at + 16 + i * 56)),
  };
}

/** struct edge, 40 bytes. */
export interface EdgeRow {
  readonly opened: bigint;
  readonly closed: bigint;
  readonly failed: bigint;
  readonly sentBytes: bigint;
  readonly receivedBytes: bigint;
}
export const EdgeRowSize = 40;
export function readEdgeRow(view: DataView, at: number): EdgeRow {
  return {
    opened: view.getBigUint64(at + 0, true),
    closed: view.getBigUint64(at + 8, true),
    failed: view.getBigUint64(at + 16, true),
    sentBytes: view.getBigUint64(at + 24, true),
    receivedBytes: view.getBigUint64(at + 32, true),
  };
}
export function writeEdgeRow(row: EdgeRow, view: DataView, at: number): void {
  view.setBigUint64(at + 0, row.opened, true);
  view.setBigUint64(at + 8, row.closed, true);
  view.setBigUint64(at + 16, row.failed, true);
  view.setBigUint64(at + 24, row.sentBytes, true);
  view.setBigUint64(at + 32, row.receivedBytes, true);
}

/** struct edge_key, 16 bytes. */
export interface EdgeKey {
  readonly pod: number;
  readonly service: number;
  readonly backend: number;
  readonly generation: number;
}
export const EdgeKeySize = 16;
export function readEdgeKey(view: DataView, at: number): EdgeKey {
  return {
    pod: view.getUint32(at + 0, true),
    service: view.getUint32(at + 4, true),
    backend: view.getUint32(at + 8, true),
    generation: view.getUint32(at + 12, true),
  };
}
export function writeEdgeKey(row: EdgeKey, view: DataView, at: number): void {
  view.setUint32(at + 0, row.pod, true);
  view.setUint32(at + 4, row.service, true);
  view.setUint32(at + 8, row.backend, true);
  view.setUint32(at + 12, row.generation, true);
}

/** struct flow_event, 96 bytes. */
export interface FlowEventRow {
  readonly timeNs: bigint;
  readonly serviceAddress: string;
  readonly backendAddress: string;
  readonly servicePort: number;
  readonly backendPort: number;
  readonly event: number;
  readonly verdict: number;
  readonly reason: number;
  readonly protocol: number;
  readonly pod: number;
  readonly service: number;
  readonly backend: number;
  readonly srttUs: number;
  readonly connectNs: bigint;
  readonly durationNs: bigint;
  readonly sentBytes: bigint;
  readonly receivedBytes: bigint;
}
export const FlowEventRowSize = 96;
export function readFlowEventRow(view: DataView, at: number): FlowEventRow {
  return {
    timeNs: view.getBigUint64(at + 0, true),
    serviceAddress: readAddress(bytesOf(view), at + 8),
    backendAddress: readAddress(bytesOf(view), at + 24),
    servicePort: view.getUint16(at + 40, false),
    backendPort: view.getUint16(at + 42, false),
    event: view.getUint8(at + 44),
    verdict: view.getUint8(at + 45),
    reason: view.getUint8(at + 46),
    protocol: view.getUint8(at + 47),
    pod: view.getUint32(at + 48, true),
    service: view.getUint32(at + 52, true),
    backend: view.getUint32(at + 56, true),
    srttUs: view.getUint32(at + 60, true),
    connectNs: view.getBigUint64(at + 64, true),
    durationNs: view.getBigUint64(at + 72, true),
    sentBytes: view.getBigUint64(at + 80, true),
    receivedBytes: view.getBigUint64(at + 88, true),
  };
}
export function writeFlowEventRow(row: FlowEventRow, view: DataView, at: number): void {
  view.setBigUint64(at + 0, row.timeNs, true);
  writeAddress(row.serviceAddress, bytesOf(view), at + 8);
  writeAddress(row.backendAddress, bytesOf(view), at + 24);
  view.setUint16(at + 40, row.servicePort, false);
  view.setUint16(at + 42, row.backendPort, false);
  view.setUint8(at + 44, row.event);
  view.setUint8(at + 45, row.verdict);
  view.setUint8(at + 46, row.reason);
  view.setUint8(at + 47, row.protocol);
  view.setUint32(at + 48, row.pod, true);
  view.setUint32(at + 52, row.service, true);
  view.setUint32(at + 56, row.backend, true);
  view.setUint32(at + 60, row.srttUs, true);
  view.setBigUint64(at + 64, row.connectNs, true);
  view.setBigUint64(at + 72, row.durationNs, true);
  view.setBigUint64(at + 80, row.sentBytes, true);
  view.setBigUint64(at + 88, row.receivedBytes, true);
}

/** struct frontend, 40 bytes. */
export interface FrontendRow {
  readonly service: number;
  readonly policy: number;
  readonly gateway: number;
  readonly slotBase: number;
  readonly slotCount: number;
  readonly weightTotal: number;
  readonly stride: number;
  readonly ringBase: number;
  readonly ringSize: number;
  readonly affinitySeconds: number;
  readonly maxConnections: number;
}
export const FrontendRowSize = 40;
export function readFrontendRow(view: DataView, at: number): FrontendRow {
  return {
    service: view.getUint32(at + 0, true),
    policy: view.getUint8(at + 4),
    gateway: view.getUint8(at + 5),
    slotBase: view.getUint32(at + 8, true),
    slotCount: view.getUint32(at + 12, true),
    weightTotal: view.getUint32(at + 16, true),
    stride: view.getUint32(at + 20, true),
    ringBase: view.getUint32(at + 24, true),
    ringSize: view.getUint32(at + 28, true),
    affinitySeconds: view.getUint32(at + 32, true),
    maxConnections: view.getUint32(at + 36, true),
  };
}
export function writeFrontendRow(row: FrontendRow, view: DataView, at: number): void {
  view.setUint32(at + 0, row.service, true);
  view.setUint8(at + 4, row.policy);
  view.setUint8(at + 5, row.gateway);
  view.setUint32(at + 8, row.slotBase, true);
  view.setUint32(at + 12, row.slotCount, true);
  view.setUint32(at + 16, row.weightTotal, true);
  view.setUint32(at + 20, row.stride, true);
  view.setUint32(at + 24, row.ringBase, true);
  view.setUint32(at + 28, row.ringSize, true);
  view.setUint32(at + 32, row.affinitySeconds, true);
  view.setUint32(at + 36, row.maxConnections, true);
}

/** struct frontend_key, 20 bytes. */
export interface FrontendKey {
  readonly address: string;
  readonly port: number;
  readonly protocol: number;
}
export const FrontendKeySize = 20;
export function readFrontendKey(view: DataView, at: number): FrontendKey {
  return {
    address: readAddress(bytesOf(view), at + 0),
    port: view.getUint16(at + 16, false),
    protocol: view.getUint8(at + 18),
  };
}
export function writeFrontendKey(row: FrontendKey, view: DataView, at: number): void {
  writeAddress(row.address, bytesOf(view), at + 0);
  view.setUint16(at + 16, row.port, false);
  view.setUint8(at + 18, row.protocol);
}

/** struct gateway_listener_key, 4 bytes. */
export interface GatewayListenerKey {
  readonly port: number;
  readonly six: number;
}
export const GatewayListenerKeySize = 4;
export function readGatewayListenerKey(view: DataView, at: number): GatewayListenerKey {
  return {
    port: view.getUint16(at + 0, false),
    six: view.getUint16(at + 2, true),
  };
}
export function writeGatewayListenerKey(row: GatewayListenerKey, view: DataView, at: number): void {
  view.setUint16(at + 0, row.port, false);
  view.setUint16(at + 2, row.six, true);
}

/** struct override, 648 bytes. */
export interface OverrideRow {
  readonly kind: number;
  readonly weight: number;
  readonly service: string;
  readonly backend: string;
}
export const OverrideRowSize = 648;
export function readOverrideRow(view: DataView, at: number): OverrideRow {
  return {
    kind: view.getUint32(at + 0, true),
    weight: view.getUint32(at + 4, true),
    service: readText(view, at + 8, 320),
    backend: readText(view, at + 328, 320),
  };
}
export function writeOverrideRow(row: OverrideRow, view: DataView, at: number): void {
  view.setUint32(at + 0, row.kind, true);
  view.setUint32(at + 4, row.weight, true);
  writeText(row.service, view, at + 8, 320);
  writeText(row.backend, view, at + 328, 320);
}

/** struct override_key, 16 bytes. */
export interface OverrideKey {
  readonly digest: Uint8Array;
}
export const OverrideKeySize = 16;
export function readOverrideKey(view: DataView, at: number): OverrideKey {
  return {
    digest: bytesOf(view).slice(at + 0, at + 0 + 16),
  };
}
export function writeOverrideKey(row: OverrideKey, view: DataView, at: number): void {
  bytesOf(view).set(row.digest.subarray(0, 16), at + 0);
}

/** struct peer, 56 bytes. */
export interface PeerRow {
  readonly serviceAddress: string;
  readonly backendAddress: string;
  readonly servicePort: number;
  readonly backendPort: number;
  readonly service: number;
  readonly backend: number;
  readonly generation: number;
  readonly used: number;
  readonly named: number;
}
export const PeerRowSize = 56;
export function readPeerRow(view: DataView, at: number): PeerRow {
  return {
    serviceAddress: readAddress(bytesOf(view), at + 0),
    backendAddress: readAddress(bytesOf(view), at + 16),
    servicePort: view.getUint16(at + 32, false),
    backendPort: view.getUint16(at + 34, false),
    service: view.getUint32(at + 36, true),
    backend: view.getUint32(at + 40, true),
    generation: view.getUint32(at + 44, true),
    used: view.getUint32(at + 48, true),
    named: view.getUint32(at + 52, true),
  };
}
export function writePeerRow(row: PeerRow, view: DataView, at: number): void {
  writeAddress(row.serviceAddress, bytesOf(view), at + 0);
  writeAddress(row.backendAddress, bytesOf(view), at + 16);
  view.setUint16(at + 32, row.servicePort, false);
  view.setUint16(at + 34, row.backendPort, false);
  view.setUint32(at + 36, row.service, true);
  view.setUint32(at + 40, row.backend, true);
  view.setUint32(at + 44, row.generation, true);
  view.setUint32(at + 48, row.used, true);
  view.setUint32(at + 52, row.named, true);
}

/** struct pod, 48 bytes. */
export interface PodRow {
  readonly id: number;
  readonly hash4: number;
  readonly hash6: number;
  readonly gatewayPort: number;
  readonly gatewaySix: number;
  readonly four: string;
  readonly six: string;
}
export const PodRowSize = 48;
export function readPodRow(view: DataView, at: number): PodRow {
  return {
    id: view.getUint32(at + 0, true),
    hash4: view.getUint32(at + 4, true),
    hash6: view.getUint32(at + 8, true),
    gatewayPort: view.getUint16(at + 12, false),
    gatewaySix: view.getUint8(at + 14),
    four: readAddress(bytesOf(view), at + 16),
    six: readAddress(bytesOf(view), at + 32),
  };
}
export function writePodRow(row: PodRow, view: DataView, at: number): void {
  view.setUint32(at + 0, row.id, true);
  view.setUint32(at + 4, row.hash4, true);
  view.setUint32(at + 8, row.hash6, true);
  view.setUint16(at + 12, row.gatewayPort, false);
  view.setUint8(at + 14, row.gatewaySix);
  writeAddress(row.four, bytesOf(view), at + 16);
  writeAddress(row.six, bytesOf(view), at + 32);
}

/** struct pod_key, 8 bytes. */
export interface PodKey {
  readonly netns: bigint;
}
export const PodKeySize = 8;
export function readPodKey(view: DataView, at: number): PodKey {
  return {
    netns: view.getBigUint64(at + 0, true),
  };
}
export function writePodKey(row: PodKey, view: DataView, at: number): void {
  view.setBigUint64(at + 0, row.netns, true);
}

/** struct service_state, 16 bytes. */
export interface ServiceStateRow {
  readonly inflight: number;
  readonly cursor: bigint;
}
export const ServiceStateRowSize = 16;
export function readServiceStateRow(view: DataView, at: number): ServiceStateRow {
  return {
    inflight: view.getUint32(at + 4, true),
    cursor: view.getBigUint64(at + 8, true),
  };
}
export function writeServiceStateRow(row: ServiceStateRow, view: DataView, at: number): void {
  view.setUint32(at + 4, row.inflight, true);
  view.setBigUint64(at + 8, row.cursor, true);
}

/** struct slot, 20 bytes. */
export interface SlotRow {
  readonly backend: number;
  readonly weight: number;
  readonly cumulative: number;
  readonly threshold: number;
  readonly alias: number;
}
export const SlotRowSize = 20;
export function readSlotRow(view: DataView, at: number): SlotRow {
  return {
    backend: view.getUint32(at + 0, true),
    weight: view.getUint32(at + 4, true),
    cumulative: view.getUint32(at + 8, true),
    threshold: view.getUint32(at + 12, true),
    alias: view.getUint32(at + 16, true),
  };
}
export function writeSlotRow(row: SlotRow, view: DataView, at: number): void {
  view.setUint32(at + 0, row.backend, true);
  view.setUint32(at + 4, row.weight, true);
  view.setUint32(at + 8, row.cumulative, true);
  view.setUint32(at + 12, row.threshold, true);
  view.setUint32(at + 16, row.alias, true);
}

/** struct socket_name, 80 bytes. */
export interface SocketNameRow {
  readonly serviceAddress: string;
  readonly backendAddress: string;
  readonly servicePort: number;
  readonly backendPort: number;
  readonly protocol: number;
  readonly state: number;
  readonly fins: number;
  readonly reason: number;
  readonly service: number;
  readonly backend: number;
  readonly generation: number;
  readonly pod: number;
  readonly pickedNs: bigint;
  readonly establishedNs: bigint;
  readonly receivedBytes: bigint;
}
export const SocketNameRowSize = 80;
export function readSocketNameRow(view: DataView, at: number): SocketNameRow {
  return {
    serviceAddress: readAddress(bytesOf(view), at + 0),
    backendAddress: readAddress(bytesOf(view), at + 16),
    servicePort: view.getUint16(at + 32, false),
    backendPort: view.getUint16(at + 34, false),
    protocol: view.getUint8(at + 36),
    state: view.getUint8(at + 37),
    fins: view.getUint8(at + 38),
    reason: view.getUint8(at + 39),
    service: view.getUint32(at + 40, true),
    backend: view.getUint32(at + 44, true),
    generation: view.getUint32(at + 48, true),
    pod: view.getUint32(at + 52, true),
    pickedNs: view.getBigUint64(at + 56, true),
    establishedNs: view.getBigUint64(at + 64, true),
    receivedBytes: view.getBigUint64(at + 72, true),
  };
}
export function writeSocketNameRow(row: SocketNameRow, view: DataView, at: number): void {
  writeAddress(row.serviceAddress, bytesOf(view), at + 0);
  writeAddress(row.backendAddress, bytesOf(view), at + 16);
  view.setUint16(at + 32, row.servicePort, false);
  view.setUint16(at + 34, row.backendPort, false);
  view.setUint8(at + 36, row.protocol);
  view.setUint8(at + 37, row.state);
  view.setUint8(at + 38, row.fins);
  view.setUint8(at + 39, row.reason);
  view.setUint32(at + 40, row.service, true);
  view.setUint32(at + 44, row.backend, true);
  view.setUint32(at + 48, row.generation, true);
  view.setUint32(at + 52, row.pod, true);
  view.setBigUint64(at + 56, row.pickedNs, true);
  view.setBigUint64(at + 64, row.establishedNs, true);
  view.setBigUint64(at + 72, row.receivedBytes, true);
}

export type TableName = 'admissions' | 'affinities' | 'backend_states' | 'backends' | 'connected_datagrams' | 'control' | 'counters' | 'datagrams' | 'decisions' | 'edge_rest' | 'edges' | 'frontends' | 'gateway_listeners' | 'overrides' | 'pods' | 'rings' | 'service_states' | 'slots' | 'socket_names' | 'upstreams';

export const tableLayouts: readonly TableLayout[] = [
  {
    "name": "admissions",
    "key": {
      "name": "admission_key",
      "size": 36,
      "fields": [
        {
          "name": "gateway",
          "kind": "address",
          "offset": 0,
          "size": 16
        },
        {
          "name": "client",
          "kind": "address",
          "offset": 16,
          "size": 16
        },
        {
          "name": "gateway_port",
          "kind": "be16",
          "offset": 32,
          "size": 2
        },
        {
          "name": "client_port",
          "kind": "be16",
          "offset": 34,
          "size": 2
        }
      ]
    },
    "value": {
      "name": "admission",
      "size": 4,
      "fields": [
        {
          "name": "service",
          "kind": "u32",
          "offset": 0,
          "size": 4
        }
      ]
    }
  },
  {
    "name": "affinities",
    "key": {
      "name": "affinity_key",
      "size": 16,
      "fields": [
        {
          "name": "netns",
          "kind": "u64",
          "offset": 0,
          "size": 8
        },
        {
          "name": "service",
          "kind": "u32",
          "offset": 8,
          "size": 4
        },
        {
          "name": "pad",
          "kind": "u32",
          "offset": 12,
          "size": 4
        }
      ]
    },
    "value": {
      "name": "affinity",
      "size": 16,
      "fields": [
        {
          "name": "backend",
          "kind": "u32",
          "offset": 0,
          "size": 4
        },
        {
          "name": "generation",
          "kind": "u32",
          "offset": 4,
          "size": 4
        },
        {
          "name": "used_ns",
          "kind": "u64",
          "offset": 8,
          "size": 8
        }
      ]
    }
  },
  {
    "name": "backend_states",
    "key": {
      "name": "u32",
      "size": 4,
      "fields": [
        {
          "name": "value",
          "kind": "u32",
          "offset": 0,
          "size": 4
        }
      ]
    },
    "value": {
      "name": "backend_state",
      "size": 32,
      "fields": [
        {
          "name": "inflight",
          "kind": "u32",
          "offset": 0,
          "size": 4
        },
        {
          "name": "pad",
          "kind": "u32",
          "offset": 4,
          "size": 4
        },
        {
          "name": "opened",
          "kind": "u64",
          "offset": 8,
          "size": 8
        },
        {
          "name": "failed",
          "kind": "u64",
          "offset": 16,
          "size": 8
        },
        {
          "name": "connect_ns",
          "kind": "u64",
          "offset": 24,
          "size": 8
        }
      ]
    }
  },
  {
    "name": "backends",
    "key": {
      "name": "u32",
      "size": 4,
      "fields": [
        {
          "name": "value",
          "kind": "u32",
          "offset": 0,
          "size": 4
        }
      ]
    },
    "value": {
      "name": "backend",
      "size": 24,
      "fields": [
        {
          "name": "address",
          "kind": "address",
          "offset": 0,
          "size": 16
        },
        {
          "name": "port",
          "kind": "be16",
          "offset": 16,
          "size": 2
        },
        {
          "name": "protocol",
          "kind": "u8",
          "offset": 18,
          "size": 1
        },
        {
          "name": "alive",
          "kind": "u8",
          "offset": 19,
          "size": 1
        },
        {
          "name": "generation",
          "kind": "u32",
          "offset": 20,
          "size": 4
        }
      ]
    }
  },
  {
    "name": "connected_datagrams",
    "key": {
      "name": "datagram_key",
      "size": 8,
      "fields": [
        {
          "name": "cookie",
          "kind": "u64",
          "offset": 0,
          "size": 8
        }
      ]
    },
    "value": {
      "name": "datagram",
      "size": 8,
      "fields": [
        {
          "name": "backend",
          "kind": "u32",
          "offset": 0,
          "size": 4
        },
        {
          "name": "generation",
          "kind": "u32",
          "offset": 4,
          "size": 4
        }
      ]
    }
  },
  {
    "name": "control",
    "key": {
      "name": "u32",
      "size": 4,
      "fields": [
        {
          "name": "value",
          "kind": "u32",
          "offset": 0,
          "size": 4
        }
      ]
    },
    "value": {
      "name": "control",
      "size": 24,
      "fields": [
        {
          "name": "heartbeat_ns",
          "kind": "u64",
          "offset": 0,
          "size": 8
        },
        {
          "name": "events",
          "kind": "u32",
          "offset": 8,
          "size": 4
        },
        {
          "name": "pad",
          "kind": "u32",
          "offset": 12,
          "size": 4
        },
        {
          "name": "gateway_ns",
          "kind": "u64",
          "offset": 16,
          "size": 8
        }
      ]
    }
  },
  {
    "name": "counters",
    "key": {
      "name": "u32",
      "size": 4,
      "fields": [
        {
          "name": "value",
          "kind": "u32",
          "offset": 0,
          "size": 4
        }
      ]
    },
    "value": {
      "name": "counter",
      "size": 8,
      "fields": [
        {
          "name": "value",
          "kind": "u64",
          "offset": 0,
          "size": 8
        }
      ]
    }
  },
  {
    "name": "datagrams",
    "key": {
      "name": "u32",
      "size": 4,
      "fields": [
        {
          "name": "value",
          "kind": "u32",
          "offset": 0,
          "size": 4
        }
      ]
    },
    "value": {
      "name": "datagram_peers",
      "size": 464,
      "fields": [
        {
          "name": "lock",
          "kind": "lock",
          "offset": 0,
          "size": 4
        },
        {
          "name": "clock",
          "kind": "u32",
          "offset": 4,
          "size": 4
        },
        {
          "name": "found",
          "kind": "u32",
          "offset": 8,
          "size": 4
        },
        {
          "name": "victim",
          "kind": "u32",
          "offset": 12,
          "size": 4
        },
        {
          "name": "peers",
          "kind": "structs",
          "offset": 16,
          "size": 448,
          "of": {
            "name": "peer",
            "size": 56,
            "fields": [
              {
                "name": "service_address",
                "kind": "address",
                "offset": 0,
                "size": 16
              },
              {
                "name": "backend_address",
                "kind": "address",
                "offset": 16,
                "size": 16
              },
              {
                "name": "service_port",
                "kind": "be16",
                "offset": 32,
                "size": 2
              },
              {
                "name": "backend_port",
                "kind": "be16",
                "offset": 34,
                "size": 2
              },
              {
                "name": "service",
                "kind": "u32",
                "offset": 36,
                "size": 4
              },
              {
                "name": "backend",
                "kind": "u32",
                "offset": 40,
                "size": 4
              },
              {
                "name": "generation",
                "kind": "u32",
                "offset": 44,
                "size": 4
              },
              {
                "name": "used",
                "kind": "u32",
                "offset": 48,
                "size": 4
              },
              {
                "name": "named",
                "kind": "u32",
                "offset": 52,
                "size": 4
              }
            ]
          }
        }
      ]
    }
  },
  {
    "name": "decisions",
    "key": {
      "name": "u32",
      "size": 4,
      "fields": [
        {
          "name": "value",
          "kind": "u32",
          "offset": 0,
          "size": 4
        }
      ]
    },
    "value": {
      "name": "counter",
      "size": 8,
      "fields": [
        {
          "name": "value",
          "kind": "u64",
          "offset": 0,
          "size": 8
        }
      ]
    }
  },
  {
    "name": "edge_rest",
    "key": {
      "name": "u32",
      "size": 4,
      "fields": [
        {
          "name": "value",
          "kind": "u32",
          "offset": 0,
          "size": 4
        }
      ]
    },
    "value": {
      "name": "edge",
      "size": 40,
      "fields": [
        {
          "name": "opened",
          "kind": "u64",
          "offset": 0,
          "size": 8
        },
        {
          "name": "closed",
          "kind": "u64",
          "offset": 8,
          "size": 8
        },
        {
          "name": "failed",
          "kind": "u64",
          "offset": 16,
          "size": 8
        },
        {
          "name": "sent_bytes",
          "kind": "u64",
          "offset": 24,
          "size": 8
        },
        {
          "name": "received_bytes",
          "kind": "u64",
          "offset": 32,
          "size": 8
        }
      ]
    }
  },
  {
    "name": "edges",
    "key": {
      "name": "edge_key",
      "size": 16,
      "fields": [
        {
          "name": "pod",
          "kind": "u32",
          "offset": 0,
          "size": 4
        },
        {
          "name": "service",
          "kind": "u32",
          "offset": 4,
          "size": 4
        },
        {
          "name": "backend",
          "kind": "u32",
          "offset": 8,
          "size": 4
        },
        {
          "name": "generation",
          "kind": "u32",
          "offset": 12,
          "size": 4
        }
      ]
    },
    "value": {
      "name": "edge",
      "size": 40,
      "fields": [
        {
          "name": "opened",
          "kind": "u64",
          "offset": 0,
          "size": 8
        },
        {
          "name": "closed",
          "kind": "u64",
          "offset": 8,
          "size": 8
        },
        {
          "name": "failed",
          "kind": "u64",
          "offset": 16,
          "size": 8
        },
        {
          "name": "sent_bytes",
          "kind": "u64",
          "offset": 24,
          "size": 8
        },
        {
          "name": "received_bytes",
          "kind": "u64",
          "offset": 32,
          "size": 8
        }
      ]
    }
  },
  {
    "name": "frontends",
    "key": {
      "name": "frontend_key",
      "size": 20,
      "fields": [
        {
          "name": "address",
          "kind": "address",
          "offset": 0,
          "size": 16
        },
        {
          "name": "port",
          "kind": "be16",
          "offset": 16,
          "size": 2
        },
        {
          "name": "protocol",
          "kind": "u8",
          "offset": 18,
          "size": 1
        },
        {
          "name": "pad",
          "kind": "u8",
          "offset": 19,
          "size": 1
        }
      ]
    },
    "value": {
      "name": "frontend",
      "size": 40,
      "fields": [
        {
          "name": "service",
          "kind": "u32",
          "offset": 0,
          "size": 4
        },
        {
          "name": "policy",
          "kind": "u8",
          "offset": 4,
          "size": 1
        },
        {
          "name": "gateway",
          "kind": "u8",
          "offset": 5,
          "size": 1
        },
        {
          "name": "pad",
          "kind": "bytes",
          "offset": 6,
          "size": 2
        },
        {
          "name": "slot_base",
          "kind": "u32",
          "offset": 8,
          "size": 4
        },
        {
          "name": "slot_count",
          "kind": "u32",
          "offset": 12,
          "size": 4
        },
        {
          "name": "weight_total",
          "kind": "u32",
          "offset": 16,
          "size": 4
        },
        {
          "name": "stride",
          "kind": "u32",
          "offset": 20,
          "size": 4
        },
        {
          "name": "ring_base",
          "kind": "u32",
          "offset": 24,
          "size": 4
        },
        {
          "name": "ring_size",
          "kind": "u32",
          "offset": 28,
          "size": 4
        },
        {
          "name": "affinity_seconds",
          "kind": "u32",
          "offset": 32,
          "size": 4
        },
        {
          "name": "max_connections",
          "kind": "u32",
          "offset": 36,
          "size": 4
        }
      ]
    }
  },
  {
    "name": "gateway_listeners",
    "key": {
      "name": "gateway_listener_key",
      "size": 4,
      "fields": [
        {
          "name": "port",
          "kind": "be16",
          "offset": 0,
          "size": 2
        },
        {
          "name": "six",
          "kind": "u16",
          "offset": 2,
          "size": 2
        }
      ]
    },
    "value": {
      "name": "u64",
      "size": 8,
      "fields": [
        {
          "name": "value",
          "kind": "u64",
          "offset": 0,
          "size": 8
        }
      ]
    }
  },
  {
    "name": "overrides",
    "key": {
      "name": "override_key",
      "size": 16,
      "fields": [
        {
          "name": "digest",
          "kind": "bytes",
          "offset": 0,
          "size": 16
        }
      ]
    },
    "value": {
      "name": "override",
      "size": 648,
      "fields": [
        {
          "name": "kind",
          "kind": "u32",
          "offset": 0,
          "size": 4
        },
        {
          "name": "weight",
          "kind": "u32",
          "offset": 4,
          "size": 4
        },
        {
          "name": "service",
          "kind": "text",
          "offset": 8,
          "size": 320
        },
        {
          "name": "backend",
          "kind": "text",
          "offset": 328,
          "size": 320
        }
      ]
    }
  },
  {
    "name": "pods",
    "key": {
      "name": "pod_key",
      "size": 8,
      "fields": [
        {
          "name": "netns",
          "kind": "u64",
          "offset": 0,
          "size": 8
        }
      ]
    },
    "value": {
      "name": "pod",
      "size": 48,
      "fields": [
        {
          "name": "id",
          "kind": "u32",
          "offset": 0,
          "size": 4
        },
        {
          "name": "hash4",
          "kind": "u32",
          "offset": 4,
          "size": 4
        },
        {
          "name": "hash6",
          "kind": "u32",
          "offset": 8,
          "size": 4
        },
        {
          "name": "gateway_port",
          "kind": "be16",
          "offset": 12,
          "size": 2
        },
        {
          "name": "gateway_six",
          "kind": "u8",
          "offset": 14,
          "size": 1
        },
        {
          "name": "pad",
          "kind": "u8",
          "offset": 15,
          "size": 1
        },
        {
          "name": "four",
          "kind": "address",
          "offset": 16,
          "size": 16
        },
        {
          "name": "six",
          "kind": "address",
          "offset": 32,
          "size": 16
        }
      ]
    }
  },
  {
    "name": "rings",
    "key": {
      "name": "u32",
      "size": 4,
      "fields": [
        {
          "name": "value",
          "kind": "u32",
          "offset": 0,
          "size": 4
        }
      ]
    },
    "value": {
      "name": "u32",
      "size": 4,
      "fields": [
        {
          "name": "value",
          "kind": "u32",
          "offset": 0,
          "size": 4
        }
      ]
    }
  },
  {
    "name": "service_states",
    "key": {
      "name": "u32",
      "size": 4,
      "fields": [
        {
          "name": "value",
          "kind": "u32",
          "offset": 0,
          "size": 4
        }
      ]
    },
    "value": {
      "name": "service_state",
      "size": 16,
      "fields": [
        {
          "name": "lock",
          "kind": "lock",
          "offset": 0,
          "size": 4
        },
        {
          "name": "inflight",
          "kind": "u32",
          "offset": 4,
          "size": 4
        },
        {
          "name": "cursor",
          "kind": "u64",
          "offset": 8,
          "size": 8
        }
      ]
    }
  },
  {
    "name": "slots",
    "key": {
      "name": "u32",
      "size": 4,
      "fields": [
        {
          "name": "value",
          "kind": "u32",
          "offset": 0,
          "size": 4
        }
      ]
    },
    "value": {
      "name": "slot",
      "size": 20,
      "fields": [
        {
          "name": "backend",
          "kind": "u32",
          "offset": 0,
          "size": 4
        },
        {
          "name": "weight",
          "kind": "u32",
          "offset": 4,
          "size": 4
        },
        {
          "name": "cumulative",
          "kind": "u32",
          "offset": 8,
          "size": 4
        },
        {
          "name": "threshold",
          "kind": "u32",
          "offset": 12,
          "size": 4
        },
        {
          "name": "alias",
          "kind": "u32",
          "offset": 16,
          "size": 4
        }
      ]
    }
  },
  {
    "name": "socket_names",
    "key": {
      "name": "u32",
      "size": 4,
      "fields": [
        {
          "name": "value",
          "kind": "u32",
          "offset": 0,
          "size": 4
        }
      ]
    },
    "value": {
      "name": "socket_name",
      "size": 80,
      "fields": [
        {
          "name": "service_address",
          "kind": "address",
          "offset": 0,
          "size": 16
        },
        {
          "name": "backend_address",
          "kind": "address",
          "offset": 16,
          "size": 16
        },
        {
          "name": "service_port",
          "kind": "be16",
          "offset": 32,
          "size": 2
        },
        {
          "name": "backend_port",
          "kind": "be16",
          "offset": 34,
          "size": 2
        },
        {
          "name": "protocol",
          "kind": "u8",
          "offset": 36,
          "size": 1
        },
        {
          "name": "state",
          "kind": "u8",
          "offset": 37,
          "size": 1
        },
        {
          "name": "fins",
          "kind": "u8",
          "offset": 38,
          "size": 1
        },
        {
          "name": "reason",
          "kind": "u8",
          "offset": 39,
          "size": 1
        },
        {
          "name": "service",
          "kind": "u32",
          "offset": 40,
          "size": 4
        },
        {
          "name": "backend",
          "kind": "u32",
          "offset": 44,
          "size": 4
        },
        {
          "name": "generation",
          "kind": "u32",
          "offset": 48,
          "size": 4
        },
        {
          "name": "pod",
          "kind": "u32",
          "offset": 52,
          "size": 4
        },
        {
          "name": "picked_ns",
          "kind": "u64",
          "offset": 56,
          "size": 8
        },
        {
          "name": "established_ns",
          "kind": "u64",
          "offset": 64,
          "size": 8
        },
        {
          "name": "received_bytes",
          "kind": "u64",
          "offset": 72,
          "size": 8
        }
      ]
    }
  },
  {
    "name": "upstreams",
    "key": {
      "name": "u32",
      "size": 4,
      "fields": [
        {
          "name": "value",
          "kind": "u32",
          "offset": 0,
          "size": 4
        }
      ]
    },
    "value": {
      "name": "u32",
      "size": 4,
      "fields": [
        {
          "name": "value",
          "kind": "u32",
          "offset": 0,
          "size": 4
        }
      ]
    }
  }
];
