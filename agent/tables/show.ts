import { showEndpoint } from './address.js';
import { viewOf } from './bytes.js';
import {
  Counter,
  Gateway,
  Policy,
  Protocol,
  Reason,
  readAdmissionKey,
  readAffinityKey,
  readAffinityRow,
  readBackendRow,
  readBackendStateRow,
  readControlRow,
  readCounterRow,
  readDatagramKey,
  readDatagramRow,
  readEdgeKey,
  readEdgeRow,
  readFrontendKey,
  readFrontendRow,
  readGatewayListenerKey,
  readOverrideRow,
  readPodKey,
  readPodRow,
  readServiceStateRow,
  readSlotRow,
  type TableName,
  tableLayouts,
} from './layout.gen.js';

/** Packed keys and values of `count` rows. */
export interface PackedRows {
  readonly keys: Uint8Array;
  readonly values: Uint8Array;
  readonly count: number;
}

type ShowKey = (key: DataView, keyAt: number, value: DataView, valueAt: number) => string;
type ShowValue = (value: DataView, valueAt: number) => string;

interface Shown {
  readonly key: ShowKey;
  readonly value: ShowValue;
}

const protocols = namesOf(Protocol);
const policies = namesOf(Policy);
const reasons = namesOf(Reason);
const gateways = namesOf(Gateway);
const counters = namesOf(Counter);

function namesOf(values: Readonly<Record<string, number>>): ReadonlyMap<number, string> {
  return new Map(Object.entries(values).map(([name, value]) => [value, name]));
}

function nameIn(names: ReadonlyMap<number, string>, value: number): string {
  return names.get(value) ?? `${value}`;
}

/** The fields that are not 0, as `name value`. */
function fields(values: Readonly<Record<string, number | bigint>>): string {
  return Object.entries(values)
    .filter(([, value]) => value !== 0 && value !== 0n)
    .map(([name, value]) => `${name} ${value}`)
    .join(' ');
}

const index: ShowKey = (key, at) => String(key.getUint32(at, true));

const slot: ShowValue = (value, at) => {
  const { backend, weight, cumulative, threshold, alias } = readSlotRow(value, at);
  return `backend ${backend} weight ${weight} cumulative ${cumulative} threshold ${threshold} alias ${alias}`;
};

const frontend: ShowValue = (value, at) => {
  const row = readFrontendRow(value, at);
  const ring = row.ringSize === 0 && row.ringBase === 0 ? '' : `ring ${row.ringBase}+${row.ringSize}`;
  const rest = fields({
    weight: row.weightTotal,
    stride: row.stride,
    affinity: row.affinitySeconds,
    max: row.maxConnections,
  });
  const head = `service ${row.service} ${nameIn(policies, row.policy)} slots ${row.slotBase}+${row.slotCount}`;
  const gateway = row.gateway === Gateway.NONE ? '' : `gateway ${nameIn(gateways, row.gateway).toLowerCase()}`;
  return [head, ring, rest, gateway].filter((part) => part !== '').join(' ');
};

const backend: ShowValue = (value, at) => {
  const row = readBackendRow(value, at);
  const state = row.alive === 1 ? 'alive' : 'gone';
  return `${showEndpoint(row.address, row.port)} ${nameIn(protocols, row.protocol)} ${state} generation ${row.generation}`;
};

const edge: ShowValue = (value, at) => {
  const row = readEdgeRow(value, at);
  const { opened, closed, failed, sentBytes, receivedBytes } = row;
  return `opened ${opened} closed ${closed} failed ${failed} sent ${sentBytes} received ${receivedBytes}`;
};

const counter: ShowValue = (value, at) => String(readCounterRow(value, at).value);

/** How each table that has rows to read is written. Socket storage is no table of rows. */
const shown: Readonly<Partial<Record<TableName, Shown>>> = {
  admissions: {
    key: (key, at) => {
      const { client, clientPort, gateway, gatewayPort } = readAdmissionKey(key, at);
      return `${showEndpoint(client, clientPort)} to ${showEndpoint(gateway, gatewayPort)}`;
    },
    value: (value, at) => `service ${value.getUint32(at, true)}`,
  },
  affinities: {
    key: (key, at) => {
      const { netns, service } = readAffinityKey(key, at);
      return `netns ${netns} service ${service}`;
    },
    value: (value, at) => {
      const { backend, generation, usedNs } = readAffinityRow(value, at);
      return `backend ${backend} generation ${generation} used ${usedNs}`;
    },
  },
  backend_states: {
    key: index,
    value: (value, at) => {
      const { inflight, opened, failed, connectNs } = readBackendStateRow(value, at);
      return `inflight ${inflight} opened ${opened} failed ${failed} connect_ns ${connectNs}`;
    },
  },
  backends: { key: index, value: backend },
  connected_datagrams: {
    key: (key, at) => `socket ${readDatagramKey(key, at).cookie}`,
    value: (value, at) => {
      const { backend, generation } = readDatagramRow(value, at);
      return `backend ${backend} generation ${generation}`;
    },
  },
  control: {
    key: index,
    value: (value, at) => {
      const { heartbeatNs, events, gatewayNs } = readControlRow(value, at);
      return [`heartbeat ${heartbeatNs} events ${events}`, fields({ gateway: gatewayNs })].join(' ').trim();
    },
  },
  counters: { key: (key, at) => nameIn(counters, key.getUint32(at, true)).toLowerCase(), value: counter },
  decisions: { key: (key, at) => nameIn(reasons, key.getUint32(at, true)).toLowerCase(), value: counter },
  edge_rest: { key: index, value: edge },
  edges: {
    key: (key, at) => {
      const { pod, service, backend, generation } = readEdgeKey(key, at);
      return `pod ${pod} service ${service} backend ${backend} generation ${generation}`;
    },
    value: edge,
  },
  frontends: {
    key: (key, at) => {
      const { address, port, protocol } = readFrontendKey(key, at);
      return `${showEndpoint(address, port)} ${nameIn(protocols, protocol)}`;
    },
    value: frontend,
  },
  gateway_listeners: {
    key: (key, at) => {
      const { port, six } = readGatewayListenerKey(key, at);
      return `port ${port} ${six === 1 ? 'IPv6' : 'IPv4'}`;
    },
    value: (value, at) => `socket ${value.getBigUint64(at, true)}`,
  },
  overrides: {
    key: (_key, _at, value, valueAt) => {
      const { kind, service, backend } = readOverrideRow(value, valueAt);
      return kind === 2 ? `drain ${backend}` : `weight ${service} ${backend}`;
    },
    value: (value, at) => {
      const { kind, weight } = readOverrideRow(value, at);
      return kind === 2 ? 'drained' : `weight ${weight}`;
    },
  },
  pods: {
    key: (key, at) => `netns ${readPodKey(key, at).netns}`,
    value: (value, at) => {
      const { id, four, six, hash4, hash6, gatewayPort, gatewaySix } = readPodRow(value, at);
      const gateway = gatewayPort === 0 ? '' : `gateway ${gatewayPort} ${gatewaySix === 1 ? 'IPv4+IPv6' : 'IPv4'}`;
      return [`pod ${id}`, four, six, fields({ hash4, hash6 }), gateway].filter((part) => part !== '').join(' ');
    },
  },
  rings: { key: index, value: (value, at) => `backend ${value.getUint32(at, true)}` },
  service_states: {
    key: index,
    value: (value, at) => {
      const { inflight, cursor } = readServiceStateRow(value, at);
      return `inflight ${inflight} cursor ${cursor}`;
    },
  },
  slots: { key: index, value: slot },
};

const sizes: ReadonlyMap<TableName, { readonly key: number; readonly value: number }> = new Map(
  tableLayouts.map((table) => [table.name as TableName, { key: table.key.size, value: table.value.size }]),
);

/** Rows of one table as text, each made when it is asked for. Throws for tables without rows (socket storage). */
export class RowText {
  readonly #keys: DataView;
  readonly #values: DataView;
  readonly #keySize: number;
  readonly #valueSize: number;
  readonly #shown: Shown;
  readonly count: number;

  constructor(table: TableName, rows: PackedRows) {
    const how = shown[table];
    if (how === undefined) throw new Error(`table ${table} has no rows to show`);
    this.#shown = how;
    this.#keySize = sizes.get(table)!.key;
    this.#valueSize = sizes.get(table)!.value;
    this.#keys = viewOf(rows.keys);
    this.#values = viewOf(rows.values);
    this.count = rows.count;
  }

  key(row: number): string {
    return this.#shown.key(this.#keys, row * this.#keySize, this.#values, row * this.#valueSize);
  }

  value(row: number): string {
    return this.#shown.value(this.#values, row * this.#valueSize);
  }
}

/** Compares texts so that runs of digits count as numbers: slot 9 before slot 10, 10.0.0.9 before 10.0.0.10. */
export function compareNaturally(a: string, b: string): number {
  let i = 0;
  let j = 0;
  while (i < a.length && j < b.length) {
    if (isDigit(a, i) && isDigit(b, j)) {
      const endA = endOfDigits(a, i);
      const endB = endOfDigits(b, j);
      const first = a.slice(i, endA).replace(/^0+(?=\d)/, '');
      const second = b.slice(j, endB).replace(/^0+(?=\d)/, '');
      if (first.length !== second.length) return first.length - second.length;
      if (first !== second) return first < second ? -1 : 1;
      i = endA;
      j = endB;
    } else {
      if (a[i] !== b[j]) return a[i]! < b[j]! ? -1 : 1;
      i++;
      j++;
    }
  }
  return a.length - i - (b.length - j) || (a < b ? -1 : a > b ? 1 : 0);
}

function isDigit(text: string, at: number): boolean {
  const code = text.charCodeAt(at);
  return code >= 48 && code <= 57;
}

function endOfDigits(text: string, start: number): number {
  let end = start;
  while (end < text.length && isDigit(text, end)) end++;
  return end;
}

/** One line a row, `TABLE KEY: VALUE`, sorted by key. */
export function showRows(table: TableName, rows: PackedRows): readonly string[] {
  const text = new RowText(table, rows);
  return Array.from({ length: rows.count }, (_, row) => ({ key: text.key(row), value: text.value(row) }))
    .sort((a, b) => compareNaturally(a.key, b.key))
    .map(({ key, value }) => `${table} ${key}: ${value}`);
}
