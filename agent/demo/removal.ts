import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Clock, pause } from '../clock.js';
import { removeCgroup } from '../kernel/cgroups.js';
import { native } from '../kernel/native.js';
import { isWorker, markOf } from '../kernel/orphans.js';
import { run as execute } from './command.js';
import { isAlive, isZombie, placesOfRuns, type Run, runFolder, runNameIn, runOf } from './run.js';

/** Until processes that were killed are gone, in ms. */
const patience = 5000;
const netnsFolder = '/run/netns';

/** Removes whatever there is of a run, by its name. Does nothing for what is gone already. */
export async function removeRun(run: Run, clock: Clock): Promise<void> {
  await killAll(run.cgroup, clock);
  removePins(run.pin);
  for (const netns of namesIn(netnsFolder, run)) await execute(['ip', 'netns', 'delete', netns]);
  await removeCgroups(run.cgroup, clock);
  rmSync(run.folder, { recursive: true, force: true });
}

/**
 * Removes the runs whose process is gone, for example by SIGKILL. Returns their names: none while another demo is
 * doing the same.
 */
export async function removeDeadRuns(cgroupRoot: string, clock: Clock): Promise<string[]> {
  const lock = native().lock(runFolder);
  if (lock === null) return [];
  try {
    return await removeDead(cgroupRoot, clock);
  } finally {
    lock.release();
  }
}

async function removeDead(cgroupRoot: string, clock: Clock): Promise<string[]> {
  const names = new Set(
    placesOfRuns(cgroupRoot)
      .flatMap((place) => readdirSync(place))
      .map(runNameIn)
      .filter((name) => name !== null),
  );
  const dead = [...names].filter((name) => !isAlive(name)).sort();
  for (const name of dead) await removeRun(runOf(name, cgroupRoot), clock);
  return dead;
}

/** Paths that still carry the run's name, and processes of its cgroups or of its agent's gateway. */
export function leftoversOf(run: Run, cgroupRoot: string): string[] {
  const paths = placesOfRuns(cgroupRoot).flatMap((place) => namesIn(place, run).map((entry) => join(place, entry)));
  return [...paths.sort(), ...processesOf(run)];
}

function processesOf(run: Run): string[] {
  return readdirSync('/proc')
    .filter((entry) => /^[0-9]+$/.test(entry) && Number(entry) !== process.pid)
    .filter((pid) => isWorker(Number(pid), markOf(run.pin)) || textOf(`/proc/${pid}/cgroup`).includes(`/${run.name}`))
    .filter((pid) => !isZombie(Number(pid)))
    .map((pid) => `process ${pid} (${textOf(`/proc/${pid}/comm`).trim()})`);
}

/** Empty when the file is gone. */
function textOf(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}

function namesIn(place: string, run: Run): string[] {
  return existsSync(place) ? readdirSync(place).filter((entry) => runNameIn(entry) === run.name) : [];
}

/** A cgroup and all below it, deepest first. */
function cgroupsBelow(cgroup: string): string[] {
  if (!existsSync(cgroup)) return [];
  const children = readdirSync(cgroup, { withFileTypes: true }).filter((entry) => entry.isDirectory());
  return [...children.flatMap((entry) => cgroupsBelow(join(cgroup, entry.name))), cgroup];
}

function processesIn(cgroup: string): number[] {
  return cgroupsBelow(cgroup)
    .flatMap((path) => readFileSync(join(path, 'cgroup.procs'), 'utf8').split('\n'))
    .filter((line) => line !== '')
    .map(Number);
}

/** By cgroup.kill (Linux 5.14) where there is one, else one by one until none is left. */
async function killAll(cgroup: string, clock: Clock): Promise<void> {
  const end = clock.monotonic() + patience;
  for (let pids = processesIn(cgroup); pids.length > 0; pids = processesIn(cgroup)) {
    if (clock.monotonic() > end) throw new Error(`processes of ${cgroup} do not end: ${pids.join(' ')}`);
    if (existsSync(join(cgroup, 'cgroup.kill'))) writeFileSync(join(cgroup, 'cgroup.kill'), '1');
    else for (const pid of pids) killOne(pid);
    await pause(clock, 10);
  }
}

function killOne(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

/** A cgroup may be busy for a moment after its last process has ended. */
async function removeCgroups(cgroup: string, clock: Clock): Promise<void> {
  const end = clock.monotonic() + patience;
  for (const path of cgroupsBelow(cgroup)) {
    while (!removeCgroup(path) && existsSync(path)) {
      if (clock.monotonic() > end) throw new Error(`${path} cannot be removed`);
      await pause(clock, 10);
    }
  }
}

/** Unpins everything; what nothing else refers to is gone with it. */
function removePins(pin: string): void {
  rmSync(pin, { recursive: true, force: true });
}
