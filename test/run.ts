import { spawn } from 'node:child_process';
import { availableParallelism } from 'node:os';
import { createInterface } from 'node:readline';

/*
 * `npm test`: runs every test with AVA, shows failures as they come, and ends with the plain line
 * `N passed, N failed, N skipped`. Arguments are handed to AVA.
 */

const abreast = ['--concurrency', String(Math.max(2, availableParallelism() - 1))];
/** Files that measure, or play a story in time, come one after the other when all others are done. */
const [others, alone] = ['dist/test/**/!(*.alone).test.js', 'dist/test/**/*.alone.test.js'];

let passed = 0;
let failed = 0;
const skipped: string[] = [];

const given = process.argv.slice(2);
if (given.length > 0) await run([...abreast, ...given]);
else {
  await run([...abreast, others]);
  await run(['--concurrency', '1', alone]);
}
for (const title of skipped) process.stdout.write(`SKIPPED ${title}\n`);
process.stdout.write(`${passed} passed, ${failed} failed, ${skipped.length} skipped\n`);
process.exitCode = failed > 0 ? 1 : 0;

/** Runs AVA and adds to the counts. */
async function run(args: readonly string[]): Promise<void> {
  const [passedBefore, failedBefore] = [passed, failed];
  const ava = spawn(process.execPath, ['node_modules/ava/entrypoints/cli.mjs', '--tap', ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const closed = new Promise<number>((resolve) => ava.once('close', (code) => resolve(code ?? 1)));
  let inFailure = false;
  for await (const line of createInterface({ input: ava.stdout })) {
    const result = /^(ok|not ok) \d+ - (.*)$/.exec(line);
    if (!result) {
      if (inFailure || /^#(?! (tests|pass|fail|skip)\b)/.test(line)) process.stdout.write(`${line}\n`);
      continue;
    }
    const [, verdict, title] = result;
    inFailure = verdict === 'not ok';
    if (/# (SKIP|TODO)/.test(title!)) {
      skipped.push(title!);
      inFailure = false;
    } else if (inFailure) {
      failed++;
      process.stdout.write(`FAILED  ${title}\n`);
    } else {
      passed++;
      if (process.stdout.isTTY)
        process.stdout.write(`\r\x1b[K${passed} passed, ${failed} failed: ${title!.slice(0, 100)}`);
    }
  }
  const code = await closed;
  if (process.stdout.isTTY) process.stdout.write('\r\x1b[K');
  // AVA can fail without a failed test: a file that does not load, a promise nobody handled. A run without tests is none.
  const isUnsaid = failed === failedBefore && (code !== 0 || passed === passedBefore);
  if (isUnsaid) {
    process.stdout.write(`FAILED  ava ${args.join(' ')}: exit code ${code}, ${passed - passedBefore} passed\n`);
    failed++;
  }
}
