import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { checkout } from '../../deploy/render/chart.js';

const documents = spawnSync('git', ['ls-files', '*.md', 'deploy/*', 'package.json'], {
  cwd: checkout,
  encoding: 'utf8',
})
  .stdout.split('\n')
  .filter((name) => /\.(md|yaml|service|txt|js|ts|json|go)$|Dockerfile$/.test(name) && !name.includes('dashboards/'));

/** Paths below deploy/ as a document names them: not `deploy/*` and not the end of another path. */
const named = /(?<![\w./-])(?:\.\/)?(deploy\/[\w./-]*[\w/])/g;

test('what documents name in deploy/ is there', (t) => {
  const missing = documents.flatMap((name) =>
    [...readFileSync(join(checkout, name), 'utf8').matchAll(named)]
      .map((match) => match[1]!)
      .filter((path) => !existsSync(join(checkout, path)))
      .map((path) => `${name}: ${path}`),
  );
  t.true(documents.includes('README.md'));
  t.deepEqual(missing, []);
});
