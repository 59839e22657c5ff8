import { execFileSync } from 'node:child_process';
import { mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { cleanup } from '../../agent/kernel/cleanup.js';
import {
  ip,
  makeCgroup,
  makeDirectory,
  makeNamespace,
  pinDirectory,
  removeCgroup,
  removeNamespace,
} from '../kernel/scratch.js';
import { AgentProcess } from './agent-process.js';
import { Caller } from './caller.js';
import type { Manifest } from './objects.js';

/** A network namespace in which every backend and Service address is local: what nobody redirects arrives too, and can be told. */
export interface House {
  /** Of /run/netns. */
  readonly name: string;
  readonly path: string;
}

export interface SiteOptions {
  /** Further options of `weft run`. */
  readonly options?: readonly string[];
  /** The only capabilities of the agent; all of the test's when absent. */
  readonly capabilities?: readonly string[];
  /** What the manifests hold before the agent starts. */
  readonly manifests?: readonly Manifest[];
  /** The agent is in a network namespace of its own, so that it may listen where it likes. */
  readonly isolated?: boolean;
}

/** What ends at some time: a test, mostly. */
export interface Life {
  teardown(close: () => Promise<void>): void;
}

/** Addresses of backends and of Services in a {@link House}. */
const local = ['10.1.0.0/16', '10.96.0.0/16', 'fd00:1::/64', 'fd00:96::/64'];

function makeLocal({ path }: House): void {
  ip(
    path,
    local.map((range) => `route add local ${range} dev lo`),
  );
}

/** An agent with a cgroup, pins and manifests of its own, and namespaces and programs around it. Nothing of it outlives the test. */
export class Site {
  readonly directory: string = makeDirectory();
  readonly manifests: string = join(this.directory, 'manifests');
  readonly cgroup: string = makeCgroup();
  readonly pin: string = pinDirectory();
  readonly agent: AgentProcess;
  /** Where the agent is when it is isolated: backends and clients from outside can be there too. */
  readonly node: House | undefined;
  readonly #houses: House[] = [];
  readonly #callers: Caller[] = [];
  #written = 0;

  private constructor({ capabilities, isolated = false, options = [] }: SiteOptions) {
    mkdirSync(this.manifests);
    this.node = isolated ? this.house() : undefined;
    const { cgroup, directory, node, pin } = this;
    this.agent = new AgentProcess({
      ...{ cgroup, pin, directory, options: ['--manifests', this.manifests, ...options] },
      ...(capabilities && { capabilities }),
      ...(node && { netns: node.path }),
    });
  }

  /** Not started yet. Closed when the life ends. */
  static make(life: Life, options: SiteOptions = {}): Site {
    const site = new Site(options);
    life.teardown(() => site.close());
    const { manifests = [] } = options;
    if (manifests.length > 0) site.write('mesh', manifests);
    return site;
  }

  /** With an agent that is ready. */
  static async open(life: Life, options: SiteOptions = {}): Promise<Site> {
    const site = Site.make(life, options);
    await site.agent.start();
    return site;
  }

  house(): House {
    const path = makeNamespace();
    const house = { name: basename(path), path };
    this.#houses.push(house);
    makeLocal(house);
    return house;
  }

  /** Takes a house's namespace away; `rebuild` makes another one of its name. */
  demolish(house: House): void {
    this.#houses.splice(this.#houses.indexOf(house), 1);
    removeNamespace(house.path);
  }

  rebuild(house: House): void {
    execFileSync('ip', ['netns', 'add', house.name]);
    this.#houses.push(house);
    ip(house.path, ['link set lo up']);
    makeLocal(house);
  }

  /** A program in the house that calls Services and answers as every backend. `inside`: whether it is in the agent's cgroup. */
  async caller(house: House, inside = true): Promise<Caller> {
    const caller = new Caller(inside ? { netns: house.path, cgroup: this.cgroup } : { netns: house.path });
    this.#callers.push(caller);
    await caller.open();
    return caller;
  }

  /** Makes these the whole of a file, in one step. */
  write(name: string, objects: readonly Manifest[]): void {
    this.writeText(`${name}.json`, JSON.stringify({ apiVersion: 'v1', kind: 'List', items: objects }));
  }

  writeText(file: string, text: string | Uint8Array): void {
    const draft = join(this.directory, `draft-${++this.#written}`);
    writeFileSync(draft, text);
    renameSync(draft, join(this.manifests, file));
  }

  remove(name: string): void {
    rmSync(join(this.manifests, `${name}.json`));
  }

  async close(): Promise<void> {
    await Promise.all(this.#callers.map((caller) => caller.kill()));
    await this.agent.kill();
    const { refused } = cleanup({ pin: this.pin, dryRun: false });
    for (const house of this.#houses) removeNamespace(house.path);
    removeCgroup(this.cgroup);
    rmSync(this.directory, { recursive: true });
    if (refused !== undefined) throw new Error(refused);
  }
}

/** In ms. What is promised within 500 ms may once take longer where other programs run; change.alone.test.ts holds many changes to the promise. */
export const prompt = 2_500;

/** Polls until `isThere`. Returns how many ms that took; throws after `patience` ms with what was there instead. */
export async function eventually<T>(
  read: () => T | Promise<T>,
  isThere: (value: T) => boolean,
  patience = 20_000,
): Promise<number> {
  const began = performance.now();
  for (;;) {
    const value = await read();
    const took = performance.now() - began;
    if (isThere(value)) return took;
    if (took > patience) throw new Error(`after ${patience} ms still ${JSON.stringify(value)?.slice(0, 2000)}`);
    await pause(2);
  }
}
