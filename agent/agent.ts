import { readFileSync } from 'node:fs';
import { release } from 'node:os';
import { showAddress } from './api/address.js';
import { startMetrics } from './api/metrics-server.js';
import { startApi } from './api/server.js';
import { type Clock, pause } from './clock.js';
import type { Config } from './config.js';
import { Intake } from './intake.js';
import { releaseCanary, reserveCanary, runCanary } from './kernel/canary.js';
import { cgroupRoot } from './kernel/cgroups.js';
import { cookieReader } from './kernel/cookies.js';
import { FlowReader, writeControl } from './kernel/flows.js';
import { Datapath } from './kernel/kernel.js';
import { native } from './kernel/native.js';
import { OverrideTable } from './kernel/overrides.js';
import { lockPins, StartError } from './kernel/pins.js';
import { PodTable } from './kernel/pods.js';
import { Reconciler } from './kernel/reconcile.js';
import { endSockets } from './kernel/sockets.js';
import type { Log } from './log.js';
import { keepYoungGenerationSmall, settleMemory } from './memory.js';
import { Brake } from './model/brake.js';
import { Catalog } from './model/catalog.js';
import type { Problem } from './model/problem.js';
import { Readiness, type Task } from './readiness.js';
import { watchFiles } from './sources/files.js';
import { placeFindings, readText, rootStates } from './sources/problems.js';
import { Sync } from './sync.js';
import type { TableName } from './tables/layout.gen.js';
import { EdgeLedger } from './view/edges.js';
import { createView } from './view/view.js';

/** How often the heartbeat is written and time-driven work is done, in ms. */
const tickMs = 1_000;
/** How often links and pins are looked at. */
const repairMs = 2_000;
/** How long after the first sync memory is given back. */
const settleMs = 3_000;
/** How often all tables are compared with what they should hold. */
const verifyMs = 30_000;
/** How long a task of being ready that failed waits before it is tried again. */
const retryMs = 1_000;

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

/** `version` of package.json. */
function ownVersion(): string {
  const manifest = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as {
    version: string;
  };
  return manifest.version;
}

/** Wires the rooms together. Throws StartError, NativeError or AddressTaken when it cannot start; nothing is left running then. */
export async function startAgent(config: Config, { clock, log }: Surroundings): Promise<Agent> {
  keepYoungGenerationSmall();
  const undo: (() => void | Promise<void>)[] = [];
  const stop = async (): Promise<void> => {
    for (const step of undo.splice(0).reverse()) await step();
  };
  try {
    const started = clock.now();
    const root = cgroupRoot();
    if (root === undefined || !`${config.cgroup}/`.startsWith(`${root}/`)) {
      throw new StartError(
        `${config.cgroup} is no directory of cgroup2`,
        root ? `choose one below ${root}` : 'mount -t cgroup2 none /sys/fs/cgroup',
      );
    }
    const { pins, release: unlock } = lockPins(config.pin);
    undo.push(unlock);
    const datapath = Datapath.load({
      pins,
      cgroup: config.cgroup,
      cgroupRoot: root,
      capacities: Object.fromEntries(config.capacities),
      log: (message) => log.info(message),
    });
    undo.push(() => datapath.close());
    datapath.attach();

    const { store } = datapath;
    const heartbeat = (events: boolean): void => writeControl(store, { heartbeatNs: native().monotonicNs(), events });
    heartbeat(true);
    undo.push(() => heartbeat(false));
    const cookieOf = cookieReader(config.cgroup);
    const catalog = new Catalog();
    const reconciler = new Reconciler(store);
    reconciler.adopt();
    const pods = new PodTable(store, cookieOf, cookieOf('/proc/self/ns/net'));
    const overrides = new OverrideTable(store);
    const edges = new EdgeLedger({ catalog, reconciler, pods, store });
    const readiness = new Readiness();
    const socketNames = datapath.maps.get('socket_names')!;
    const sync = new Sync({
      catalog,
      reconciler,
      pods,
      overrides: () => overrides.current,
      node: config.node,
      directoryMode: true,
      clock,
      endSockets: (gone, captured) => {
        const ended = endSockets(gone, captured, store, socketNames);
        if (ended > 0) log.info({ sockets: ended }, 'ended sockets to backends that are gone');
      },
      retireBackends: edges.retireBackends,
      retirePods: edges.retirePods,
    });
    const tableTrouble = (error: unknown): void => {
      log.error({ err: error }, 'the tables could not be written');
      readiness.degrade('tables-write', error instanceof Error ? error.message : String(error));
    };
    const intake = new Intake({
      brake: new Brake({ enrolled: (pod, meshed) => meshed.isMeshed(pod, true) }),
      catalog,
      sync,
      clock,
      onHeld: (held) => {
        if (held.length > 0) log.warn({ objects: held.length }, 'most of the mesh vanished at once: held by the brake');
        readiness.degrade('mass-delete-brake', held.length > 0 ? `${held.length} objects that vanished are held` : '');
      },
      onError: tableTrouble,
    });
    undo.push(() => intake.stop());

    let sourceProblems: readonly Problem[] = [];
    let hasSynced = false;
    const files = watchFiles(config.manifests, {
      clock,
      onChanges: (changes) => intake.take(changes),
      onProblems: (problems) => {
        sourceProblems = problems;
      },
    });
    undo.push(() => files.stop());

    const flowReader = new FlowReader(native().openRing(datapath.maps.get('events')!), store);
    undo.push(() => flowReader.close());
    const view = createView({
      version: ownVersion(),
      node: config.node,
      kernel: release(),
      started,
      cgroup: config.cgroup,
      pin: config.pin,
      directoryMode: true,
      clock,
      nowNs: () => native().monotonicNs(),
      catalog,
      sync,
      reconciler,
      pods,
      overrides,
      store,
      edges,
      programs: datapath.programs,
      flowReader,
      checks: () => readiness.checks(),
      sources: () =>
        rootStates(config.manifests, catalog, sourceProblems).map((root) => ({ ...root, synced: hasSynced })),
      sourceProblems: () => sourceProblems,
      held: () => intake.held.length,
      locate: (findings) => placeFindings(findings, (fields) => files.locate(fields)),
      readManifests: readText,
    });
    undo.push(() => view.close());
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

    const attempt =
      (what: string, work: () => void): (() => void) =>
      () => {
        try {
          work();
          readiness.degrade(what, '');
        } catch (error) {
          log.error({ err: error }, `${what} failed`);
          readiness.degrade(what, error instanceof Error ? error.message : String(error));
        }
      };
    undo.push(
      clock.every(
        tickMs,
        attempt('tick', () => {
          heartbeat(true);
          sync.tick();
        }),
      ),
      clock.every(
        repairMs,
        attempt('links', () => {
          for (const repair of datapath.repair()) log.warn({ repair }, 'put back what somebody else changed');
        }),
      ),
      clock.every(
        verifyMs,
        attempt('verify', () => {
          for (const drift of sync.verify()) log.warn(drift, 'rows differed from what was desired and were repaired');
          readiness.degrade('tables-write', '');
        }),
      ),
    );

    let isStopped = false;
    undo.push(() => {
      isStopped = true;
    });
    /** Does `work` again until it has no more trouble to tell, or the agent is stopped. */
    const insist = async (task: Task, work: () => Promise<string | undefined>): Promise<void> => {
      while (!isStopped) {
        const trouble = await work().catch((error: Error) => error.message);
        if (isStopped) return;
        if (trouble === undefined) return readiness.finish(task);
        readiness.wait(task, trouble);
        log.error({ task, trouble }, 'not ready');
        await pause(clock, retryMs);
      }
    };
    const settle = async (): Promise<void> => {
      await files.synced;
      if (isStopped) return;
      hasSynced = true;
      readiness.finish('sources');
      let crowded: TableName | undefined;
      await insist('tables', async () => {
        crowded = reserveCanary(reconciler);
        sync.start();
        return undefined;
      });
      if (isStopped) return;
      intake.startBraking();
      undo.push(clock.after(settleMs, settleMemory));
      if (crowded === undefined) {
        await insist('canary', () => runCanary({ cgroup: config.cgroup, store, reconciler, cookieOf, clock }));
      } else {
        releaseCanary(reconciler);
        readiness.degrade('canary', `not tried, because the table ${crowded} that was found is full`);
        readiness.finish('canary');
      }
      if (readiness.isReady) log.info({ services: catalog.serviceCount, pods: pods.count }, 'ready');
    };
    void settle().catch((error) => tableTrouble(error));
    const addresses = { api: showAddress(api.address), metrics: showAddress(metrics.address) };
    log.info({ ...addresses, pin: config.pin, cgroup: config.cgroup }, 'started');
    return { addresses, ready: readiness.done, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}
