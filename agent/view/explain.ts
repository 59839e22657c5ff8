import type { ExplainQuery } from '../api/items.js';
import type { Outcome, Refusal } from '../api/view.js';
import type { ExplainError } from '../compile/destination.js';
import { type Explanation, explain, type NameView, type TableView } from '../compile/explain.js';
import { frontendKey } from '../kernel/frontends.js';
import { indexKey } from '../kernel/store.js';
import { keyOf } from '../model/mesh.js';
import { viewOf } from '../tables/bytes.js';
import {
  AffinityKeySize,
  PodKeySize,
  Protocol,
  readAffinityRow,
  readBackendRow,
  readBackendStateRow,
  readControlRow,
  readFrontendRow,
  readPodRow,
  readServiceStateRow,
  readSlotRow,
  writeAffinityKey,
  writePodKey,
} from '../tables/layout.gen.js';
import { explainRequest } from './explain-request.js';
import type { ViewParts } from './parts.js';
import { whyNotCaptured } from './pods.js';

/** What the rows that are in the tables now do with a connection. */
export function explainQuery(parts: ViewParts, query: ExplainQuery): Outcome<Explanation> {
  const answer = explain(query, tableView(parts), nameView(parts));
  if ('error' in answer) return { ok: false, refusal: refusalOf(answer.error) };
  return { ok: true, value: answer.reason === 'gateway' ? explainRequest(parts, query, answer) : answer };
}

const refusals: Readonly<Record<ExplainError['code'], Refusal['type']>> = {
  'unknown-pod': 'unknown',
  'unknown-service': 'unknown',
  'invalid-address': 'malformed',
  'invalid-port': 'malformed',
  'port-needed': 'invalid',
};

function refusalOf({ code, message }: ExplainError): Refusal {
  return { type: refusals[code], message, problems: [] };
}

/** The rows of the store, read one by one. */
export function tableView({ store, nowNs }: Pick<ViewParts, 'store' | 'nowNs'>): TableView {
  const row = <Row>(
    table: Parameters<typeof store.lookup>[0],
    key: Uint8Array,
    read: (view: DataView, at: number) => Row,
  ): Row | undefined => {
    const bytes = store.lookup(table, key);
    return bytes && read(viewOf(bytes), 0);
  };
  return {
    frontend: (address, port, protocol) =>
      row('frontends', frontendKey({ address, port, protocol: Protocol[protocol] }), readFrontendRow),
    slots: (base, count) =>
      Array.from({ length: count }, (_, i) => row('slots', indexKey(base + i), readSlotRow)).filter(
        (slot) => slot !== undefined,
      ),
    ring: (base, size) =>
      Array.from(
        { length: size },
        (_, i) => row('rings', indexKey(base + i), (view, at) => view.getUint32(at, true)) ?? 0,
      ),
    backend: (id) => {
      const backend = row('backends', indexKey(id), readBackendRow);
      return backend?.address === '' ? undefined : backend;
    },
    backendState: (id) => row('backend_states', indexKey(id), readBackendStateRow),
    serviceState: (id) => row('service_states', indexKey(id), readServiceStateRow),
    pod: (netns) => {
      const key = new Uint8Array(PodKeySize);
      writePodKey({ netns }, viewOf(key), 0);
      return row('pods', key, readPodRow);
    },
    gatewayNs: () => row('control', indexKey(0), readControlRow)?.gatewayNs ?? 0n,
    affinity: (netns, service) => {
      const key = new Uint8Array(AffinityKeySize);
      writeAffinityKey({ netns, service }, viewOf(key), 0);
      return row('affinities', key, readAffinityRow);
    },
    nowNs,
  };
}

function nameView(parts: ViewParts): NameView {
  const { catalog, pods, reconciler } = parts;
  return {
    service: (key) => catalog.service(key),
    entriesOf: (host) => catalog.entryServicesOf(host).map(keyOf),
    serviceAt(address) {
      let first: string | undefined;
      for (const service of catalog.services()) {
        const key = keyOf(service);
        if (service.addresses.includes(address) && (first === undefined || key < first)) first = key;
      }
      return first;
    },
    pod(key) {
      const pod = catalog.pod(key);
      if (pod === undefined) return undefined;
      const netns = pods.get(key)?.netns;
      return { netns, whyNot: netns === undefined ? whyNotCaptured(pod, parts) : '' };
    },
    plansOf: (service) => reconciler.plansOf(service).map(({ plan }) => plan),
  };
}
