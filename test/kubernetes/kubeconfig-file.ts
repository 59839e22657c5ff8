import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { stringify } from 'yaml';
import type { Life } from './api-server.js';

export interface KubeconfigParts {
  readonly cluster: object;
  readonly user?: object;
  readonly context?: object;
}

/** A directory with a kubeconfig, and the files that it names. */
export class KubeconfigDirectory {
  readonly path: string = mkdtempSync(join(tmpdir(), 'weft-kubeconfig-'));

  constructor(life: Life) {
    life.teardown(() => rmSync(this.path, { recursive: true }));
  }

  /** Of one cluster, one user and one context. */
  write({ cluster, context, user }: KubeconfigParts): string {
    return this.writeText(
      stringify({
        ...{ apiVersion: 'v1', kind: 'Config', 'current-context': 'here' },
        contexts: [
          { name: 'elsewhere', context: { cluster: 'b', user: 'b' } },
          { name: 'here', context: { cluster: 'a', ...(user && { user: 'a' }), ...context } },
        ],
        clusters: [{ name: 'a', cluster }],
        users: user ? [{ name: 'a', user }] : [],
      }),
    );
  }

  writeText(text: string): string {
    return this.file('config', text);
  }

  file(name: string, text: string, mode = 0o600): string {
    const path = join(this.path, name);
    writeFileSync(path, text);
    chmodSync(path, mode);
    return path;
  }
}

export const base64 = (text: string): string => Buffer.from(text).toString('base64');
