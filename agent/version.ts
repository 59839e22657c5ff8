import { readFileSync } from 'node:fs';

/** `version` of package.json. */
export const version: string = versionIn(new URL('../../package.json', import.meta.url));

function versionIn(file: URL): string {
  return (JSON.parse(readFileSync(file, 'utf8')) as { version: string }).version;
}
