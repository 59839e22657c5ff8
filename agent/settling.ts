import { type Clock, pause } from './clock.js';
import type { Intake } from './intake.js';
import { type CanaryOptions, releaseCanary, reserveCanary, runCanary } from './kernel/canary.js';
import type { Log } from './log.js';
import type { Thrift } from './memory.js';
import type { Readiness, Task } from './readiness.js';
import type { Supervisor } from './supervisor/supervisor.js';
import type { Sync } from './sync.js';
import type { TableName } from './tables/layout.gen.js';

/** How long after a failed attempt the next one is made, in ms. */
const retryMs = 1_000;
/** How long after the first sync memory is given back. */
const settleMs = 3_000;

export interface SettlingOptions {
  readonly clock: Clock;
  readonly log: Log;
  readonly readiness: Readiness;
  readonly sync: Sync;
  readonly intake: Intake;
  readonly canary: CanaryOptions;
  readonly gateway: Pick<Supervisor, 'isSettled'>;
  readonly thrift: Pick<Thrift, 'settle'>;
  /** Resolves when every source has been read once. */
  readonly synced: Promise<void>;
}

/** How often it is looked whether the gateway serves, and for how long that is waited for, in ms. */
const gatewayPaceMs = 10;
const gatewayPatienceMs = 10_000;

/** The way to readiness: all sources, then the tables, then a canary connection and the gateway. Each is tried until it works. */
export class Settling {
  readonly #options: SettlingOptions;
  #isStopped = false;
  #cancel: () => void = () => undefined;

  constructor(options: SettlingOptions) {
    this.#options = options;
  }

  /** Resolves when the node is ready or `stop` was called. */
  async run(): Promise<void> {
    const { clock, intake, readiness, sync, synced, canary } = this.#options;
    await synced;
    if (this.#isStopped) return;
    readiness.finish('sources');
    let crowded: TableName | undefined;
    await this.#insist('tables', async () => {
      // Before all others, so that full tables do not keep the node from being ready.
      crowded = reserveCanary(canary.reconciler);
      sync.start();
      return undefined;
    });
    if (this.#isStopped) return;
    intake.startBraking();
    this.#cancel = clock.after(settleMs, () => this.#options.thrift.settle());
    await this.#untilGatewayServes();
    if (crowded === undefined) {
      await this.#insist('canary', () => runCanary(canary));
    } else {
      releaseCanary(canary.reconciler);
      readiness.degrade('canary', `not tried, because the table ${crowded} that was found is full`);
      readiness.finish('canary');
    }
  }

  /** Not for ever: L4 works without it, and Services that have rules bypass it. */
  async #untilGatewayServes(): Promise<void> {
    const { clock, gateway, readiness } = this.#options;
    const end = clock.monotonic() + gatewayPatienceMs;
    while (!gateway.isSettled && !this.#isStopped && clock.monotonic() < end) {
      readiness.wait('gateway', 'workers have not taken their configuration and listeners yet');
      await pause(clock, gatewayPaceMs);
    }
    readiness.finish('gateway');
  }

  stop(): void {
    this.#isStopped = true;
    this.#cancel();
  }

  /** Does `work` again until it has no more trouble to tell. */
  async #insist(task: Task, work: () => Promise<string | undefined>): Promise<void> {
    const { clock, log, readiness } = this.#options;
    while (!this.#isStopped) {
      const trouble = await work().catch((error: Error) => error.message);
      if (this.#isStopped) return;
      if (trouble === undefined) {
        readiness.finish(task);
        return;
      }
      readiness.wait(task, trouble);
      log.error({ task, trouble }, 'not ready');
      await pause(clock, retryMs);
    }
  }
}
