import { accessSync, constants, existsSync } from 'node:fs';
import { join } from 'node:path';
import { cgroupRoot } from '../kernel/cgroups.js';
import { native } from '../kernel/native.js';
import { searchPath } from './command.js';

/** Why the demo cannot run here, with the exit code that says so. */
export class Obstacle extends Error {
  readonly exitCode: number;

  constructor(exitCode: number, message: string) {
    super(message);
    this.exitCode = exitCode;
  }
}

const failed = 1;
const notPermitted = 77;
/** Program by the Debian package that has it. */
const programs = { ip: 'iproute2', nginx: 'nginx-light', nsenter: 'util-linux' };
/** Further ones, of `--kubernetes` alone. */
const clusterPrograms = { openssl: 'openssl' };
/** Where Debian's python3-flask puts its module. */
const flask = '/usr/lib/python3/dist-packages/flask';

/** Returns where cgroup v2 is mounted. Throws an {@link Obstacle} when something that the demo needs is missing. */
export function preflight(kubernetes: boolean): string {
  if (process.platform !== 'linux') throw new Obstacle(failed, `the demo needs Linux, this is ${process.platform}`);
  if (process.geteuid?.() !== 0) {
    throw new Obstacle(notPermitted, 'the demo makes network namespaces and loads BPF programs: run it as root');
  }
  const needed = kubernetes ? { ...programs, ...clusterPrograms } : programs;
  for (const [program, debianPackage] of Object.entries(needed)) {
    if (!isInstalled(program)) throw new Obstacle(failed, `${program} is missing: apt-get install ${debianPackage}`);
  }
  if (!existsSync(flask)) throw new Obstacle(failed, `${flask} is missing: apt-get install python3-flask`);
  checkBpf();
  const root = cgroupRoot();
  if (root === undefined) {
    throw new Obstacle(failed, 'cgroup v2 is not mounted: mount -t cgroup2 none /sys/fs/cgroup/unified');
  }
  return root;
}

function isInstalled(program: string): boolean {
  return searchPath.some((folder) => {
    try {
      accessSync(join(folder, program), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

/** Reading the system's BPF links needs what loading programs needs. */
function checkBpf(): void {
  try {
    native().cgroupLinks();
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === 'EPERM')
      throw new Obstacle(notPermitted, 'BPF is not permitted here, even to root (CAP_BPF, CAP_SYS_ADMIN)');
    if (code === 'ERR_DLOPEN_FAILED' || code === 'MODULE_NOT_FOUND') {
      throw new Obstacle(failed, `the native addon does not load; npm run build\n${message}`);
    }
    throw new Obstacle(failed, `BPF does not work here: ${message}`);
  }
}
