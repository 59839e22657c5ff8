import { isAbsolute, join } from 'node:path';
import { isMap, isScalar, LineCounter, parseDocument } from 'yaml';
import { defaultApi, defaultMetrics, isLoopback, type ListenAddress, parseAddress } from './api/address.js';
import type { Problem } from './model/problem.js';
import { type TableName, tableLayouts } from './tables/layout.gen.js';

export const logLevels = ['debug', 'info', 'warn', 'error'] as const;
export type LogLevel = (typeof logLevels)[number];

/** Istio Gateways that are meant where --gateway-labels says nothing. */
export const defaultGatewayLabels: Readonly<Record<string, string>> = { istio: 'ingressgateway' };

export interface KubernetesConfig {
  /** A file; undefined: the service account of the Pod that the agent runs in. */
  readonly kubeconfig: string | undefined;
  /** Where the Lease is that says which agent writes status; undefined: the credentials' own, else weft-system. */
  readonly namespace: string | undefined;
}

/** What `weft run` was told, complete. Paths are absolute. */
export interface Config {
  /** Directories of manifests; none only with `kubernetes`. */
  readonly manifests: readonly string[];
  /** The API server as a source; undefined: it is not one. */
  readonly kubernetes: KubernetesConfig | undefined;
  /** Where the node's processes are seen (proc(5)): Pods of the API server are found by it. */
  readonly proc: string;
  readonly node: string;
  /** What can be captured: a directory of cgroup2. */
  readonly cgroup: string;
  /** Directory of bpffs for this agent's pins. */
  readonly pin: string;
  readonly api: ListenAddress;
  /** Empty for a Unix socket. */
  readonly apiTokenFile: string;
  /** gid of --api-group. Default: only root. */
  readonly apiGroup: number | undefined;
  readonly metrics: ListenAddress & { readonly type: 'tcp' };
  readonly gatewayLabels: Readonly<Record<string, string>>;
  /** Gateway workers. Default: one a processor. */
  readonly workers: number;
  readonly acceleration: 'auto' | 'off';
  /** Whether workers write a line of JSON for each request to standard output. */
  readonly accessLog: boolean;
  readonly logLevel: LogLevel;
  /** Entries of tables that shall differ from the programs' own sizes. */
  readonly capacities: ReadonlyMap<TableName, number>;
}

/** What the defaults and names depend on. */
export interface Surroundings {
  readonly hostname: string;
  readonly processors: number;
  readonly directory: string;
  /** Where cgroup2 is mounted; undefined when it is not. */
  readonly cgroup: string | undefined;
  /** The gid of a group's name. */
  readonly group: (name: string) => number | undefined;
}

/** Options by their names without dashes, as the command line or a YAML file has them. */
export type Options = Readonly<Record<string, unknown>>;

/** A wrong option: why, in words that follow its name. */
class Wrong {
  readonly why: string;
  constructor(why: string) {
    this.why = why;
  }
}

type Reader<Value> = (value: unknown, around: Surroundings) => Value | Wrong;

const text: Reader<string> = (value) =>
  typeof value === 'string' && value !== '' ? value : new Wrong('must be a text that is not empty');

const path: Reader<string> = (value, { directory }) => {
  const read = text(value, undefined as never);
  return read instanceof Wrong || isAbsolute(read) ? read : join(directory, read);
};

const paths: Reader<readonly string[]> = (value, around) => {
  const read = [value].flat().map((each) => path(each, around));
  return read.find((each) => each instanceof Wrong) ?? (read as string[]);
};

function whole(least: number, most: number): Reader<number> {
  return (value) => {
    const number = typeof value === 'string' && /^\d+$/.test(value) ? Number(value) : value;
    const fits = typeof number === 'number' && Number.isInteger(number) && number >= least && number <= most;
    return fits ? number : new Wrong(`must be a whole number from ${least} to ${most}`);
  };
}

function among<Value extends string>(values: readonly Value[]): Reader<Value> {
  return (value) => values.find((each) => each === value) ?? new Wrong(`must be one of ${values.join(', ')}`);
}

const flag: Reader<boolean> = (value) => (typeof value === 'boolean' ? value : new Wrong('must be true or false'));

const apiAddress: Reader<ListenAddress> = (value) => {
  const address = parseAddress(String(value));
  if (typeof address === 'string') return new Wrong(`is not an address: ${address}`);
  if (address.type === 'tcp' && !isLoopback(address.host))
    return new Wrong(`must be a Unix socket or loopback, not ${address.host}`);
  return address;
};

const metricsAddress: Reader<Config['metrics']> = (value) => {
  const address = parseAddress(String(value));
  if (typeof address === 'string') return new Wrong(`is not an address: ${address}`);
  return address.type === 'tcp' ? address : new Wrong('must be HOST:PORT');
};

const groupId: Reader<number> = (value, around) => {
  const id = /^\d+$/.test(String(value)) ? Number(value) : around.group(String(value));
  return id ?? new Wrong(`names no group of this machine: ${String(value)}`);
};

/** `k=v,…`, or a mapping. */
function pairs(value: unknown): ReadonlyMap<string, unknown> | Wrong {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return new Map(Object.entries(value));
  const parts = [value].flat().flatMap((each) => String(each).split(','));
  const read = parts.map((part) => /^([^=]+)=(.*)$/.exec(part.trim()));
  if (read.includes(null)) return new Wrong('must be written NAME=VALUE');
  return new Map(read.map((match) => [match![1]!, match![2]!]));
}

const labels: Reader<Readonly<Record<string, string>>> = (value) => {
  const read = pairs(value);
  return read instanceof Wrong ? read : Object.fromEntries([...read].map(([key, each]) => [key, String(each)]));
};

const capacities: Reader<ReadonlyMap<TableName, number>> = (value, around) => {
  const read = pairs(value);
  if (read instanceof Wrong) return read;
  const sizes = new Map<TableName, number>();
  for (const [table, entries] of read) {
    const layout = tableLayouts.find((each) => each.name === table);
    if (layout === undefined) return new Wrong(`names no table: ${table}`);
    const size = whole(1, 2 ** 27)(entries, around);
    if (size instanceof Wrong) return new Wrong(`${table} ${size.why}`);
    sizes.set(layout.name as TableName, size);
  }
  return sizes;
};

const readers = {
  manifests: paths,
  kubernetes: flag,
  kubeconfig: path,
  namespace: text,
  proc: path,
  node: text,
  cgroup: path,
  pin: path,
  api: apiAddress,
  'api-token-file': path,
  'api-group': groupId,
  metrics: metricsAddress,
  'gateway-labels': labels,
  workers: whole(0, 1024),
  acceleration: among<'auto' | 'off'>(['auto', 'off']),
  'access-log': flag,
  'log-level': among(logLevels),
  capacity: capacities,
} as const satisfies Record<string, Reader<unknown>>;

type OptionName = keyof typeof readers;
type Values = { readonly [Name in OptionName]?: Exclude<ReturnType<(typeof readers)[Name]>, Wrong> };

function isOption(name: string): name is OptionName {
  return Object.hasOwn(readers, name);
}

/** Where and why an option is wrong. `file` and so on are those of a Problem; empty and 0 for the command line. */
export type Mistake = Pick<Problem, 'code' | 'file' | 'line' | 'column' | 'path' | 'message'>;

function readOptions(options: Options, around: Surroundings, at: (name: string) => Omit<Mistake, 'code' | 'message'>) {
  const values: Record<string, unknown> = {};
  const mistakes: Mistake[] = [];
  for (const [name, value] of Object.entries(options)) {
    if (value === undefined) continue;
    if (!isOption(name)) {
      mistakes.push({ ...at(name), code: 'WEFT0302', message: 'there is no such option' });
      continue;
    }
    const read = readers[name](value, around);
    if (read instanceof Wrong) mistakes.push({ ...at(name), code: 'WEFT0206', message: read.why });
    else values[name] = read;
  }
  return { values: values as Values, mistakes };
}

function readFile(file: string, yaml: string, around: Surroundings): { values: Values; mistakes: readonly Mistake[] } {
  const counter = new LineCounter();
  const document = parseDocument(yaml, { lineCounter: counter, logLevel: 'silent', customTags: [] });
  const place = (offset: number, path = ''): Omit<Mistake, 'code' | 'message'> => {
    const { line, col } = counter.linePos(offset);
    return { file, line, column: col, path };
  };
  if (document.errors.length > 0) {
    const mistakes = document.errors.map((error) => ({
      ...place(error.pos[0]),
      code: 'WEFT0101',
      message: error.message.replace(/ at line \d+[\s\S]*$/, ''),
    }));
    return { values: {}, mistakes };
  }
  const { contents } = document;
  if (contents === null) return { values: {}, mistakes: [] };
  if (!isMap(contents))
    return { values: {}, mistakes: [{ ...place(0), code: 'WEFT0201', message: 'must be a mapping of options' }] };
  const offsets = new Map(
    contents.items.map(({ key }) => [
      isScalar(key) ? String(key.value) : '',
      isScalar(key) ? (key.range?.[0] ?? 0) : 0,
    ]),
  );
  let options: Options;
  try {
    options = document.toJS({ maxAliasCount: 10 }) as Options;
  } catch (error) {
    return { values: {}, mistakes: [{ ...place(0), code: 'WEFT0104', message: (error as Error).message }] };
  }
  return readOptions(options, around, (name) => place(offsets.get(name) ?? 0, name));
}

export interface Resolved {
  /** Undefined when there are mistakes. */
  readonly config: Config | undefined;
  /** Of the file, then of the command line. */
  readonly mistakes: readonly Mistake[];
}

function complete(values: Values, around: Surroundings): Config | string {
  const { kubeconfig, namespace } = values;
  const isFed = values.kubernetes ?? kubeconfig !== undefined;
  if (!isFed && kubeconfig !== undefined) return '--kubeconfig is of use with --kubernetes only';
  if (!isFed && (values.manifests ?? []).length === 0)
    return 'where is the mesh described? --manifests DIR or --kubernetes is missing';
  const cgroup = values.cgroup ?? around.cgroup;
  if (cgroup === undefined)
    return 'cgroup2 is not mounted: mount -t cgroup2 none /sys/fs/cgroup, or name it with --cgroup';
  const api = values.api ?? (parseAddress(defaultApi) as ListenAddress);
  const apiTokenFile = values['api-token-file'] ?? '';
  if (api.type === 'tcp' && apiTokenFile === '') return 'an API on TCP needs --api-token-file';
  return {
    manifests: values.manifests ?? [],
    kubernetes: isFed ? { kubeconfig, namespace } : undefined,
    proc: values.proc ?? '/proc',
    node: values.node ?? around.hostname,
    cgroup,
    pin: values.pin ?? '/sys/fs/bpf/weft',
    api,
    apiTokenFile,
    apiGroup: values['api-group'],
    metrics: values.metrics ?? (parseAddress(defaultMetrics) as Config['metrics']),
    gatewayLabels: values['gateway-labels'] ?? defaultGatewayLabels,
    workers: values.workers ?? around.processors,
    acceleration: values.acceleration ?? 'auto',
    accessLog: values['access-log'] ?? false,
    logLevel: values['log-level'] ?? 'info',
    capacities: values.capacity ?? new Map(),
  };
}

const onCommandLine = { file: '', line: 0, column: 0 };

/** Flags win over the file's options, those over the defaults. */
export function resolveConfig(
  flags: Options,
  file: { readonly name: string; readonly text: string } | undefined,
  around: Surroundings,
): Resolved {
  const ofFile = file === undefined ? { values: {}, mistakes: [] } : readFile(file.name, file.text, around);
  const ofFlags = readOptions(flags, around, (name) => ({ ...onCommandLine, path: `--${name}` }));
  const mistakes = [...ofFile.mistakes, ...ofFlags.mistakes];
  if (mistakes.length > 0) return { config: undefined, mistakes };
  const config = complete({ ...ofFile.values, ...ofFlags.values }, around);
  if (typeof config === 'string')
    return { config: undefined, mistakes: [{ ...onCommandLine, code: 'WEFT0208', path: '', message: config }] };
  return { config, mistakes };
}

/** `file:line:col ERROR [WEFT0302] OPTION: message`, or the option and the message alone for the command line. */
export function showMistake(mistake: Mistake): string {
  const subject = mistake.path === '' ? mistake.message : `${mistake.path} ${mistake.message}`;
  if (mistake.file === '') return subject;
  return `${mistake.file}:${mistake.line}:${mistake.column} ERROR [${mistake.code}] ${subject}`;
}
