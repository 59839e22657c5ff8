import type { Check, SourceItem } from '../api/items.js';
import type { Clock } from '../clock.js';
import type { SnapshotCompiler } from '../compile/compile-snapshot.js';
import type { CompileContext } from '../compile/input.js';
import type { FlowReader } from '../kernel/flows.js';
import type { NativeProgram } from '../kernel/native.js';
import type { OverrideTable } from '../kernel/overrides.js';
import type { PodTable } from '../kernel/pods.js';
import type { Reconciler } from '../kernel/reconcile.js';
import type { Store } from '../kernel/store.js';
import type { Catalog } from '../model/catalog.js';
import type { MeshObject } from '../model/mesh.js';
import type { Problem } from '../model/problem.js';
import type { ObjectFinding } from '../model/references.js';
import type { ResourceState } from '../sources/kubernetes-state.js';
import type { RequestLedger } from '../supervisor/request-ledger.js';
import type { Supervisor } from '../supervisor/supervisor.js';
import type { Sync } from '../sync.js';
import type { EdgeLedger } from './edges.js';

/** What a text of manifests says. */
export interface ReadManifests {
  /** Valid ones, in their order; the same object may be there twice. */
  readonly objects: readonly MeshObject[];
  readonly problems: readonly Problem[];
  /** Gives findings of these objects their places in the text. */
  readonly locate: (findings: readonly ObjectFinding[]) => readonly Problem[];
}

/** The parts of the running agent that the view looks at. */
export interface ViewParts {
  readonly version: string;
  /** This node's name. */
  readonly node: string;
  /** `uname -r`. */
  readonly kernel: string;
  /** Wall time in ms. */
  readonly started: number;
  readonly cgroup: string;
  readonly pin: string;
  readonly clock: Clock;
  /** CLOCK_MONOTONIC, as the programs read it. */
  readonly nowNs: () => bigint;

  readonly catalog: Catalog;
  readonly sync: Pick<Sync, 'generation' | 'drift' | 'onPropagation' | 'recompile'>;
  readonly reconciler: Reconciler;
  readonly pods: PodTable;
  readonly overrides: OverrideTable;
  readonly store: Store;
  /** Sums of the graph's edges; made before Sync, which tells it of ids that are given away. */
  readonly edges: EdgeLedger;
  /** Undefined when the tables are in memory only. */
  readonly programs: ReadonlyMap<string, Pick<NativeProgram, 'info'>> | undefined;
  readonly flowReader: Pick<FlowReader, 'drain' | 'lost'> | undefined;

  readonly supervisor: Pick<Supervisor, 'pids' | 'restarts' | 'snapshot' | 'follow'>;
  readonly requests: RequestLedger;
  readonly compiler: SnapshotCompiler;
  /** Ports for outside traffic that are not served, with the reason. */
  readonly ingressTroubles: () => ReadonlyMap<number, string>;
  /** NS/POD to why it has no gateway listener. */
  readonly listenerTroubles: () => ReadonlyMap<string, string>;

  readonly checks: () => readonly Check[];
  readonly sources: () => readonly SourceItem[];
  /** Resources of the API server; none without one. */
  readonly watches: () => readonly ResourceState[];
  /** Whether this agent writes status to the API server; undefined without one. */
  readonly isStatusWriter: () => boolean | undefined;
  readonly sourceProblems: () => readonly Problem[];
  /** Objects held by the mass-delete brake now. */
  readonly held: () => number;
  /** Gives findings of objects their places in their files. */
  readonly locate: (findings: readonly ObjectFinding[]) => readonly Problem[];
  /** Reads YAML or JSON documents; problems name `file`. */
  readonly readManifests: (text: string, file: string) => Promise<ReadManifests>;
}

/** What Services are compiled with now. */
export function contextOf({ catalog, compiler, node, overrides }: ViewParts): CompileContext {
  return {
    node,
    zone: catalog.node(node)?.zone ?? '',
    overrides: overrides.current,
    gatewayOf: (service, port) => compiler.gatewayOf(service, port),
  };
}

/** Whether ids have names: until the first plans are written, records are of what an earlier agent programmed. */
export function isNamed({ sync }: ViewParts): boolean {
  return sync.generation > 0;
}
