import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import test from 'ava';
import { isAlive, placesOfRuns, runNameIn } from '../../agent/demo/run.js';
import type { Summary } from '../../agent/demo/summary.js';
import { cgroupRoot } from '../../agent/kernel/cgroups.js';
import { kernelTest } from '../kernel-test.js';

interface Demo {
  readonly child: ChildProcess;
  output: string;
  words: string;
  /** Resolves when its words have this text. */
  says(text: string): Promise<void>;
  /** Its exit code, or the signal that ended it. */
  readonly ended: Promise<number | string>;
}

const running = new Set<ChildProcess>();
test.after.always(() => {
  for (const child of running) child.kill('SIGTERM');
});

function startDemo(...args: string[]): Demo {
  const argv = ['dist/agent/main.js', 'demo', '-o', 'json', ...args];
  const child = spawn(process.execPath, argv, { stdio: ['ignore', 'pipe', 'pipe'] });
  running.add(child);
  const demo: Demo = {
    child,
    output: '',
    words: '',
    async says(text) {
      while (!demo.words.includes(text)) await once(child.stderr, 'data', { signal: AbortSignal.timeout(30_000) });
    },
    ended: once(child, 'close').then(([code, signal]) => {
      running.delete(child);
      return code ?? signal;
    }),
  };
  child.stdout.on('data', (chunk) => {
    demo.output += chunk;
  });
  child.stderr.on('data', (chunk) => {
    demo.words += chunk;
  });
  return demo;
}

/** Everything on the machine that carries the name of a run of this process. */
function tracesOf(demo: Demo): string[] {
  return placesOfRuns(cgroupRoot()!)
    .flatMap((place) => readdirSync(place))
    .filter((entry) => runNameIn(entry)?.startsWith(`weft-demo-${demo.child.pid}-`));
}

kernelTest('the demo goes as foretold and leaves nothing', async (t) => {
  t.timeout(300_000);
  const demo = startDemo('--seconds', '24');
  const code = await demo.ended;
  const summary = JSON.parse(demo.output) as Summary;
  t.deepEqual(
    summary.verdicts.filter(({ met }) => !met),
    [],
    demo.words,
  );
  t.is(code, 0, demo.words);
  t.true(summary.requests >= 4800);
  t.is(new Set(summary.shares.map(({ phase }) => phase)).size, 11);
  for (const row of summary.shares.filter(({ question }) => question === 'catalog, tester')) t.is(row.deviation, 0);
  t.deepEqual(tracesOf(demo), []);
});

kernelTest('fed by an API server it goes the same way, and is not troubled by its absence', async (t) => {
  t.timeout(300_000);
  const demo = startDemo('--kubernetes', '--seconds', '24');
  const code = await demo.ended;
  const summary = JSON.parse(demo.output) as Summary;
  t.deepEqual(
    summary.verdicts.filter(({ met }) => !met),
    [],
    demo.words,
  );
  t.is(code, 0, demo.words);
  t.is(summary.facts.feed, 'kubernetes');
  t.true((summary.facts.server?.away ?? 0) > 0);
  t.is(new Set(summary.shares.map(({ phase }) => phase)).size, 11);
  t.deepEqual(tracesOf(demo), []);
});

kernelTest('Ctrl-C leaves nothing, at whatever time', async (t) => {
  t.timeout(300_000);
  const moments = [
    ['made network namespaces'],
    ['user-service runs'],
    ['a Kubernetes API server', '--kubernetes'],
    ['2/11'],
  ] as const;
  for (const [moment, ...args] of moments) {
    const demo = startDemo(...args);
    await demo.says(moment);
    t.true(tracesOf(demo).length > 0, moment);
    demo.child.kill('SIGINT');
    t.is(await demo.ended, 130, demo.words);
    t.deepEqual(tracesOf(demo), [], moment);
  }
});

kernelTest('a demo removes what another left that was killed', async (t) => {
  const killed = startDemo('--kubernetes');
  await killed.says('1/11');
  killed.child.kill('SIGKILL');
  t.is(await killed.ended, 'SIGKILL');
  const [trace] = tracesOf(killed);
  t.false(isAlive(trace!));
  const next = startDemo();
  await next.says(`removed what ${runNameIn(trace!)} had left`);
  t.deepEqual(tracesOf(killed), []);
  next.child.kill('SIGTERM');
  t.is(await next.ended, 143, next.words);
  t.deepEqual(tracesOf(next), []);
});
