// Installs what is missing and builds what is out of date. Plain JavaScript: it runs before anything is installed.
//
//   node deploy/setup.js [--quiet] SECTION…
//
// SECTION names a list in debian-packages.json (build, demo, test, bench, kernels). Run twice, the second does nothing.
import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const argv = process.argv.slice(2);
const quiet = argv.includes('--quiet');
const sections = argv.filter((word) => !word.startsWith('-'));
const bpfFamilies = ['connect', 'datagram', 'peername', 'connection', 'admission'];
process.chdir(root);

function say(text) {
  process.stderr.write(`weft: ${text}\n`);
}

function run(command, args, options = {}) {
  const result = spawnSync(command, args, {
    stdio: ['ignore', quiet ? 'pipe' : 'inherit', quiet ? 'pipe' : 'inherit'],
    ...options,
  });
  if (result.status === 0) return;
  if (result.stdout) process.stderr.write(result.stdout);
  if (result.stderr) process.stderr.write(result.stderr);
  say(`failed: ${command} ${args.join(' ')}${result.error ? ` (${result.error.message})` : ''}`);
  process.exit(1);
}

/** Modification time in ms of the newest file below the paths; 0 for none. */
function newest(paths, accept = () => true) {
  let time = 0;
  for (const path of paths) {
    const stat = statSync(path, { throwIfNoEntry: false });
    if (!stat) continue;
    if (stat.isDirectory()) {
      time = Math.max(
        time,
        newest(
          readdirSync(path).map((name) => join(path, name)),
          accept,
        ),
      );
    } else if (accept(path)) {
      time = Math.max(time, stat.mtimeMs);
    }
  }
  return time;
}

const timeOf = (path) => statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? -1;

function debianPackages() {
  const lists = JSON.parse(readFileSync('deploy/debian-packages.json', 'utf8'));
  const wanted = [...new Set(sections.flatMap((section) => lists[section] ?? []))];
  // biome-ignore lint/suspicious/noTemplateCurlyInString: fields of dpkg-query's format
  const known = spawnSync('dpkg-query', ['-W', '-f', '${Package} ${db:Status-Status}\n', ...wanted], {
    encoding: 'utf8',
  });
  if (known.error) {
    say(`this is no Debian machine; these are needed: ${wanted.join(' ')}`);
    return;
  }
  const installed = new Set(
    known.stdout
      .split('\n')
      .filter((line) => line.endsWith(' installed'))
      .map((line) => line.split(' ')[0]),
  );
  const missing = wanted.filter((name) => !installed.has(name));
  if (missing.length === 0) return;
  if (process.getuid() !== 0) {
    say(`these Debian packages are missing: ${missing.join(' ')}`);
    say(`as root: apt-get install --no-install-recommends ${missing.join(' ')}`);
    process.exit(77);
  }
  say(`installing Debian packages: ${missing.join(' ')}`);
  // In runlevel 1 no package starts a service of its own.
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive', RUNLEVEL: '1' };
  run('apt-get', ['update', '-q'], { env });
  run('apt-get', ['install', '-q', '-y', '--no-install-recommends', ...missing], { env });
}

function npmPackages() {
  if (timeOf('node_modules/.package-lock.json') >= timeOf('package-lock.json')) return;
  say('installing npm packages');
  run('npm', ['ci', '--no-audit', '--no-fund']);
  // npm keeps the lock's own time, which may be older.
  writeFileSync('node_modules/.package-lock.json', readFileSync('node_modules/.package-lock.json'));
}

function clang(source, object) {
  const triplet = `/usr/include/${process.arch === 'arm64' ? 'aarch64' : 'x86_64'}-linux-gnu`;
  run('clang', [
    '-O2',
    '-g',
    '-Wall',
    '-Werror',
    '-target',
    'bpf',
    '-mcpu=v3',
    `-I${triplet}`,
    '-c',
    source,
    '-o',
    object,
  ]);
}

function bpfObjects() {
  const object = 'dist/bpf/weft.bpf.o';
  if (timeOf(object) >= newest(['bpf'], (path) => /\.[ch]$/.test(path))) return;
  say('compiling the BPF programs');
  mkdirSync('dist/bpf/parts', { recursive: true });
  for (const name of [...bpfFamilies, 'types']) clang(`bpf/${name}.bpf.c`, `dist/bpf/parts/${name}.o`);
  clang('bpf/probe.bpf.c', 'dist/bpf/probe.bpf.o');
  run('bpftool', ['gen', 'object', `${object}.new`, ...bpfFamilies.map((name) => `dist/bpf/parts/${name}.o`)]);
  run('mv', [`${object}.new`, object]);
}

function nativeAddon() {
  const binaries = ['build/Release/weft.node', 'build/Release/weft-sockets'];
  if (Math.min(...binaries.map(timeOf)) >= newest(['native', 'binding.gyp'])) return;
  say('building the native addon');
  const prefix = dirname(dirname(process.execPath));
  const headers = existsSync(join(prefix, 'include/node/node.h')) ? [`--nodedir=${prefix}`] : [];
  const gyp = (command) => run('node_modules/.bin/node-gyp', [command, '--loglevel=warn', ...headers]);
  // In place: what runs meanwhile finds the old build until the new one is linked.
  if (timeOf('build/Makefile') < timeOf('binding.gyp')) gyp('configure');
  gyp('build');
  // Objects that did not change keep their time.
  for (const name of binaries) utimesSync(name, new Date(), new Date());
}

/** Compiled files whose source is gone would still be found as tests. */
function removeOrphans(folder) {
  if (!existsSync(folder)) return;
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) {
      removeOrphans(path);
    } else if (/\.(js|d\.ts)$/.test(entry.name)) {
      const source = path.replace(/^dist\//, '').replace(/\.(js|d\.ts)$/, '.ts');
      if (!existsSync(source)) rmSync(path);
    }
  }
}

function typescript() {
  const stamp = 'dist/.compiled';
  const sources = ['agent', 'test', 'bpf', 'deploy'];
  const isSource = (path) => path.endsWith('.ts');
  const current = () =>
    timeOf(stamp) >= Math.max(newest(sources, isSource), timeOf('tsconfig.json'), timeOf('dist/bpf/weft.bpf.o'));
  if (current()) return;
  say('compiling TypeScript');
  for (const folder of ['agent', 'test', 'deploy']) removeOrphans(`dist/${folder}`);
  const tsc = (...options) => run('node_modules/.bin/tsc', ['-p', '.', ...options]);
  const layout = 'agent/tables/layout.gen.ts';
  if (timeOf('dist/layout.gen.ts') < Math.max(timeOf('dist/bpf/parts/types.o'), timeOf('bpf/layout.ts'))) {
    // The generator is compiled without looking at the types that it is about to change.
    tsc('--noCheck');
    run(process.execPath, ['dist/bpf/layout.js', 'dist/bpf/parts/types.o', 'dist/layout.gen.ts']);
    if (readFileSync('dist/layout.gen.ts', 'utf8') !== readFileSync(layout, 'utf8')) {
      say(`${layout} follows bpf/tables.h`);
      writeFileSync(layout, readFileSync('dist/layout.gen.ts'));
    }
  }
  tsc();
  if (existsSync('dist/agent/main.js')) chmodSync('dist/agent/main.js', 0o755);
  writeFileSync(stamp, '');
}

if (process.env.WEFT_SETUP_LOCKED !== '1') {
  mkdirSync('out', { recursive: true });
  const result = spawnSync('flock', ['out/setup.lock', process.execPath, fileURLToPath(import.meta.url), ...argv], {
    stdio: 'inherit',
    env: { ...process.env, WEFT_SETUP_LOCKED: '1' },
  });
  process.exit(result.status ?? 1);
}
debianPackages();
npmPackages();
bpfObjects();
nativeAddon();
typescript();
