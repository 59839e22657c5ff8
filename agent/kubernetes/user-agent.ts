import { arch, platform } from 'node:process';
import { version } from '../version.js';

/** Names of processors as Kubernetes has them, where Node's differ. */
const architectures: Readonly<Record<string, string>> = { x64: 'amd64' };

/** `weft/VERSION (linux/ARCH)`: what the API server's audit log tells of us. */
export function userAgent(): string {
  return `weft/${version} (${platform}/${architectures[arch] ?? arch})`;
}
