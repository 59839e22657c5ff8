import { showHost } from '../api/address.js';
import type {
  BackendItem,
  ConditionItem,
  PodItem,
  RouteItem,
  ServiceItem,
  ServicePortItem,
  TableItem,
} from '../api/items.js';
import type { Problem } from '../model/problem.js';
import type { Column } from './table.js';
import type { Colour } from './terminal.js';

/** A kind of `weft get`: how its items are shown, and what a NAME on the command line selects. */
export interface KindView<Item> {
  readonly columns: readonly Column<Item>[];
  readonly none: string;
  /** True when the item is meant by NAME. */
  readonly named: (item: Item, name: string) => boolean;
  /** For --namespace. */
  readonly namespace: (item: Item) => string;
}

function namespaceOf(key: string): string {
  const slash = key.indexOf('/');
  return slash === -1 ? '' : key.slice(0, slash);
}

function stateColour(state: string): Colour {
  if (state === 'ready') return 'green';
  return state === 'unready' ? 'red' : 'yellow';
}

function yes(flag: boolean): string {
  return flag ? 'yes' : 'no';
}

function percent(share: number): string {
  return `${(share * 100).toFixed(1)}%`;
}

function showPort({ name, port, protocol }: ServicePortItem): string {
  return `${port}/${protocol}${name === '' ? '' : `(${name})`}`;
}

function each(ports: readonly ServicePortItem[], show: (port: ServicePortItem) => string): string {
  return [...new Set(ports.map(show))].join(',');
}

function total(ports: readonly ServicePortItem[], count: (port: ServicePortItem) => number): string {
  return String(ports.reduce((sum, port) => sum + count(port), 0));
}

const services: KindView<ServiceItem> = {
  columns: [
    { title: 'NAMESPACE', text: (item) => item.namespace },
    { title: 'NAME', text: (item) => item.name },
    { title: 'ADDRESSES', text: (item) => item.addresses.join(',') },
    { title: 'PORTS', text: (item) => each(item.ports, showPort) },
    {
      title: 'USABLE',
      text: (item) => each(item.ports, (port) => `${port.usable}/${port.backends}`),
      colour: (item) => (item.ports.some((port) => port.usable === 0) ? 'red' : undefined),
    },
    { title: 'INFLIGHT', text: (item) => total(item.ports, (port) => port.inflight), right: true },
    { title: 'POLICY', text: (item) => each(item.ports, (port) => port.policy) },
    { title: 'RULE', text: (item) => each(item.ports, (port) => port.policySource), wide: true },
    {
      title: 'WEIGHTS',
      text: (item) =>
        Object.entries(item.weights)
          .map(([backend, weight]) => `${backend}=${weight}`)
          .join(','),
      wide: true,
    },
    { title: 'FILE', text: (item) => item.file, wide: true },
  ],
  none: 'no Services',
  named: (item, name) => item.service === name,
  namespace: (item) => item.namespace,
};

const backends: KindView<BackendItem> = {
  columns: [
    { title: 'SERVICE', text: (item) => item.service },
    { title: 'PORT', text: (item) => `${item.servicePort}/${item.protocol}` },
    { title: 'BACKEND', text: (item) => item.backend },
    {
      title: 'ADDRESS',
      text: (item) => `${showHost(item.address)}:${item.port}`,
    },
    { title: 'STATE', text: (item) => item.state, colour: (item) => stateColour(item.state) },
    { title: 'WEIGHT', text: (item) => String(item.weight), right: true },
    { title: 'SHARE', text: (item) => percent(item.probability), right: true },
    { title: 'INFLIGHT', text: (item) => String(item.inflight), right: true },
    { title: 'OPENED', text: (item) => String(item.opened), right: true },
    { title: 'FAILED', text: (item) => String(item.failed), right: true },
    { title: 'NODE', text: (item) => item.node, wide: true },
    { title: 'ZONE', text: (item) => item.zone, wide: true },
  ],
  none: 'no backends',
  named: (item, name) => item.service === name || item.backend === name,
  namespace: (item) => namespaceOf(item.service),
};

const routes: KindView<RouteItem> = {
  columns: [
    { title: 'ADDRESS', text: (item) => item.address },
    { title: 'PORT', text: (item) => `${item.port}/${item.protocol}` },
    { title: 'SERVICE', text: (item) => item.service },
    { title: 'PATH', text: (item) => item.path },
    { title: 'POLICY', text: (item) => item.policy },
    {
      title: 'USABLE',
      text: (item) => `${item.usable}/${item.backends}`,
      colour: (item) => (item.usable === 0 ? 'red' : undefined),
    },
    { title: 'RULE', text: (item) => item.rule },
    { title: 'RULES', text: (item) => (item.rules.length === 0 ? '-' : String(item.rules.length)), right: true },
    { title: 'HOSTS', text: (item) => item.hosts.join(','), wide: true },
    {
      title: 'MATCH AND ACTION',
      text: (item) => item.rules.map(({ match, action }) => `${match} -> ${action}`).join(' | '),
      wide: true,
    },
  ],
  none: 'no routes',
  named: (item, name) => item.service === name || item.address === name,
  namespace: (item) => namespaceOf(item.service),
};

const conditions: KindView<ConditionItem> = {
  columns: [
    { title: 'RESOURCE', text: (item) => item.resource },
    { title: 'PART', text: (item) => item.part },
    { title: 'CONDITION', text: (item) => item.type },
    {
      title: 'STATUS',
      text: (item) => item.status,
      colour: (item) => ((item.status === 'True') === (item.type !== 'Conflicted') ? 'green' : 'red'),
    },
    { title: 'REASON', text: (item) => item.reason },
    { title: 'MESSAGE', text: (item) => item.message },
  ],
  none: 'no Gateways and routes',
  named: (item, name) => item.resource === name || item.resource.split(' ')[1] === name,
  namespace: (item) => namespaceOf(item.resource.replace(/^\S+ /, '')),
};

const pods: KindView<PodItem> = {
  columns: [
    { title: 'NAMESPACE', text: (item) => item.namespace },
    { title: 'NAME', text: (item) => item.name },
    { title: 'ADDRESSES', text: (item) => item.addresses.join(',') },
    { title: 'NETNS', text: (item) => item.netns },
    { title: 'CAPTURED', text: (item) => yes(item.captured), colour: (item) => (item.captured ? 'green' : undefined) },
    {
      title: 'STATE',
      text: (item) => (item.drained ? 'drained' : item.terminating ? 'terminating' : item.ready ? 'ready' : 'unready'),
      colour: (item) => stateColour(item.drained || item.terminating ? 'drained' : item.ready ? 'ready' : 'unready'),
    },
    { title: 'WORKLOAD', text: (item) => item.workload, wide: true },
    { title: 'NODE', text: (item) => item.node, wide: true },
    { title: 'WHY NOT', text: (item) => item.why, wide: true },
  ],
  none: 'no Pods',
  named: (item, name) => item.pod === name,
  namespace: (item) => item.namespace,
};

const tables: KindView<TableItem> = {
  columns: [
    { title: 'TABLE', text: (item) => item.table },
    { title: 'KEY', text: (item) => item.key },
    { title: 'DESIRED', text: (item) => item.desired },
    { title: 'KERNEL', text: (item) => (item.kernel === item.desired ? 'same' : item.kernel) },
    {
      title: 'DRIFT',
      text: (item) => (item.drift ? 'drift' : ''),
      colour: (item) => (item.drift ? 'red' : undefined),
    },
  ],
  none: 'no rows',
  named: (item, name) => item.table === name,
  namespace: () => '',
};

const problems: KindView<Problem> = {
  columns: [
    { title: 'PLACE', text: (item) => (item.file === '' ? '' : `${item.file}:${item.line}:${item.column}`) },
    {
      title: 'LEVEL',
      text: (item) => item.severity.toUpperCase(),
      colour: (item) => (item.severity === 'error' ? 'red' : 'yellow'),
    },
    { title: 'CODE', text: (item) => item.code },
    { title: 'RESOURCE', text: (item) => item.resource },
    { title: 'PATH', text: (item) => item.path, wide: true },
    { title: 'MESSAGE', text: (item) => item.message },
    { title: 'FIX', text: (item) => item.fix, wide: true },
  ],
  none: 'no problems',
  named: (item, name) => item.resource === name || item.code === name || item.file === name,
  namespace: (item) => namespaceOf(item.resource.replace(/^\S+ /, '')),
};

export interface Kinds {
  readonly services: KindView<ServiceItem>;
  readonly backends: KindView<BackendItem>;
  readonly routes: KindView<RouteItem>;
  readonly conditions: KindView<ConditionItem>;
  readonly pods: KindView<PodItem>;
  readonly tables: KindView<TableItem>;
  readonly problems: KindView<Problem>;
}
export type KindName = keyof Kinds;
export const kinds: Kinds = { services, backends, routes, conditions, pods, tables, problems };
export const kindNames: readonly KindName[] = [
  'services',
  'backends',
  'routes',
  'conditions',
  'pods',
  'tables',
  'problems',
];
