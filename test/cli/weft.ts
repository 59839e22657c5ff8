import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { showAddress } from '../../agent/api/address.js';
import type { Served } from '../api/exchange.js';

export const main: string = fileURLToPath(new URL('../../agent/main.js', import.meta.url));

export interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs `weft` to its end. WEFT_API of the environment is not passed on. */
export function weft(args: readonly string[], environment: NodeJS.ProcessEnv = {}): Promise<Ended> {
  const { WEFT_API: _api, WEFT_API_TOKEN_FILE: _file, ...inherited } = process.env;
  const child = spawn(process.execPath, [main, ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...inherited, ...environment },
  });
  const ended = { stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr'] as const) {
    child[name].setEncoding('utf8').on('data', (chunk: string) => {
      ended[name] += chunk;
    });
  }
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) => resolve({ code, ...ended }));
  });
}

/** Runs `weft` against a fake agent. */
export function weftAt(served: Served, args: readonly string[]): Promise<Ended> {
  return weft(args, { WEFT_API: showAddress(served.api.address) });
}
