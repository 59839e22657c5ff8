import type { Clock } from './clock.js';
import type { Feed } from './feed.js';
import type { GatewayHost } from './gateway-host.js';
import type { Datapath } from './kernel/kernel.js';
import type { Log } from './log.js';
import type { Thrift } from './memory.js';
import type { Readiness } from './readiness.js';
import { type Sync, verifiedTables } from './sync.js';

/** How often the heartbeat is written and time-driven work is done, in ms. */
const tickMs = 1_000;
/** How often Pods are looked for that have no namespace yet: what their containers do in that time may not be captured. */
const seekMs = 100;
/** How often links and pins are looked at. */
const repairMs = 2_000;
/** How often files of certificates are looked at: changed ones are read when they are as they were the time before. */
const certificatesMs = 1_000;
/** How often it is looked whether memory can be given back. */
const thriftMs = 5_000;
/** How often each table is compared with what it should hold: one after the other, since a large one takes a tenth of a second. */
const verifyMs = 30_000;

export interface UpkeepOptions {
  readonly clock: Clock;
  readonly log: Log;
  readonly readiness: Readiness;
  readonly datapath: Pick<Datapath, 'repair'>;
  readonly sync: Pick<Sync, 'tick' | 'held' | 'seek' | 'verify' | 'reroute'>;
  readonly heartbeat: () => void;
  readonly feed: Pick<Feed, 'missing' | 'trouble'>;
  readonly thrift: Pick<Thrift, 'tick'>;
  readonly gateway: Pick<GatewayHost, 'supervisor' | 'listeners' | 'ingress' | 'pemFiles'>;
}

/** What an agent does again and again, until the returned function is called. Trouble degrades readiness and is tried again. */
export function startUpkeep(options: UpkeepOptions): () => void {
  const { clock, log, readiness, datapath, sync, heartbeat, feed, gateway } = options;
  const attempt = (what: string, work: () => void): (() => void) => {
    return () => {
      try {
        work();
        readiness.degrade(what, '');
      } catch (error) {
        log.error({ err: error }, `${what} failed`);
        readiness.degrade(what, error instanceof Error ? error.message : String(error));
      }
    };
  };
  const tick = attempt('tick', () => {
    heartbeat();
    const { missing } = feed;
    if (missing !== '') readiness.wait('sources', missing);
    readiness.degrade('kubernetes', missing === '' ? feed.trouble : '');
    sync.tick();
    const { held } = sync;
    readiness.degrade(
      'leftovers',
      held > 0 ? `${held} Services' ports and Pods of before that no source has are held` : '',
    );
    gateway.supervisor.tick();
    readiness.degrade('gateway', gateway.supervisor.trouble);
  });
  const seek = attempt('seek', () => sync.seek());
  const repair = attempt('links', () => {
    for (const line of [...datapath.repair(), ...gateway.listeners.repair()])
      log.warn({ repair: line }, 'put back what somebody else changed');
  });
  let verified = 0;
  const verify = attempt('verify', () => {
    const table = verifiedTables[verified++ % verifiedTables.length]!;
    for (const drift of sync.verify([table])) log.warn(drift, 'rows differed from what was desired and were repaired');
    if (table === verifiedTables.at(-1)) readiness.degrade('tables-write', '');
  });
  const certificates = attempt('certificates', () => {
    if (!gateway.pemFiles.takeChanges()) return;
    log.info('files of certificates have changed');
    sync.reroute();
  });
  // Workers of an earlier agent may serve: connections are led to them all along.
  heartbeat();
  const cancels = [
    clock.every(tickMs, tick),
    clock.every(seekMs, seek),
    clock.every(repairMs, repair),
    clock.every(verifyMs / verifiedTables.length, verify),
    clock.every(certificatesMs, certificates),
    clock.every(thriftMs, () => options.thrift.tick()),
  ];
  return () => {
    for (const cancel of cancels) cancel();
  };
}
