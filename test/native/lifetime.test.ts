import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import { native } from '../../agent/kernel/native.js';
import { kernelTest } from '../kernel-test.js';
import { compile } from './clang.js';
import { makeCgroup, makeDirectory } from './scratch.js';

/** Runs a script of this folder in a child. Returns its stdout; throws what it said when it failed or was killed. */
function run(script: string, args: readonly string[], flags: readonly string[] = []): string {
  const path = fileURLToPath(new URL(`./${script}.js`, import.meta.url));
  const { status, signal, stdout, stderr } = spawnSync(process.execPath, [...flags, path, ...args], {
    encoding: 'utf8',
  });
  if (status !== 0 || stderr !== '') throw new Error(`${script} ${args.join(' ')}: ${signal ?? status}\n${stderr}`);
  return stdout;
}

/** The paths of the compiled objects, for children. */
function objects(): [maps: string, ring: string] {
  const directory = makeDirectory();
  return ['maps', 'ring'].map((name) => {
    const path = `${directory}/${name}.o`;
    writeFileSync(path, compile(name));
    return path;
  }) as [string, string];
}

kernelTest('the collector closes what was dropped', (t) => {
  const { before, peak, after } = JSON.parse(run('churn', [...objects(), makeCgroup()], ['--expose-gc'])) as Record<
    string,
    number
  >;
  t.true(peak! > before! + 100, `${before} then ${peak} descriptors`);
  t.is(after, before);
});

kernelTest('a process may exit after any step', (t) => {
  const args = [...objects(), makeCgroup()];
  const stages = Number(run('stages', ['0', ...args]));
  t.true(stages > 10);
  for (let last = 1; last < stages; last++) t.is(run('stages', [String(last), ...args]), String(stages));
});

kernelTest('four workers load, use and leave the addon while the main thread uses it', async (t) => {
  const workerData = { elf: compile('maps'), ring: compile('ring'), rounds: 10 };
  const workers = Array.from(
    { length: 4 },
    () => new Worker(new URL('./busy-worker.js', import.meta.url), { workerData }),
  );
  const ends = Promise.all(workers.map((worker) => once(worker, 'exit')));
  const object = native().openObject(workerData.elf, 'main');
  object.load();
  t.is(object.map('hash').entries().count, 0);
  t.deepEqual(await ends, [[0], [0], [0], [0]]);
  t.is(object.map('hash').entries().count, 0);
});

kernelTest('busy workers may be terminated, and started again', (t) => {
  t.is(run('crowd', [...objects(), 'terminate']), 'terminate');
});

kernelTest('a process may exit while its workers are busy', (t) => {
  for (let i = 0; i < 3; i++) t.is(run('crowd', [...objects(), 'exit']), 'exit');
});
