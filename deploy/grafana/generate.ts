/** Writes dashboards and alert rules into the chart: `node dist/deploy/grafana/generate.js`. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { generated } from './generated.js';

const root = fileURLToPath(new URL('../../../', import.meta.url));

for (const [path, text] of generated()) {
  mkdirSync(dirname(join(root, path)), { recursive: true });
  writeFileSync(join(root, path), text);
  process.stdout.write(`${path}\n`);
}
