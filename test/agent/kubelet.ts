import { type ChildProcess, execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { Client } from '../gateway/live/client.js';
import { spawnIn } from '../kernel/program.js';
import { claimName, ip, makeNamespace, removeCgroup, removeNamespace } from '../kernel/scratch.js';
import { Caller } from './caller.js';
import type { Life } from './site.js';

/** kubelet's --cgroup-driver. */
export type Driver = 'systemd' | 'cgroupfs';
/** Whether cgroup2 has the Pods' cgroups, or a hierarchy of version 1 beside it has them and cgroup2 none. */
export type Hierarchy = 'v2' | 'v1 beside v2';

/** Where a hierarchy of version 1 is mounted that has processes and no controller; undefined when nowhere. */
export const namedHierarchy: string | undefined = /^\S+ \S+ \S+ \/ (\S+) .* - cgroup \S+ \S*name=/m.exec(
  readFileSync('/proc/self/mountinfo', 'utf8'),
)?.[1];

export interface KubeletOptions {
  readonly driver: Driver;
  readonly hierarchy: Hierarchy;
  /** Of cgroup2; what an agent captures. */
  readonly cgroup: string;
}

/** Addresses of backends and of Services, each of them local in every sandbox. */
const local = ['10.1.0.0/16', '10.96.0.0/16'];

/** A Pod's network namespace and the process that stands for it. */
export interface Sandbox {
  readonly uid: string;
  /** Of /run/netns, as CNI plug-ins are given it. */
  readonly netns: string;
  readonly process: ChildProcess;
}

/** Gives Pods of class Burstable cgroups as kubelet does, and processes as a runtime does. Nothing of it outlives the test. */
export class Kubelet {
  readonly #options: KubeletOptions;
  /** Where `kubepods` is. */
  readonly #root: string;
  readonly #namespaces = new Set<string>();
  readonly #kills = new Set<() => Promise<void>>();
  #containers = 0;

  constructor(life: Life, options: KubeletOptions) {
    this.#options = options;
    this.#root = options.hierarchy === 'v2' ? options.cgroup : join(namedHierarchy!, claimName());
    if (options.hierarchy !== 'v2') sweep();
    mkdirSync(this.#root, { recursive: true });
    life.teardown(() => this.#close());
  }

  /** Makes the namespace, as CNI does, and then starts what holds it in the Pod's cgroup. */
  async sandbox(uid: string): Promise<Sandbox> {
    const netns = this.namespace();
    return { uid, netns, process: await this.pause(uid, netns) };
  }

  /** A network namespace without processes. */
  namespace(): string {
    const netns = makeNamespace();
    this.#namespaces.add(netns);
    ip(
      netns,
      local.map((range) => `route add local ${range} dev lo`),
    );
    return netns;
  }

  /** Starts the process of a sandbox. It joins the cgroup first and the namespace after, as runc's do. */
  async pause(uid: string, netns: string): Promise<ChildProcess> {
    const process = spawnIn({ netns, cgroup: this.#cgroups(uid) }, ['sh', '-c', 'echo here; exec sleep 1000']);
    this.#kills.add(() => end(process));
    await once(process.stdout!, 'data');
    return process;
  }

  async container({ uid, netns }: Pick<Sandbox, 'uid' | 'netns'>): Promise<Caller> {
    const caller = new Caller({ netns, cgroup: this.#cgroups(uid) });
    this.#kills.add(() => caller.kill());
    await caller.open();
    return caller;
  }

  /** A container that makes requests. */
  client({ uid, netns }: Pick<Sandbox, 'uid' | 'netns'>): Client {
    const client = new Client({ netns, cgroup: this.#cgroups(uid) });
    this.#kills.add(() => client.kill());
    return client;
  }

  /** Ends the sandbox's process and takes the namespace's name away. */
  async stop({ netns, process }: Sandbox): Promise<void> {
    await end(process);
    this.#namespaces.delete(netns);
    removeNamespace(netns);
  }

  /** Makes cgroups for one more container of a Pod and returns those that its processes belong in. */
  #cgroups(uid: string): readonly string[] {
    const { cgroup, driver, hierarchy } = this.#options;
    const id = (++this.#containers).toString(16).padStart(64, '0');
    const slice = `kubepods-burstable-pod${uid.replaceAll('-', '_')}.slice`;
    const path =
      driver === 'systemd'
        ? `kubepods.slice/kubepods-burstable.slice/${slice}/cri-containerd-${id}.scope`
        : `kubepods/burstable/pod${uid}/${id}`;
    const own = join(this.#root, path);
    mkdirSync(own, { recursive: true });
    return hierarchy === 'v2' ? [own] : [own, cgroup];
  }

  async #close(): Promise<void> {
    for (const kill of this.#kills) await kill();
    for (const netns of this.#namespaces) removeNamespace(netns);
    if (this.#options.hierarchy !== 'v2') removeCgroup(this.#root);
  }
}

/** SIGKILL; resolves when it has been waited for. */
async function end(process: ChildProcess): Promise<void> {
  if (process.exitCode !== null || process.signalCode !== null) return;
  const gone = once(process, 'exit');
  process.kill('SIGKILL');
  await gone;
}

/** Takes away what test processes left that have died. */
function sweep(): void {
  for (const name of readdirSync(namedHierarchy!)) {
    const owner = /^wefttest-(\d+)-/.exec(name)?.[1];
    if (owner !== undefined && !existsSync(`/proc/${owner}`)) removeCgroup(join(namedHierarchy!, name));
  }
}

/** Tells by a wire into it whether a namespace is still there, once its name is not. */
export class Vigil {
  readonly #house: string;
  readonly #wire: string;

  /** `house`: another namespace, where the other end of the wire is. */
  constructor(house: string, netns: string) {
    this.#house = house;
    this.#wire = 'vigil';
    ip(house, [`link add ${this.#wire} type veth peer name ${this.#wire} netns ${basename(netns)}`]);
  }

  get isThere(): boolean {
    const links = execFileSync('nsenter', [`--net=${this.#house}`, 'ip', '-o', 'link'], { encoding: 'utf8' });
    return links.includes(this.#wire);
  }
}
