import { type ChildProcess, type SpawnOptions, spawn } from 'node:child_process';

/** Where a process of the demo lives. */
export interface Place {
  /** Directory of the cgroup. */
  readonly cgroup: string;
  /** A name of /run/netns; omitted: the demo's own network namespace. */
  readonly netns?: string;
}

/**
 * Where programs are looked for. Debian's servers and network tools are in sbin, which not every root's PATH has; and
 * npm puts packages' programs first, some of which have the name of a system's (`nft`).
 */
export const searchPath: readonly string[] = [
  '/usr/sbin',
  '/usr/bin',
  '/sbin',
  '/bin',
  ...(process.env.PATH ?? '').split(':'),
];

const environment: NodeJS.ProcessEnv = { ...process.env, PATH: searchPath.join(':') };

/**
 * Enters the cgroup before the program begins, so that none of its sockets is made outside; and in its own network namespace
 * already, so that nobody who looks for a Pod's namespace by its cgroup finds another one.
 */
const enterCgroup = 'echo 0 > "$0/cgroup.procs" && exec "$@"';

/**
 * Starts a program in its place, in a session of its own: a terminal's Ctrl-C is the demo's to handle, not its
 * children's. The child's pid is the program's. `variables` are added to the environment.
 */
export function launch(
  place: Place,
  argv: readonly string[],
  stdio: SpawnOptions['stdio'],
  variables: Readonly<Record<string, string>> = {},
): ChildProcess {
  const entered = ['/bin/sh', '-c', enterCgroup, place.cgroup, ...argv];
  const [program, ...rest] =
    place.netns === undefined ? entered : ['nsenter', `--net=/run/netns/${place.netns}`, ...entered];
  return spawn(program!, rest, { stdio, detached: true, env: { ...environment, ...variables } });
}

/** Runs a command to its end and returns its standard output. Throws, with what it said, when it fails. */
export function run(argv: readonly string[], input = ''): Promise<string> {
  const [command, ...rest] = argv;
  return new Promise((resolve, reject) => {
    const child = spawn(command!, rest, { stdio: ['pipe', 'pipe', 'pipe'], detached: true, env: environment });
    let output = '';
    let words = '';
    child.stdout.on('data', (chunk) => {
      output += chunk;
    });
    child.stderr.on('data', (chunk) => {
      words += chunk;
    });
    child.on('error', (error) => reject(new Error(`${command}: ${error.message}`)));
    child.on('close', (code, signal) => {
      if (code === 0) resolve(output);
      else reject(new Error(`${argv.join(' ')}: ${words.trim() || output.trim() || (signal ?? `exit code ${code}`)}`));
    });
    child.stdin.on('error', () => {});
    child.stdin.end(input);
  });
}

/** Resolves when the child has exited, at once when it already has. */
export function exited(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return Promise.resolve();
  return new Promise((resolve) => child.once('exit', () => resolve()));
}
