import { spawn } from 'node:child_process';
import { availableParallelism } from 'node:os';
import { createInterface } from 'node:readline';

/**
 * `npm test`: runs every test with AVA, shows failures as they come, and ends with the plain line
 * `N passed, N failed, N skipped`. Arguments are handed to AVA.
 */
const ava = spawn(
  process.execPath,
  [
    'node_modules/ava/entrypoints/cli.mjs',
    '--tap',
    '--concurrency',
    String(Math.max(2, availableParallelism() - 1)),
    ...process.argv.slice(2),
  ],
  { stdio: ['ignore', 'pipe', 'inherit'] },
);

let passed = 0;
let failed = 0;
const skipped: string[] = [];
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
const code = await new Promise<number>((resolve) => {
  if (ava.exitCode !== null) resolve(ava.exitCode);
  else ava.once('close', (exit) => resolve(exit ?? 1));
});
if (process.stdout.isTTY) process.stdout.write('\r\x1b[K');
for (const title of skipped) process.stdout.write(`SKIPPED ${title}\n`);
// AVA can fail without a failed test: a file that does not load, a promise nobody handled.
if (code !== 0 && failed === 0) failed = 1;
process.stdout.write(`${passed} passed, ${failed} failed, ${skipped.length} skipped\n`);
process.exitCode = failed > 0 || passed === 0 ? 1 : 0;
