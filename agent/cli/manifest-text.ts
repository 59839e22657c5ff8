import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';

const manifest = /\.(ya?ml|json)$/;

function* filesOf(path: string): Generator<string> {
  if (!statSync(path).isDirectory()) {
    yield path;
    return;
  }
  for (const name of readdirSync(path).sort()) {
    if (name.startsWith('.')) continue;
    const below = join(path, name);
    if (statSync(below).isDirectory()) yield* filesOf(below);
    else if (manifest.test(name)) yield below;
  }
}

/** The documents of all files as one YAML stream. JSON is YAML, so files of it need no more than a document of their own. */
export function joinManifests(paths: readonly string[]): string {
  return paths
    .flatMap((path) => [...filesOf(path)])
    .map((file) => readFileSync(file, 'utf8').replace(/^\ufeff/, ''))
    .map((text) => (/^(---|%)/.test(text) ? text : `---\n${text}`))
    .map((text) => (text.endsWith('\n') ? text : `${text}\n`))
    .join('...\n');
}
