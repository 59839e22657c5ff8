import { release } from 'node:os';
import { showAddress } from './api/address.js';
import { startMetrics } from './api/metrics-server.js';
import { startApi } from './api/server.js';
import type { Clock } from './clock.js';
import { type Cluster, openCluster } from './cluster.js';
import { gatewayStatuses, routeStatuses } from './compile/gateway-status.js';
import type { Config } from './config.js';
import { Feed } from './feed.js';
import { openGateway } from './gateway-host.js';
import { Intake } from './intake.js';
import { cgroupRoot } from './kernel/cgroups.js';
import { cookieReader } from './kernel/cookies.js';
import { FlowReader, resumeControl, writeControl } from './kernel/flows.js';
import { Datapath } from './kernel/kernel.js';
import { native } from './kernel/native.js';
import { OverrideTable } from './kernel/overrides.js';
import { lockPins, type Pins, StartError } from './kernel/pins.js';
import { NodePlaces } from './kernel/place-node.js';
import { PodTable } from './kernel/pods.js';
import { Reconciler } from './kernel/reconcile.js';
import { endSockets } from './kernel/sockets.js';
import type { Log } from './log.js';
import { keepYoungGenerationSmall, settleMemory, Thrift } from './memory.js';
import { Brake } from './model/brake.js';
import { Catalog } from './model/catalog.js';
import { Readiness } from './readiness.js';
import { Settling } from './settling.js';
import { readText } from './sources/problems.js';
import { type StatusReporter, startStatus } from './status/status.js';
import type { Statuses } from './status/wanted.js';
import { RequestLedger } from './supervisor/request-ledger.js';
import { Sync } from './sync.js';
import { startUpkeep } from './upkeep.js';
import { version } from './version.js';
import { EdgeLedger } from './view/edges.js';
import { createView, type RunningView } from './view/view.js';

export interface Agent {
  readonly addresses: { readonly api: string; readonly metrics: string };
  /** Resolves once sources have synced, tables are programmed and a canary connection was redirected. */
  readonly ready: Promise<void>;
  /** Ends in order and leaves the pins, so that redirection goes on. */
  stop(): Promise<void>;
}

export interface Surroundings {
  readonly clock: Clock;
  readonly log: Log;
}

/** Undoes what was started, in reverse. */
type Undo = (() => void | Promise<void>)[];

/** Wires the rooms together. Throws CredentialsError, StartError, NativeError or AddressTaken when it cannot start; nothing is left running then. */
export async function startAgent(config: Config, surroundings: Surroundings): Promise<Agent> {
  keepYoungGenerationSmall();
  const undo: Undo = [];
  const stop = async (): Promise<void> => {
    for (const step of undo.splice(0).reverse()) await step();
  };
  try {
    return { ...(await start(config, surroundings, undo)), stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function start(config: Config, { clock, log }: Surroundings, undo: Undo): Promise<Omit<Agent, 'stop'>> {
  const started = clock.now();
  const readiness = new Readiness();
  const cluster = config.kubernetes && openCluster(config.kubernetes, clock);
  undo.push(() => cluster?.client.close());
  const kernel = openKernel(config, log, undo);
  const mesh = openMesh(config, clock, log, kernel, undo);
  const { catalog, gateway, sync } = mesh;

  const intake = new Intake({
    brake: new Brake({ enrolled: (pod, meshed) => meshed.isMeshed(pod) }),
    catalog,
    sync,
    clock,
    onHeld: (held) => {
      if (held.length > 0) log.warn({ objects: held.length }, 'most of the mesh vanished at once: held by the brake');
      readiness.degrade('mass-delete-brake', held.length > 0 ? `${held.length} objects that vanished are held` : '');
    },
    onError: (error) => {
      log.error({ err: error }, 'the tables could not be written');
      readiness.degrade('tables-write', error instanceof Error ? error.message : String(error));
    },
  });
  undo.push(() => intake.stop());
  const feed = new Feed({
    ...{ config, client: cluster?.client, clock, log },
    onChanges: (changes) => intake.take(changes),
  });
  undo.push(() => feed.stop());
  const canary = { ...kernel, ...mesh, cgroup: config.cgroup, clock };
  const thrift = new Thrift({ clock, resident: () => process.memoryUsage.rss(), settle: settleMemory });
  undo.push(sync.onPropagation(() => thrift.touch()));
  const settling = new Settling({
    ...{ clock, log, readiness, sync, intake, canary, thrift },
    gateway: gateway.supervisor,
    synced: feed.synced,
  });
  undo.push(() => settling.stop());

  const view = createView({
    ...kernel,
    ...mesh,
    version,
    kernel: release(),
    node: config.node,
    started,
    cgroup: config.cgroup,
    pin: config.pin,
    clock,
    nowNs: () => native().monotonicNs(),
    checks: () => readiness.checks(),
    sources: () => feed.items(catalog),
    watches: () => feed.watches(),
    isStatusWriter: () => status?.isWriter,
    sourceProblems: () => feed.problems(),
    held: () => intake.held.length + sync.held,
    supervisor: gateway.supervisor,
    compiler: gateway.routing.compiler,
    ingressTroubles: () => gateway.ingress.troubles,
    listenerTroubles: () => gateway.listeners.troubles(),
    locate: (findings) => feed.locate(findings),
    readManifests: readText,
  });
  undo.push(() => view.close());
  const status = cluster && reportStatus(cluster, { config, clock, feed, log, readiness, mesh, view });
  undo.push(() => status?.stop());
  const onError = (error: unknown, what: string): void => log.error({ err: error }, what);
  const api = await startApi(view, {
    address: config.api,
    tokenFile: config.apiTokenFile,
    group: config.apiGroup,
    clock,
    peer: (fd) => native().peer(fd),
    onError,
  });
  undo.push(() => api.close());
  const metrics = await startMetrics(view, {
    address: config.metrics,
    onError: (error) => onError(error, 'metrics could not be read'),
  });
  undo.push(() => metrics.close());

  const { supervisor } = gateway;
  const heartbeat = (): void => kernel.heartbeat(supervisor.isServing || supervisor.hasOrphans);
  undo.push(startUpkeep({ ...kernel, ...{ clock, log, readiness, sync, heartbeat, gateway, feed, thrift } }));
  settling.run().then(
    () => readiness.isReady && log.info({ services: catalog.serviceCount, pods: mesh.pods.count }, 'ready'),
    (error: unknown) => onError(error, 'becoming ready failed'),
  );
  const addresses = { api: showAddress(api.address), metrics: showAddress(metrics.address) };
  log.info({ ...addresses, pin: config.pin, cgroup: config.cgroup }, 'started');
  return { addresses, ready: readiness.done };
}

interface ReportedParts extends Surroundings {
  readonly config: Config;
  readonly feed: Pick<Feed, 'onProblems'>;
  readonly readiness: Readiness;
  readonly mesh: ReturnType<typeof openMesh>;
  readonly view: Pick<RunningView, 'ruleProblems' | 'onPropagation'>;
}

/** Conditions and Events, written by this agent while it is the one that does. */
function reportStatus({ client, namespace }: Cluster, parts: ReportedParts): StatusReporter {
  const { clock, config, log, readiness, view } = parts;
  const { catalog, gateway, sync } = parts.mesh;
  const { compiler } = gateway.routing;
  const statuses = (): Statuses | undefined => {
    if (sync.generation === 0) return undefined;
    const routes = [...catalog.httpRoutes(), ...catalog.grpcRoutes()];
    return {
      gateways: gatewayStatuses(compiler.ingress, gateway.ingress.troubles),
      routes: routeStatuses(routes, compiler.ingress, compiler.rules),
      classes: [...catalog.gatewayClasses()],
    };
  };
  const status = startStatus({
    ...{ client, clock, log, namespace, statuses },
    random: Math.random,
    node: config.node,
    agents: () => catalog.nodeCount,
    problems: () => view.ruleProblems(),
    onTrouble: (why) => readiness.degrade('status', why),
  });
  view.onPropagation(() => status.touch());
  parts.feed.onProblems(() => status.touch());
  return status;
}

/** The pinned tables, the attached programs and what reads and feeds them. */
function openKernel(config: Config, log: Log, undo: Undo) {
  const cgroup2 = cgroup2Above(config.cgroup);
  const { pins, release: unlock } = lockPins(config.pin);
  undo.push(unlock);
  const datapath = openDatapath(config, pins, cgroup2, log);
  undo.push(() => datapath.close());
  datapath.attach();
  const { maps, programs, store } = datapath;
  resumeControl(store, native().monotonicNs());
  undo.push(() => writeControl(store, { heartbeatNs: native().monotonicNs(), events: false }));
  const heartbeat = (serves: boolean): void => {
    const now = native().monotonicNs();
    writeControl(store, { heartbeatNs: now, events: true, ...(serves ? { gatewayNs: now } : {}) });
  };
  const flowReader = new FlowReader(native().openRing(maps.get('events')!), store);
  undo.push(() => flowReader.close());
  return {
    datapath,
    store,
    maps,
    programs,
    flowReader,
    pins,
    heartbeat,
    /** Connections are led to the gateway no more. */
    closeGateway: () => writeControl(store, { heartbeatNs: native().monotonicNs(), events: true, gatewayNs: 0n }),
    cookieOf: cookieReader(config.cgroup),
  };
}

/** What the user wants, and what turns it into rows and into what the gateway serves by. */
function openMesh(config: Config, clock: Clock, log: Log, kernel: ReturnType<typeof openKernel>, undo: Undo) {
  const { store, maps, cookieOf, datapath, pins } = kernel;
  const catalog = new Catalog();
  const reconciler = new Reconciler(store);
  reconciler.adopt();
  const pods = new PodTable(store, cookieOf, cookieOf('/proc/self/ns/net'), new NodePlaces(config.proc, clock));
  const overrides = new OverrideTable(store);
  const edges = new EdgeLedger({ catalog, reconciler, pods, store });
  const socketNames = maps.get('socket_names')!;
  const requests = new RequestLedger();
  const gateway = openGateway({
    ...{ config, clock, log, datapath, pins, catalog, reconciler, pods, overrides },
    onServing: () => kernel.heartbeat(true),
    onReport: (worker, report) => requests.take(worker, report),
    onRecords: (records, lost) => requests.tell(records, lost),
  });
  undo.push(async () => {
    kernel.closeGateway();
    await gateway.stop();
  });
  const sync = new Sync({
    catalog,
    reconciler,
    pods,
    overrides: () => overrides.current,
    node: config.node,
    clock,
    routing: gateway.routing,
    endSockets: (gone, captured) => {
      const ended = endSockets(gone, captured, store, socketNames);
      if (ended > 0) log.info({ sockets: ended }, 'ended sockets to backends that are gone');
    },
    retireBackends: edges.retireBackends,
    retirePods: edges.retirePods,
  });
  return { catalog, reconciler, pods, overrides, edges, sync, gateway, requests };
}

/** Where cgroup2 is mounted. Throws StartError when `cgroup` is not below. */
function cgroup2Above(cgroup: string): string {
  const root = cgroupRoot();
  if (root !== undefined && `${cgroup}/`.startsWith(`${root}/`)) return root;
  const fix = root === undefined ? 'mount -t cgroup2 none /sys/fs/cgroup' : `choose one below ${root}`;
  throw new StartError(`${cgroup} is no directory of cgroup2`, fix);
}

function openDatapath(config: Config, pins: Pins, cgroup2: string, log: Log): Datapath {
  return Datapath.load({
    pins,
    cgroup: config.cgroup,
    cgroupRoot: cgroup2,
    capacities: Object.fromEntries(config.capacities),
    log: (message) => log.info(message),
  });
}
