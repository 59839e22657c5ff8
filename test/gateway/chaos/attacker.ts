import type { Place } from '../../kernel/program.js';
import { Peer } from '../live/peer.js';

export interface Attack {
  /**
   * `slowloris`: heads that come byte by byte; `rapid-reset`, `settings`, `ping`: HTTP/2 as fast as it is taken; `upload`: a body of `size` bytes as fast
   * as it is taken; `download`: a response that is read at `rate` bytes a second.
   */
  readonly kind: 'slowloris' | 'rapid-reset' | 'settings' | 'ping' | 'upload' | 'download';
  readonly address: string;
  readonly port: number;
  readonly connections: number;
  readonly path: string;
  readonly size: number;
  readonly rate: number;
}

/** What an attacker got done. */
export interface Toll {
  readonly opened: number;
  /** Connections that have ended, by either side. */
  readonly ended: number;
  /** Now. */
  readonly open: number;
  readonly sentBytes: number;
  /** By slow readers. */
  readonly receivedBytes: number;
}

/** Clients that mean harm, in a process of their own. */
export class Attacker {
  readonly #peer: Peer;

  constructor(place: Place) {
    this.#peer = new Peer(place, '../chaos/attacker-process');
  }

  start(attack: Attack): Promise<void> {
    return this.#peer.order('start', attack);
  }

  toll(): Promise<Toll> {
    return this.#peer.order('toll');
  }

  stop(): Promise<void> {
    return this.#peer.order('stop');
  }

  kill(): Promise<void> {
    return this.#peer.kill();
  }
}
