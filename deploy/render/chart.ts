import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, statSync } from 'node:fs';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parse, parseAllDocuments } from 'yaml';

/** The top of the checkout: this file is compiled to dist/deploy/render. */
export const checkout: string = fileURLToPath(new URL('../../../', import.meta.url));
export const chartDirectory: string = join(checkout, 'deploy/helm/weft');

export type Json = string | number | boolean | null | readonly Json[] | { readonly [key: string]: Json };
export type Values = Readonly<Record<string, Json>>;

/** An object of the API as the chart gives it. */
export interface ChartObject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: {
    readonly name: string;
    readonly namespace?: string;
    readonly labels?: Readonly<Record<string, string>>;
    readonly annotations?: Readonly<Record<string, string>>;
  };
  readonly [field: string]: unknown;
}

export interface Release {
  readonly name: string;
  readonly namespace: string;
  /** Who Helm says that it is. */
  readonly service: string;
  /** As `v1.33.0`. */
  readonly kubeVersion: string;
  /** As `gateway.networking.k8s.io/v1/GatewayClass`. */
  readonly apiVersions: readonly string[];
}

export const defaultRelease: Release = {
  name: 'weft',
  namespace: 'weft-system',
  service: 'Helm',
  kubeVersion: 'v1.33.0',
  apiVersions: [],
};

/** Of a chart, without its comments' order: objects in the order of the templates' names, and the notes. */
export interface Rendered {
  readonly objects: readonly ChartObject[];
  /** Each object's own text, comments included, in the order of `objects`. */
  readonly texts: readonly string[];
  readonly notes: string;
}

/** The chart cannot be rendered: a template refuses, or gives no YAML. */
export class ChartError extends Error {}

const goPath = '/usr/share/gocode';
/** What the templates are executed with: Debian's golang-go and golang-github-masterminds-sprig-dev, golang-gopkg-yaml.v3-dev. */
const packages = ['github.com/Masterminds/sprig', 'gopkg.in/yaml.v3'];

/** Why no chart can be rendered on this machine; undefined when it can. */
export function rendererMissing(): string | undefined {
  if (spawnSync('go', ['version']).status !== 0) return 'Go is missing: apt-get install golang-go';
  const absent = packages.find((name) => !existsSync(join(goPath, 'src', name)));
  return absent === undefined ? undefined : `${absent} is not below ${goPath}`;
}

/** Helm's merge of values: maps by key, all else replaced, null takes a key away. */
export function mergeValues(base: Values, over: Values): Values {
  const merged: Record<string, Json> = { ...base };
  for (const [key, value] of Object.entries(over)) {
    const before = merged[key];
    if (value === null && key in merged) delete merged[key];
    else if (isMap(before) && isMap(value)) merged[key] = mergeValues(before, value);
    else merged[key] = value;
  }
  return merged;
}

function isMap(value: Json | undefined): value is Values {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

export function readYaml(path: string): Json {
  return parse(readFileSync(path, 'utf8')) as Json;
}

/** The chart's own values with these over them. */
export function valuesWith(over: Values = {}): Values {
  return mergeValues(readYaml(join(chartDirectory, 'values.yaml')) as Values, over);
}

/** What `helm template` would give. Throws {@link ChartError}, and an Error where {@link rendererMissing}. */
export function renderChart(over: Values = {}, release: Release = defaultRelease): Rendered {
  const chart = readYaml(join(chartDirectory, 'Chart.yaml')) as Readonly<Record<string, Json>>;
  const top = {
    Values: valuesWith(over),
    Release: {
      ...{ Name: release.name, Namespace: release.namespace, Service: release.service },
      ...{ IsInstall: true, IsUpgrade: false, Revision: 1 },
    },
    Chart: Object.fromEntries(
      Object.entries(chart).map(([key, value]) => [key[0]!.toUpperCase() + key.slice(1), value]),
    ),
    Capabilities: { KubeVersion: { Version: release.kubeVersion }, APIVersions: release.apiVersions },
  };
  const templates = textsBelow('templates');
  const files = Object.fromEntries(
    Object.entries(textsBelow('.')).filter(([name]) => !/^(templates\/|Chart\.yaml$|values)/.test(name)),
  );
  return split(execute({ templates, files, top }));
}

function textsBelow(folder: string): Readonly<Record<string, string>> {
  const root = join(chartDirectory, folder);
  const found = readdirSync(root, { withFileTypes: true, recursive: true }).filter((entry) => entry.isFile());
  const paths = found.map((entry) => join(entry.parentPath, entry.name)).sort();
  return Object.fromEntries(paths.map((path) => [relative(chartDirectory, path), readFileSync(path, 'utf8')]));
}

function execute(given: unknown): Readonly<Record<string, string>> {
  const result = spawnSync(program(), { input: JSON.stringify(given), encoding: 'utf8', maxBuffer: 1 << 28 });
  if (result.status !== 0) throw new ChartError(result.stderr.trim());
  return JSON.parse(result.stdout) as Record<string, string>;
}

/** Builds template.go unless it is built already. */
function program(): string {
  const source = join(checkout, 'deploy/render/template.go');
  const folder = join(checkout, 'out/render');
  const built = join(folder, 'template');
  const isBuilt = existsSync(built) && statSync(built).mtimeMs >= statSync(source).mtimeMs;
  if (isBuilt) return built;
  mkdirSync(folder, { recursive: true });
  const fresh = `${built}-${process.pid}`;
  const env = { ...process.env, GO111MODULE: 'off', GOPATH: goPath, GOCACHE: join(folder, 'cache'), GOFLAGS: '' };
  const result = spawnSync('go', ['build', '-o', fresh, source], { env, encoding: 'utf8' });
  if (result.status !== 0)
    throw new Error(`template.go cannot be built: ${result.stderr || (rendererMissing() ?? 'go failed')}`);
  renameSync(fresh, built);
  return built;
}

function split(rendered: Readonly<Record<string, string>>): Rendered {
  const objects: ChartObject[] = [];
  const texts: string[] = [];
  for (const name of Object.keys(rendered).sort()) {
    if (!name.endsWith('.yaml')) continue;
    for (const text of rendered[name]!.split(/^---$/m)) {
      const [document, another] = parseAllDocuments(text, { uniqueKeys: true });
      if (document === undefined || document.contents === null) continue;
      const wrong = document.errors[0] ?? (another && new Error('two documents without ---'));
      if (wrong) throw new ChartError(`${name}: ${wrong.message}`);
      objects.push(document.toJS() as ChartObject);
      texts.push(text.trim());
    }
  }
  return { objects, texts, notes: rendered['templates/NOTES.txt'] ?? '' };
}
