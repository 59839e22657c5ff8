import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { removeCgroup } from '../../agent/kernel/cgroups.js';
import { checkout } from '../../deploy/render/chart.js';
import { eventually } from '../agent/site.js';
import { claimName, makeDirectory } from '../kernel/scratch.js';
import type { Container, Volume } from './daemonset.js';

export interface ContainerOptions {
  readonly container: Container;
  readonly volumes: readonly Volume[];
  /** What the container's $(NAME) stand for, and more of its environment. */
  readonly environment: Readonly<Record<string, string>>;
  /** Files of volumes that are not of the node, by their directory in the container. */
  readonly files: Readonly<Record<string, Readonly<Record<string, string>>>>;
  /** Path of its network namespace; the test's own when absent, which stands for the node's. */
  readonly netns?: string;
  /** Of OCI's runtime specification, without its comments; none when absent. */
  readonly seccomp?: object;
}

/** Directories of v1 hierarchies, and of v2, in which a runtime makes a container's cgroup. */
const hierarchies = (): readonly string[] =>
  ['.', ...readdirSync('/sys/fs/cgroup')].map((name) => join('/sys/fs/cgroup', name));

/**
 * A container of the chart, run by runc as kubelet has a runtime run it: own PID, mount, IPC, UTS and cgroup namespaces, a read-only root, exactly its capabilities, its
 * volumes. Its image is made of this machine's /usr and of the checkout. It dies with the test.
 */
export class OciContainer {
  readonly #name: string = claimName();
  readonly #directory: string = makeDirectory();
  readonly #log: string = join(this.#directory, 'log');
  #process: ChildProcess | undefined;

  constructor(options: ContainerOptions) {
    sweep();
    writeFileSync(join(this.#directory, 'config.json'), JSON.stringify(this.#config(options)));
  }

  start(): void {
    const log = openSync(this.#log, 'w');
    const own = join(this.#directory, 'node-proc');
    mkdirSync(own, { recursive: true });
    // In a PID namespace around it, so that all ends with this process; /host/proc is to be the node's all the same.
    const script = 'mount --rbind /proc "$1" && mount -t proc proc /proc && shift && exec runc "$@"';
    const runc = ['--root', join(this.#directory, 'state'), 'run', '--bundle', this.#directory, this.#name];
    const around = ['--pid', '--mount', '--fork', '--kill-child', '--propagation', 'private'];
    const words = ['--pdeathsig', 'KILL', 'unshare', ...around, 'sh', '-c', script, 'sh', own, ...runc];
    this.#process = spawn('setpriv', words, { stdio: ['ignore', log, log] });
    closeSync(log);
  }

  /** What it and the runtime have printed. */
  get log(): string {
    return existsSync(this.#log) ? readFileSync(this.#log, 'utf8') : '';
  }

  get isRunning(): boolean {
    return this.#process !== undefined && this.#process.exitCode === null && this.#process.signalCode === null;
  }

  /** Waits for its end. Returns the exit code. */
  async ended(): Promise<number | null> {
    if (this.isRunning) await once(this.#process!, 'exit');
    return this.#process!.exitCode;
  }

  async kill(): Promise<void> {
    if (this.isRunning) this.#process!.kill('SIGKILL');
    if (this.#process) await this.ended();
    // The kernel ends what was in its PID namespace after that.
    await eventually(() => removeCgroups((name) => name === this.#name), Boolean, 10_000);
  }

  #config({ container, volumes, environment, files, netns, seccomp }: ContainerOptions): object {
    const { capabilities, readOnlyRootFilesystem, allowPrivilegeEscalation } = container.securityContext;
    const held = (capabilities?.add ?? []).map((name) => `CAP_${name}`);
    const fill = (word: string): string => word.replace(/\$\((\w+)\)/g, (_, name: string) => environment[name]!);
    return {
      ociVersion: '1.0.2',
      process: {
        user: { uid: 0, gid: 0 },
        args: [...container.command, ...(container.args ?? [])].map(fill),
        env: ['PATH=/opt/bin:/usr/sbin:/usr/bin', ...Object.entries(environment).map((pair) => pair.join('='))],
        cwd: '/',
        capabilities: { bounding: held, effective: held, permitted: held },
        noNewPrivileges: allowPrivilegeEscalation === false,
      },
      root: { path: this.#rootfs(), readonly: readOnlyRootFilesystem },
      mounts: [...this.#systemMounts(), ...this.#volumeMounts(container, volumes, files)],
      linux: {
        cgroupsPath: `/${this.#name}`,
        namespaces: [
          ...['pid', 'mount', 'ipc', 'uts', 'cgroup'].map((type) => ({ type })),
          ...(netns === undefined ? [] : [{ type: 'network', path: netns }]),
        ],
        ...(seccomp && { seccomp }),
        maskedPaths: ['/proc/kcore', '/proc/keys', '/proc/timer_list', '/sys/firmware'],
        readonlyPaths: ['/proc/bus', '/proc/fs', '/proc/irq', '/proc/sys', '/proc/sysrq-trigger'],
      },
    };
  }

  /** Node, the agent and this machine's libraries; `weft` is in the path. */
  #rootfs(): string {
    const root = join(this.#directory, 'rootfs');
    for (const name of ['usr', 'etc', 'proc', 'sys', 'dev', 'run', 'var/run', 'opt/weft', 'opt/node', 'opt/bin'])
      mkdirSync(join(root, name), { recursive: true });
    for (const name of ['bin', 'lib', 'lib64', 'sbin']) symlinkSync(`usr/${name}`, join(root, name));
    const weft = '#!/bin/sh\nexec /opt/node/bin/node /opt/weft/dist/agent/main.js "$@"\n';
    writeFileSync(join(root, 'opt/bin/weft'), weft, { mode: 0o755 });
    return root;
  }

  #systemMounts(): readonly object[] {
    const readOnly = (source: string, destination: string) => bind(source, destination, ['ro']);
    return [
      { destination: '/proc', type: 'proc', source: 'proc', options: ['nosuid', 'noexec', 'nodev'] },
      { destination: '/dev', type: 'tmpfs', source: 'tmpfs', options: ['nosuid', 'mode=755', 'size=64k'] },
      { destination: '/sys', type: 'none', source: '/sys', options: ['rbind', 'nosuid', 'noexec', 'nodev', 'ro'] },
      readOnly('/usr', '/usr'),
      readOnly(dirname(dirname(process.execPath)), '/opt/node'),
      readOnly(checkout, '/opt/weft'),
    ];
  }

  #volumeMounts({ volumeMounts }: Container, volumes: readonly Volume[], files: ContainerOptions['files']) {
    const mounts = volumeMounts.map(({ name, mountPath, readOnly = false }) => {
      const { hostPath } = volumes.find((each) => each.name === name)!;
      const source = hostPath === undefined ? this.#write(mountPath, files[mountPath]!) : hostPath.path;
      const seen = source === '/proc' ? join(this.#directory, 'node-proc') : source;
      return bind(seen, mountPath, [readOnly ? 'ro' : 'rw', 'rslave']);
    });
    const mounted = new Set(volumeMounts.map(({ mountPath }) => mountPath));
    const others = Object.keys(files).filter((path) => !mounted.has(path));
    return [...mounts, ...others.map((path) => bind(this.#write(path, files[path]!), path, ['ro']))];
  }

  #write(path: string, files: Readonly<Record<string, string>>): string {
    const folder = join(this.#directory, 'files', path);
    mkdirSync(folder, { recursive: true });
    for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
    return folder;
  }
}

function bind(source: string, destination: string, options: readonly string[]): object {
  return { destination, source, type: 'bind', options: ['rbind', ...options] };
}

/** Names in a directory; none when it is no directory, or went away while we looked. */
function namesIn(path: string): readonly string[] {
  try {
    return readdirSync(path);
  } catch {
    return [];
  }
}

/** What a runtime leaves when it is killed. Whether nothing of it is left: a cgroup with a process in it is. */
function removeCgroups(isGone: (name: string) => boolean): boolean {
  const cgroups = hierarchies().flatMap((hierarchy) =>
    namesIn(hierarchy)
      .filter((name) => isGone(name) && existsSync(join(hierarchy, name, 'cgroup.procs')))
      .map((name) => join(hierarchy, name)),
  );
  return cgroups.map((cgroup) => removeCgroup(cgroup)).every(Boolean);
}

function sweep(): void {
  removeCgroups((name) => {
    const owner = /^wefttest-(\d+)-/.exec(name)?.[1];
    return owner !== undefined && !existsSync(`/proc/${owner}`);
  });
}
