import type { Clock } from '../clock.js';
import type { Access } from './credentials.js';
import { type ExecAccess, type ExecPlugin, runExecPlugin } from './exec-plugin.js';

/** What a plug-in gave, until it expires or the server refuses it. Whoever asks while the plug-in runs waits for the same run. */
export class HeldCredential {
  readonly #plugin: ExecPlugin;
  readonly #clock: Clock;
  #held: ExecAccess | undefined;
  #running: Promise<ExecAccess> | undefined;

  constructor(plugin: ExecPlugin, clock: Clock) {
    this.#plugin = plugin;
    this.#clock = clock;
  }

  /** Rejects with CredentialsError when the plug-in fails; it is run again the next time. */
  async get(rejected: Access | undefined): Promise<ExecAccess> {
    const held = this.#held;
    if (held !== undefined && this.#clock.now() < held.expires && !isOf(held, rejected)) return held;
    this.#running ??= runExecPlugin(this.#plugin, this.#clock)
      .then((given) => {
        this.#held = given;
        return given;
      })
      .finally(() => {
        this.#running = undefined;
      });
    return this.#running;
  }
}

/** Whether what a plug-in gave was part of this. */
function isOf({ certificate, token }: ExecAccess, access: Access | undefined): boolean {
  if (access === undefined) return false;
  return [access.token, undefined].includes(token) && [access.certificate, undefined].includes(certificate);
}
