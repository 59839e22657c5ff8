import { existsSync, mkdirSync, readdirSync, renameSync, rmSync, statfsSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { native } from './native.js';

/** What lies under the pin directory. */
export interface Pins {
  readonly directory: string;
  map(name: string): string;
  link(name: string): string;
  /** Of the admission program in a namespace, by its cookie. */
  gateway(netns: string): string;
  mapNames(): readonly string[];
  linkNames(): readonly string[];
  gatewayNames(): readonly string[];
}

/** `DIR/maps/NAME`, `DIR/links/NAME` and `DIR/gateway/COOKIE`. */
export function pinsOf(directory: string): Pins {
  const list = (kind: string): readonly string[] => {
    const folder = join(directory, kind);
    return existsSync(folder) ? readdirSync(folder).sort() : [];
  };
  return {
    directory,
    map: (name) => join(directory, 'maps', name),
    link: (name) => join(directory, 'links', name),
    gateway: (netns) => join(directory, 'gateway', netns),
    mapNames: () => list('maps'),
    linkNames: () => list('links'),
    gatewayNames: () => list('gateway'),
  };
}

/** The reason why an agent cannot start here, and what to do: shown to the user as it is. */
export class StartError extends Error {
  readonly fix: string;
  constructor(message: string, fix: string) {
    super(message);
    this.fix = fix;
  }
}

const bpffsMagic = 0xcafe4a11;

/** Mounts bpffs where the pin directory is to be, when nobody has. A pin directory on another file system cannot work. */
function mountFor(directory: string): void {
  let parent = directory;
  while (!existsSync(parent)) parent = dirname(parent);
  if (statfsSync(parent).type === bpffsMagic) return;
  const mount = '/sys/fs/bpf';
  if (!directory.startsWith(`${mount}/`))
    throw new StartError(`${directory} is on no BPF file system`, `mount -t bpf bpf ${dirname(directory)}`);
  native().mountBpffs(mount);
}

/** Makes the pin directory and takes its lock, which the process holds until `release` or its end. */
export function lockPins(directory: string): { readonly pins: Pins; readonly release: () => void } {
  mountFor(directory);
  for (const folder of ['', 'maps', 'links', 'gateway'])
    mkdirSync(join(directory, folder), { recursive: true, mode: 0o700 });
  const lock = native().lock(directory);
  if (!lock)
    throw new StartError(
      `another agent uses the pin directory ${directory}`,
      'stop it, or give this one a --pin of its own',
    );
  return { pins: pinsOf(directory), release: () => lock.release() };
}

/** What a pin is called until it takes the place of another; one that died leaves it. */
export const freshPin = '-new';

/** Pins over a pin that may be there: bpffs renames atomically. Names with dots are refused by bpffs. */
export function replacePin(path: string, object: { pin(path: string): void }, replace: boolean): void {
  if (existsSync(path) && !replace) return;
  const beside = `${path}${freshPin}`;
  rmSync(beside, { force: true });
  object.pin(beside);
  renameSync(beside, path);
}

/** Whether an agent holds the lock of a pin directory. False when there is no such directory. */
export function isLocked(directory: string): boolean {
  if (!existsSync(directory)) return false;
  const lock = native().lock(directory);
  lock?.release();
  return lock === null;
}

/** Removes the pin directory and all in it; the links end with their pins. Names what was removed, links first. */
export function removePins(pins: Pins, dryRun: boolean): readonly string[] {
  const paths = [
    ...pins.linkNames().map(pins.link),
    ...pins.gatewayNames().map(pins.gateway),
    ...pins.mapNames().map(pins.map),
    join(pins.directory, 'links'),
    join(pins.directory, 'gateway'),
    join(pins.directory, 'maps'),
    pins.directory,
  ].filter((path) => existsSync(path));
  if (!dryRun) for (const path of paths) rmSync(path, { recursive: true, force: true });
  return paths;
}

/** The inode number of a cgroup's directory, which is its id. */
export function cgroupId(path: string): bigint {
  return statSync(path, { bigint: true }).ino;
}
