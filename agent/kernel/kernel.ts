import { existsSync, readFileSync, rmSync } from 'node:fs';
import type { TableName } from '../tables/layout.gen.js';
import { tableLayouts } from '../tables/layout.gen.js';
import { compareStructs, tablesOf, typesOfObject } from '../tables/layout.js';
import { KernelStore } from './maps.js';
import { compareMap, copyRows, type Verdict } from './migrate.js';
import {
  type NativeError,
  type NativeLink,
  type NativeMap,
  type NativeObject,
  type NativeProgram,
  native,
} from './native.js';
import { findOverlap } from './overlap.js';
import { cgroupId, freshPin, type Pins, replacePin, StartError } from './pins.js';
import { features } from './probe.js';

/** Programs in the order they are attached: what names and counts comes before what redirects. */
export const programs = [
  'weft_getpeername4',
  'weft_getpeername6',
  'weft_recvmsg4',
  'weft_recvmsg6',
  'weft_sock_release',
  'weft_connection',
  'weft_sendmsg4',
  'weft_sendmsg6',
  'weft_connect4',
  'weft_connect6',
] as const;

/** The program of each captured namespace: it is attached there, not to the cgroup. */
const admission = 'weft_admission';

export interface DatapathOptions {
  readonly pins: Pins;
  /** Absolute path of a cgroup2 directory. */
  readonly cgroup: string;
  /** Where cgroup2 is mounted. */
  readonly cgroupRoot: string;
  /** Rows, where they are not to be those of bpf/maps.h. */
  readonly capacities: Partial<Record<TableName, number>>;
  readonly log: (message: string) => void;
}

const objectFile = new URL('../../bpf/weft.bpf.o', import.meta.url);

/** The programs and maps in the kernel: loaded, pinned, attached. Lives on without this process. */
export class Datapath {
  readonly store: KernelStore;
  readonly maps: ReadonlyMap<string, NativeMap>;
  readonly programs: ReadonlyMap<string, NativeProgram>;
  /** Says who may reach the gateway's listener: to be attached to captured namespaces. */
  readonly admission: NativeProgram;
  /** Maps that were copied into a new layout or size at this start, each with what differed. */
  readonly migrated: readonly string[];
  readonly #links = new Map<string, NativeLink>();
  readonly #pins: Pins;
  readonly #cgroup: string;

  private constructor(
    options: DatapathOptions,
    maps: ReadonlyMap<string, NativeMap>,
    programs: ReadonlyMap<string, NativeProgram>,
    admission: NativeProgram,
    migrated: readonly string[],
  ) {
    this.#pins = options.pins;
    this.#cgroup = options.cgroup;
    this.maps = maps;
    this.programs = programs;
    this.admission = admission;
    this.migrated = migrated;
    this.store = new KernelStore(maps as ReadonlyMap<TableName, NativeMap>);
  }

  /** Loads the programs over the pinned maps, or fresh ones, and pins these. Nothing is attached yet. Throws StartError with a remedy. */
  static load(options: DatapathOptions): Datapath {
    const elf = readFileSync(objectFile);
    checkBuild(elf);
    const overlap = findOverlap(native(), options.cgroup, options.cgroupRoot, pinnedLinks(options.pins));
    if (overlap) {
      throw new StartError(
        `the cgroup ${options.cgroup} overlaps with ${overlap.cgroup}, which another Weft captures (link ${overlap.linkId})`,
        'stop that agent and run `weft cleanup --pin DIR` on its pin directory, or choose a --cgroup beside it',
      );
    }
    const object = native().openObject(elf, 'weft');
    try {
      object.setVariable('has_set_retval', Uint8Array.of(features().setRetval ? 1 : 0, 0, 0, 0));
      const copies = preparePinned(object, options);
      loadObject(object);
      const maps = new Map<string, NativeMap>();
      for (const { name } of object.maps()) if (!name.includes('.')) maps.set(name, object.map(name));
      for (const { name, from, verdict } of copies) {
        copyRows(
          from,
          verdict.from,
          maps.get(name)!,
          tableLayouts.find((table) => table.name === name),
        );
        options.log(`table ${name} was migrated: ${verdict.differences.join('; ')}`);
      }
      for (const [name, map] of maps)
        replacePin(
          options.pins.map(name),
          map,
          copies.some((copy) => copy.name === name),
        );
      for (const copy of copies) copy.from.close();
      for (const name of options.pins.mapNames()) if (name.endsWith(freshPin)) rmSync(options.pins.map(name));
      const loaded = new Map(programs.map((name) => [name as string, object.program(name)]));
      return new Datapath(
        options,
        maps,
        loaded,
        object.program(admission),
        copies.map((copy) => copy.name),
      );
    } finally {
      object.close();
    }
  }

  /** Attaches each program, or puts it into the live link that an earlier agent pinned. */
  attach(): void {
    for (const [name, program] of this.programs) {
      const pin = this.#pins.link(name);
      const link = existsSync(pin) ? native().openLink(pin) : undefined;
      if (link && link.info().cgroupId === cgroupId(this.#cgroup)) {
        link.update(program);
        this.#links.set(name, link);
      } else {
        this.#attachNew(name, program);
        link?.detach();
        link?.close();
      }
    }
    for (const name of this.#pins.linkNames()) {
      if (!this.programs.has(name)) rmSync(this.#pins.link(name));
    }
  }

  /** Finds links that were detached or replaced and pins that were removed by others, and puts them back. One line for each. */
  repair(): readonly string[] {
    const repairs: string[] = [];
    const cgroup = cgroupId(this.#cgroup);
    for (const [name, program] of this.programs) {
      const link = this.#links.get(name);
      const info = link?.info();
      if (!link || !info || info.cgroupId !== cgroup) {
        repairs.push(`${name} was detached from ${this.#cgroup}`);
        link?.close();
        this.#attachNew(name, program);
      } else if (info.programId !== program.info().id) {
        repairs.push(`${name} was replaced by program ${info.programId}`);
        link.update(program);
      } else if (!existsSync(this.#pins.link(name))) {
        repairs.push(`the pin of ${name} was removed`);
        replacePin(this.#pins.link(name), link, true);
      }
    }
    for (const [name, map] of this.maps) {
      if (existsSync(this.#pins.map(name))) continue;
      repairs.push(`the pin of table ${name} was removed`);
      replacePin(this.#pins.map(name), map, true);
    }
    return repairs;
  }

  /** Closes this process's handles. Pinned objects stay attached. */
  close(): void {
    for (const link of this.#links.values()) link.close();
    for (const program of this.programs.values()) program.close();
    this.admission.close();
    for (const map of this.maps.values()) map.close();
  }

  #attachNew(name: string, program: NativeProgram): void {
    const link = program.attachCgroup(this.#cgroup);
    replacePin(this.#pins.link(name), link, true);
    this.#links.set(name, link);
  }
}

function pinnedLinks(pins: Pins): ReadonlySet<number> {
  const ids = new Set<number>();
  for (const name of pins.linkNames()) {
    const link = native().openLink(pins.link(name));
    ids.add(link.info().id);
    link.close();
  }
  return ids;
}

/** The object, its BTF and the generated layout must be of one build. */
function checkBuild(elf: Uint8Array): void {
  const found = new Map(tablesOf(typesOfObject(elf)).map((table) => [table.name, table]));
  const differences = tableLayouts.flatMap((table) => {
    const other = found.get(table.name);
    if (!other) return [`${table.name} is missing`];
    return [
      ...compareStructs(table.key, other.key, `${table.name} key.`),
      ...compareStructs(table.value, other.value, `${table.name} value.`),
    ];
  });
  if (differences.length > 0)
    throw new StartError(`the BPF object and the agent differ: ${differences.join('; ')}`, 'build again');
}

interface Copy {
  readonly name: string;
  readonly from: NativeMap;
  readonly verdict: Extract<Verdict, { type: 'copy' }>;
}

/** Tells the object which maps to take over and how large the others are to be. Returns those whose rows must be copied. */
function preparePinned(object: NativeObject, options: DatapathOptions): readonly Copy[] {
  for (const [name, rows] of Object.entries(options.capacities)) object.setMaxEntries(name, rows);
  const copies: Copy[] = [];
  for (const wanted of object.maps()) {
    const pin = options.pins.map(wanted.name);
    if (wanted.name.includes('.') || !existsSync(pin)) continue;
    const pinned = native().openMap(pin);
    const layout = tableLayouts.find((table) => table.name === wanted.name);
    const verdict = compareMap(wanted, layout, pinned);
    if (verdict.type === 'same') {
      object.reuse(wanted.name, pinned);
      pinned.close();
    } else if (verdict.type === 'copy') {
      copies.push({ name: wanted.name, from: pinned, verdict });
    } else {
      throw new StartError(
        `the pinned map ${pin} is of another version and cannot be migrated: ${verdict.differences.join('; ')}`,
        `drain this node, run \`weft cleanup --pin ${options.pins.directory}\` and start again`,
      );
    }
  }
  return copies;
}

function loadObject(object: NativeObject): void {
  try {
    object.load();
  } catch (error) {
    const { operation, object: what, code, log } = error as NativeError;
    const tail = log.split('\n').slice(-12).join('\n');
    throw new StartError(
      `the kernel refused ${what} (${operation}: ${code})${tail === '' ? '' : `\n${tail}`}`,
      code === 'EPERM'
        ? 'run as root, or with CAP_SYS_ADMIN and CAP_NET_ADMIN'
        : 'Weft needs Linux 5.10 or later; `weft doctor` says what is missing',
    );
  }
}
