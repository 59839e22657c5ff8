import type { Clock } from './clock.js';
import { SnapshotCompiler } from './compile/compile-snapshot.js';
import { emptySnapshot } from './compile/snapshot.js';
import type { Config } from './config.js';
import { startBroker } from './kernel/broker.js';
import { GatewayListeners } from './kernel/gateway-listeners.js';
import type { Datapath } from './kernel/kernel.js';
import { native } from './kernel/native.js';
import { findOrphans, isWorker, markOf } from './kernel/orphans.js';
import type { OverrideTable } from './kernel/overrides.js';
import type { Pins } from './kernel/pins.js';
import type { PodTable } from './kernel/pods.js';
import type { Reconciler } from './kernel/reconcile.js';
import type { Log } from './log.js';
import type { Catalog } from './model/catalog.js';
import { PemFiles } from './pem-files.js';
import { Routing } from './routing.js';
import { IngressSockets } from './supervisor/ingress-sockets.js';
import { Supervisor, type SupervisorOptions } from './supervisor/supervisor.js';

export interface GatewayOptions {
  readonly config: Config;
  readonly clock: Clock;
  readonly log: Log;
  readonly datapath: Datapath;
  readonly pins: Pins;
  readonly catalog: Catalog;
  readonly reconciler: Reconciler;
  readonly pods: PodTable;
  readonly overrides: OverrideTable;
  /** Tells the programs that the gateway serves. */
  readonly onServing: () => void;
  readonly onReport: SupervisorOptions['onReport'];
  readonly onRecords: SupervisorOptions['onRecords'];
}

/** The gateway's half of an agent: what compiles its snapshots, its workers, and its listeners. */
export interface GatewayHost {
  readonly routing: Routing;
  readonly supervisor: Supervisor;
  readonly listeners: GatewayListeners;
  readonly ingress: IngressSockets;
  /** Certificates and keys that rules name by their files. */
  readonly pemFiles: PemFiles;
  /** Workers end in order, for a while; their listeners are closed. */
  stop(): Promise<void>;
}

/** Listening sockets of the node, taken over where workers of an earlier agent serve on. */
function makeIngress(mark: string): IngressSockets {
  const orphans = findOrphans(mark, new Set());
  const family = (address: string): 4 | 6 => (address.includes(':') ? 6 : 4);
  return new IngressSockets({
    listen: (path, address, port, backlog) =>
      native().socketIn(path, {
        family: family(address),
        protocol: 'TCP',
        bind: { address, port },
        listen: backlog,
        ...(family(address) === 6 ? { v6only: true } : {}),
      }),
    adopt(port) {
      for (const pid of orphans) {
        if (!isWorker(pid, mark)) continue;
        try {
          const taken = native().takeListeners(pid, port);
          if (taken.length > 0) return taken;
        } catch {
          // It has ended meanwhile, or may not be looked into: the port is then opened anew.
        }
      }
      return [];
    },
    close: (fd) => native().closeFd(fd),
  });
}

/** Nothing is started before there is something to serve. */
export function openGateway(options: GatewayOptions): GatewayHost {
  const { config, clock, log, datapath, pins, catalog, reconciler, pods, overrides } = options;
  const mark = markOf(config.pin);
  const listeners = new GatewayListeners({
    listeners: datapath.maps.get('gateway_listeners')!,
    pods,
    pins,
    admission: datapath.admission,
  });
  const ingress = makeIngress(mark);
  let broker: ReturnType<typeof startBroker> | undefined;
  const supervisor = new Supervisor({
    clock,
    log,
    workers: config.workers,
    mark,
    kernel: listeners,
    ingress,
    descriptors: {
      pair: () => native().socketPair(),
      send: (channel, fds) => native().sendDescriptors(channel, new Uint8Array(1), fds, false),
      close: (fd) => native().closeFd(fd),
    },
    broker: (onExit) => {
      broker = startBroker({ upstreams: datapath.maps.get('upstreams')!, onExit });
      return broker;
    },
    snapshot: { ...emptySnapshot, node: config.node, accessLog: config.accessLog },
    onServing: options.onServing,
    onReport: options.onReport,
    onRecords: options.onRecords,
  });
  const pemFiles = new PemFiles();
  const compiler = new SnapshotCompiler(catalog, {
    node: config.node,
    directoryMode: config.kubernetes === undefined,
    gatewayLabels: config.gatewayLabels,
    accessLog: config.accessLog,
    overrides: () => overrides.current,
    readPem: (path) => pemFiles.read(path),
  });
  return {
    routing: new Routing({ compiler, reconciler, receiver: supervisor }),
    supervisor,
    listeners,
    ingress,
    pemFiles,
    async stop() {
      await supervisor.stop();
      listeners.close();
      broker?.close();
    },
  };
}
