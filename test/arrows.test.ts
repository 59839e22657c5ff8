import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import test from 'ava';

/** Which rooms a room may import besides itself. `root` is the files of agent/ itself. */
const mayImport: Readonly<Record<string, readonly string[]>> = {
  model: [],
  balance: ['model'],
  tables: [],
  compile: ['model', 'balance', 'tables'],
  kubernetes: ['root'],
  sources: ['kubernetes', 'model', 'root'],
  status: ['compile', 'kubernetes', 'model', 'root'],
  kernel: ['compile', 'model', 'tables', 'root'],
  gateway: ['model', 'balance', 'compile', 'root'],
  supervisor: ['balance', 'compile', 'gateway', 'kernel', 'model', 'root'],
  view: ['api', 'balance', 'compile', 'gateway', 'kernel', 'model', 'sources', 'supervisor', 'tables', 'root'],
  api: ['balance', 'compile', 'model', 'tables', 'root'],
  cli: ['api', 'compile', 'demo', 'kernel', 'kubernetes', 'model', 'sources', 'tables', 'view', 'root'],
  demo: ['api', 'cli', 'kernel', 'kubernetes', 'model', 'tables', 'root'],
  root: [
    ...['api', 'balance', 'cli', 'compile', 'gateway', 'kernel', 'kubernetes', 'model', 'sources', 'status'],
    ...['supervisor', 'tables', 'view'],
  ],
};

/** Rooms that take values and return values: no files, sockets, processes, timers. */
const pure = new Set(['model', 'balance', 'compile', 'tables']);

/** Of `node:` only what computes. */
const harmless = new Set(['node:net:isIP', 'node:net:isIPv4', 'node:net:isIPv6', 'node:buffer']);

function filesBelow(folder: string): readonly string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith('.ts'))
    .map((entry) => join(entry.parentPath, entry.name));
}

const roomOf = (path: string): string => {
  const parts = path.split('/');
  return parts.length === 2 ? 'root' : parts[1]!;
};

interface Import {
  readonly from: string;
  readonly names: readonly string[];
  readonly to: string;
}

function importsOf(path: string): readonly Import[] {
  const text = readFileSync(path, 'utf8');
  const found: Import[] = [];
  for (const match of text.matchAll(
    /(?:import|export)\s+(?:type\s+)?([^'";]*?)\s*from\s+'([^']+)'|import\(\s*'([^']+)'\s*\)/g,
  )) {
    const to = match[2] ?? match[3]!;
    const names = (match[1] ?? '')
      .replace(/[{}]/g, '')
      .split(',')
      .map((name) => name.trim().replace(/^type /, ''));
    found.push({ from: path, names, to: to.startsWith('.') ? normalize(join(dirname(path), to)) : to });
  }
  return found;
}

const files = filesBelow('agent');

test('every room imports only the rooms it may', (t) => {
  const wrong = files.flatMap(importsOf).flatMap(({ from, to }) => {
    if (!to.startsWith('agent/')) return [];
    const [room, target] = [roomOf(from), roomOf(to)];
    const allowed = mayImport[room];
    if (!allowed) return [`${from}: room ${room} is not in the list`];
    return room === target || allowed.includes(target)
      ? []
      : [`${from} imports ${to}: ${room} must not know ${target}`];
  });
  t.deepEqual(wrong, []);
  t.true(files.length > 50);
});

test('pure rooms touch nothing outside', (t) => {
  const wrong = files
    .filter((path) => pure.has(roomOf(path)))
    .flatMap(importsOf)
    .filter(
      ({ to, names }) =>
        to.startsWith('node:') && !names.every((name) => harmless.has(`${to}:${name}`) || harmless.has(to)),
    )
    .map(({ from, to }) => `${from} imports ${to}`);
  t.deepEqual(wrong, []);
});

/** The global functions that tell time or wait. A method of the same name is something else: `socket.setTimeout(…)`. */
const globalTime =
  /(?<![\w$.#])(?:globalThis\s*\.\s*)?(?:Date\s*\.\s*now|performance\s*\.\s*(?:now|timeOrigin)|setTimeout|setInterval|process\s*\.\s*hrtime)\b|(?<![\w$.#])new\s+Date\s*\(\s*\)/;

test('time comes from clock.ts alone', (t) => {
  const others = files.filter((path) => path !== 'agent/clock.ts');
  t.deepEqual(
    others.filter((path) => globalTime.test(readFileSync(path, 'utf8'))),
    [],
  );
  const timers = others.flatMap(importsOf).filter(({ to }) => /^(node:)?timers/.test(to));
  t.deepEqual(
    timers.filter(({ names }) => names.some((name) => name !== 'setImmediate')),
    [],
  );
});

test('the rule about time means global functions, not methods', (t) => {
  const telling = ['Date.now()', 'x = Date.now;', 'performance.now()', 'setTimeout(f, 1)', 'await setTimeout(1)'];
  const more = ['globalThis.setTimeout(f)', 'wait = setInterval', 'new Date()', 'process.hrtime.bigint()'];
  for (const code of [...telling, ...more]) t.regex(code, globalTime);
  const others = ['socket.setTimeout(1, f)', 'this.#setTimeout(1)', 'new Date(0)', 'Date.UTC(2026)', 'resetTimeout(1)'];
  for (const code of others) t.notRegex(code, globalTime);
});
