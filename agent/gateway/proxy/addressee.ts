import type { ClientView } from '../../compile/route.js';
import type {
  ClientPod,
  IngressListener,
  IngressServer,
  RouteTable,
  Snapshot,
  Target,
} from '../../compile/snapshot.js';
import { hostFit, hostOfAuthority, ingressHostOf } from '../../compile/virtual-host.js';
import type { Downstream, RequestHead } from '../exchange.js';

/** Whose rules a request is matched against. `port`: that the client addressed. */
export type Addressee =
  | {
      readonly type: 'table';
      readonly port: number;
      readonly table: RouteTable;
      readonly client: ClientView;
      /** Undefined for traffic from outside. */
      readonly target: Target | undefined;
    }
  /** Every request is sent to https. */
  | { readonly type: 'https-redirect'; readonly port: number }
  /** No server for the host. */
  | { readonly type: 'unknown'; readonly port: number }
  /** The Service port is no longer there, or no longer the gateway's; the connection has outlived it. */
  | { readonly type: 'gone'; readonly port: number };

const noLabels: Readonly<Record<string, string>> = {};

export function addresseeOf(
  snapshot: Snapshot,
  downstream: Downstream,
  head: RequestHead,
  client: ClientPod | undefined,
): Addressee {
  if (downstream.origin === 'ingress') return ingressAddressee(snapshot, downstream, head);
  const target = snapshot.targets[downstream.target];
  if (target === undefined) return { type: 'gone', port: 0 };
  return { type: 'table', port: target.port, table: target.http, client: meshView(downstream.pod, client), target };
}

const views = new WeakMap<ClientPod, ClientView>();

function meshView(pod: string, client: ClientPod | undefined): ClientView {
  if (client === undefined) return { namespace: pod.slice(0, pod.indexOf('/')), labels: noLabels, gateway: 'mesh' };
  let view = views.get(client);
  if (view === undefined) {
    view = { namespace: client.namespace, labels: client.labels, gateway: 'mesh' };
    views.set(client, view);
  }
  return view;
}

/** So many hosts of a listener are remembered: their names come from outside. */
const mostHosts = 1024;
const hostsOf = new WeakMap<IngressListener, Map<string, Addressee>>();

function ingressAddressee(snapshot: Snapshot, { target, tls }: Downstream, { authority }: RequestHead): Addressee {
  const listener = snapshot.ingress[target];
  if (listener === undefined) return { type: 'unknown', port: Number(target) };
  let hosts = hostsOf.get(listener);
  if (hosts === undefined) {
    hosts = new Map();
    hostsOf.set(listener, hosts);
  }
  const key = tls === undefined ? authority : `${tls.sni} ${authority}`;
  let addressee = hosts.get(key);
  if (addressee === undefined) {
    addressee = findHost(listener, tls?.sni, hostOfAuthority(authority));
    if (hosts.size >= mostHosts) hosts.clear();
    hosts.set(key, addressee);
  }
  return addressee;
}

/** Behind TLS only those servers count that the handshake's name led to. */
function findHost(listener: IngressListener, sni: string | undefined, host: string): Addressee {
  const { port } = listener;
  const found = ingressHostOf(sni === undefined ? listener : behind(listener, sni.toLowerCase()), host);
  if (found === undefined) return { type: 'unknown', port };
  if (found.server.httpsRedirect) return { type: 'https-redirect', port };
  if (found.virtualHost === undefined) return { type: 'unknown', port };
  const client = { namespace: '', labels: noLabels, gateway: found.server.gateway };
  return { type: 'table', port, table: found.virtualHost.table, client, target: undefined };
}

function behind(listener: IngressListener, sni: string): IngressListener {
  const fitOf = ({ hosts }: IngressServer) => Math.max(0, ...hosts.map((pattern) => hostFit(pattern, sni)));
  const best = Math.max(0, ...listener.servers.map(fitOf));
  return { ...listener, servers: listener.servers.filter((server) => best > 0 && fitOf(server) === best) };
}
