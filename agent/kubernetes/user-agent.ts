import { readFileSync } from 'node:fs';
import { arch, platform } from 'node:process';

/** Names of processors as Kubernetes has them, where Node's differ. */
const architectures: Readonly<Record<string, string>> = { x64: 'amd64' };

/** `weft/VERSION (linux/ARCH)`: what the API server's audit log tells of us. */
export function userAgent(): string {
  const file = new URL('../../../package.json', import.meta.url);
  const { version } = JSON.parse(readFileSync(file, 'utf8')) as { version: string };
  return `weft/${version} (${platform}/${architectures[arch] ?? arch})`;
}
