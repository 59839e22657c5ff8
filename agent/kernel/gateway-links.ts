import { existsSync, rmSync } from 'node:fs';
import { type NativeError, type NativeLink, type NativeProgram, native } from './native.js';
import { freshPin, type Pins, replacePin } from './pins.js';

/**
 * The admission program's links: one a namespace that has a gateway listener, pinned under the namespace's cookie, so that nobody else gets to the listener while no
 * agent runs. A link does not keep its namespace alive.
 */
export class AdmissionLinks {
  readonly #program: NativeProgram;
  readonly #pins: Pins;
  /** By cookie. */
  readonly #links = new Map<bigint, NativeLink>();

  /** Takes over what an earlier agent pinned: each live link gets the program without a gap. */
  constructor(program: NativeProgram, pins: Pins) {
    this.#program = program;
    this.#pins = pins;
    for (const name of pins.gatewayNames()) {
      if (name.endsWith(freshPin)) {
        rmSync(pins.gateway(name));
        continue;
      }
      const link = native().openLink(pins.gateway(name));
      if (isReplaced(link, program)) {
        this.#links.set(BigInt(name), link);
      } else {
        link.close();
        rmSync(pins.gateway(name));
      }
    }
  }

  /** Cookies of namespaces that have one. */
  cookies(): Iterable<bigint> {
    return [...this.#links.keys()];
  }

  /** From now on only admitted connections reach gateway listeners of the namespace at `path`. Throws NativeError. */
  attach(netns: bigint, path: string): void {
    const present = this.#links.get(netns);
    if (present !== undefined && present.info().netnsInode !== 0) return;
    present?.close();
    const link = this.#program.attachNetns(path);
    this.#links.set(netns, link);
    replacePin(this.#pins.gateway(String(netns)), link, true);
  }

  detach(netns: bigint): void {
    this.#links.get(netns)?.close();
    this.#links.delete(netns);
    rmSync(this.#pins.gateway(String(netns)), { force: true });
  }

  /** Puts back pins and programs that somebody else changed. One line for each. */
  repair(): readonly string[] {
    const repairs: string[] = [];
    const program = this.#program.info().id;
    for (const [netns, link] of this.#links) {
      const info = link.info();
      if (info.netnsInode === 0) continue; // the namespace is gone: its Pod goes next
      if (info.programId !== program) {
        if (!isReplaced(link, this.#program)) continue;
        repairs.push(`the admission program of namespace ${netns} was replaced by program ${info.programId}`);
      }
      if (!existsSync(this.#pins.gateway(String(netns)))) {
        repairs.push(`the pin of the admission program of namespace ${netns} was removed`);
        replacePin(this.#pins.gateway(String(netns)), link, true);
      }
    }
    return repairs;
  }

  /** Closes this process's handles. The pinned links stay. */
  close(): void {
    for (const link of this.#links.values()) link.close();
    this.#links.clear();
  }
}

/** False: the namespace is gone, or going. */
function isReplaced(link: NativeLink, program: NativeProgram): boolean {
  try {
    link.update(program);
    return true;
  } catch (error) {
    if ((error as NativeError).code === 'ENOLINK') return false;
    throw error;
  }
}
