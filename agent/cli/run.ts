import { existsSync, readFileSync } from 'node:fs';
import { availableParallelism, hostname } from 'node:os';
import type { Command } from 'commander';
import { systemClock } from '../clock.js';
import type { Config, Options, Surroundings } from '../config.js';
import { explainKernelError } from './cleanup.js';
import { CommandFailure, exitCodes } from './exit.js';
import { endWithNpm } from './parent.js';
import { StopSignals } from './stop-signals.js';
import { print } from './terminal.js';

interface RunOptions {
  readonly config?: string;
  readonly [name: string]: unknown;
}

function collect(value: string, before: readonly string[] | undefined): readonly string[] {
  return [...(before ?? []), value];
}

/** The gid of a name in /etc/group (group(5)). */
function groupOf(name: string): number | undefined {
  if (!existsSync('/etc/group')) return undefined;
  const line = readFileSync('/etc/group', 'utf8')
    .split('\n')
    .find((each) => each.startsWith(`${name}:`));
  return line === undefined ? undefined : Number(line.split(':')[2]);
}

async function surroundings(): Promise<Surroundings> {
  const { cgroupRoot } = await import('../kernel/cgroups.js');
  return {
    hostname: hostname(),
    processors: availableParallelism(),
    directory: process.cwd(),
    cgroup: existsSync('/proc/self/mountinfo') ? cgroupRoot() : undefined,
    group: groupOf,
  };
}

/** `--api-token-file` is the option `api-token-file`. */
function optionsOf({ config: _file, ...rest }: RunOptions): Options {
  return Object.fromEntries(
    Object.entries(rest).map(([name, value]) => [
      name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`),
      value,
    ]),
  );
}

/** What is wrong with the configuration file, one line a mistake. */
class FileMistakes extends CommandFailure {
  readonly lines: readonly string[];

  constructor(file: string, lines: readonly string[]) {
    super(exitCodes.invalidInput, `${file} has mistakes`);
    this.lines = lines;
  }
}

function readConfigFile(name: string): { readonly name: string; readonly text: string } {
  try {
    return { name, text: readFileSync(name, 'utf8') };
  } catch (error) {
    throw new FileMistakes(name, [`${name}:0:0 ERROR [WEFT0107] ${(error as Error).message}`]);
  }
}

/** The configuration, read anew. Throws {@link FileMistakes} (65), or a failure with those of the flags (64). */
async function configure(options: RunOptions): Promise<Config> {
  const { resolveConfig, showMistake } = await import('../config.js');
  const file = options.config === undefined ? undefined : readConfigFile(options.config);
  const { config, mistakes } = resolveConfig(optionsOf(options), file, await surroundings());
  if (config !== undefined) return config;
  const ofFile = mistakes.filter((mistake) => mistake.file !== '');
  if (ofFile.length > 0) throw new FileMistakes(options.config!, ofFile.map(showMistake));
  throw new CommandFailure(exitCodes.usage, mistakes.map(showMistake).join('\nweft: '));
}

/** At the start mistakes are the command's data: they go to stdout. */
async function configureFirst(options: RunOptions): Promise<Config> {
  try {
    return await configure(options);
  } catch (error) {
    if (error instanceof FileMistakes) for (const line of error.lines) print(line);
    throw error;
  }
}

async function run(options: RunOptions): Promise<void> {
  const config = await configureFirst(options);
  const [{ makeLog }, { startAgent }] = await Promise.all([import('../log.js'), import('../agent.js')]);
  const log = makeLog(config.logLevel, systemClock, process.stderr, process.stderr.isTTY === true);
  const die = (error: unknown, what: string): void => {
    log.fatal({ err: error }, what);
    process.exit(exitCodes.failed);
  };
  process.on('uncaughtException', (error) => die(error, 'uncaught exception'));
  process.on('unhandledRejection', (error) => die(error, 'unhandled rejection'));
  process.on('SIGHUP', () => {
    configure(options).then(
      ({ logLevel }) => {
        log.level = logLevel;
        log.info({ level: logLevel }, 'log level read again');
      },
      (error: Error) => {
        const mistakes = error instanceof FileMistakes ? error.lines : [error.message];
        log.error({ mistakes }, 'log level not read again');
      },
    );
  });
  const signals = new StopSignals(systemClock);
  let stop: (() => Promise<void>) | undefined;
  let stopping = false;
  const end = (): void => {
    if (stop === undefined || stopping) return;
    stopping = true;
    stop().then(
      () => {
        log.info('stopped; the pins stay, connections go on');
        process.exit(exitCodes.ok);
      },
      (error) => die(error, 'stopping failed'),
    );
  };
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.on(signal, () => {
      const order = signals.take();
      if (order === 'force') die(new Error(`${signal} again`), 'stopped by force');
      if (order === 'stop') {
        log.info({ signal }, 'stopping');
        end();
      }
    });
  }
  endWithNpm(systemClock);
  try {
    const agent = await startAgent(config, { clock: systemClock, log });
    stop = () => agent.stop();
    if (signals.stopped) end();
  } catch (error) {
    throw await explainStart(error);
  }
}

/** Why the agent could not be started. */
async function explainStart(error: unknown): Promise<CommandFailure> {
  const { CredentialsError } = await import('../kubernetes/credentials.js');
  const { KubeconfigError } = await import('../kubernetes/kubeconfig-field.js');
  if (error instanceof KubeconfigError) return new CommandFailure(exitCodes.invalidInput, error.message);
  if (error instanceof CredentialsError) return new CommandFailure(exitCodes.usage, `--kubernetes: ${error.message}`);
  return explainKernelError(error);
}

export function addRun(program: Command): void {
  program
    .command('run')
    .description('run the agent')
    .option('--manifests <dir>', 'directory of manifests; repeatable', collect)
    .option('--kubernetes', 'read objects from the API server')
    .option('--kubeconfig <file>', 'how to reach it (default: the service account of the Pod that this runs in)')
    .option('--namespace <name>', 'of the Lease of the agent that writes status (default: that of the credentials)')
    .option('--proc <dir>', "where the node's processes are seen, for finding Pods (default: /proc)")
    .option('--node <name>', 'of this node (default: the host name)')
    .option('--cgroup <dir>', 'what can be captured (default: the root of cgroup2)')
    .option('--pin <dir>', 'where programs and maps are pinned (default: /sys/fs/bpf/weft)')
    .option('--api <address>', 'where the API listens (default: unix:/run/weft/api.sock)')
    .option('--api-token-file <file>', 'bearer token for an API on 127.0.0.1:PORT')
    .option('--api-group <group>', 'group whose members may use the API, besides root')
    .option('--metrics <address>', 'where /metrics, /healthz and /readyz listen (default: 127.0.0.1:15090)')
    .option('--gateway-labels <k=v,...>', 'Istio Gateways that are meant (default: istio=ingressgateway)')
    .option('--workers <n>', 'gateway workers (default: one a processor)')
    .option('--access-log', 'write a line of JSON for each request through the gateway to standard output')
    .option('--acceleration <mode>', 'auto or off (default: auto)')
    .option('--log-level <level>', 'debug, info, warn or error (default: info)')
    .option('--capacity <table=n>', 'entries of a table; repeatable', collect)
    .option('--config <file>', 'the same options, as YAML; SIGHUP reads the log level again')
    .action(run);
}
