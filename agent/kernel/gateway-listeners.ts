import { viewOf } from '../tables/bytes.js';
import { readPodRow } from '../tables/layout.gen.js';
import { AdmissionLinks } from './gateway-links.js';
import { GatewayPorts } from './gateway-ports.js';
import { type NativeError, type NativeMap, type NativeProgram, native } from './native.js';
import type { Pins } from './pins.js';
import type { Captured, PodTable } from './pods.js';

/** Connections to the gateway that wait to be accepted, of one listener. */
const backlog = 4096;
/** The gateway's addresses that name no Service (WEFT_GATEWAY_FOUR and WEFT_GATEWAY_SIX_0 of bpf/tables.h). */
const nameless = { four: '127.128.0.0', six: 'fd77:6566:7400::' } as const;
/** In bits, of the gateway's IPv6 addresses; 127.0.0.0/8 is every namespace's own already. */
const sixLength = 64;

/** The gateway's listening sockets inside one captured Pod's namespace. */
export interface PodListeners {
  /** NS/POD. */
  readonly pod: string;
  /** The Pod's id in the tables. */
  readonly id: number;
  /** Of the network namespace; see {@link Captured}. */
  readonly path: string;
  readonly port: number;
  /** IPv4, then, where the namespace has it, IPv6. Closed by who made them. */
  readonly fds: readonly number[];
}

export interface GatewayListenersOptions {
  /** The map `gateway_listeners`. */
  readonly listeners: NativeMap;
  readonly pods: Pick<PodTable, 'setGatewayPort'>;
  readonly pins: Pins;
  /** weft_admission. */
  readonly admission: NativeProgram;
}

interface Open extends PodListeners {
  readonly netns: bigint;
}

/**
 * The gateway's listeners in Pods' namespaces, which only connections reach that the programs led there. They are held here, so that nothing is refused while
 * a worker that had them is started again.
 */
export class GatewayListeners {
  readonly #options: GatewayListenersOptions;
  readonly #links: AdmissionLinks;
  readonly #ports: GatewayPorts;
  /** By NS/POD. */
  readonly #open = new Map<string, Open>();
  /** NS/POD of those to which the programs lead. */
  readonly #announced = new Set<string>();
  /** NS/POD to why it has no listener. */
  readonly #trouble = new Map<string, string>();

  /** Takes over what guards the listeners of an earlier agent's workers, which serve on until `announce`. */
  constructor(options: GatewayListenersOptions) {
    this.#options = options;
    this.#links = new AdmissionLinks(options.admission, options.pins);
    this.#ports = new GatewayPorts(options.listeners);
  }

  /**
   * Opens listeners for Pods that are new, and closes those of Pods that are gone: a listener that is held keeps its namespace alive, so others who have its
   * descriptors are to close them too. A Pod that gets none is tried again by the next call; `troubles` says why. Throws as the store does.
   */
  refresh(captured: Iterable<Captured>): {
    readonly opened: readonly PodListeners[];
    readonly closed: readonly PodListeners[];
  } {
    const wanted = new Map(Array.from(captured, (each) => [each.pod, each]));
    const closed = [...this.#open.values()].filter((open) => !isOf(open, wanted.get(open.pod)));
    for (const open of closed) this.#close(open);
    const namespaces = new Set(Array.from(wanted.values(), ({ netns }) => netns));
    for (const netns of this.#links.cookies()) {
      if (!namespaces.has(netns)) this.#links.detach(netns);
    }
    for (const each of wanted.values()) {
      this.#lead(each);
      const open = this.#open.get(each.pod);
      if (open && open.path !== each.path) this.#open.set(each.pod, { ...open, path: each.path });
    }
    this.#trouble.clear();
    const opened = [...wanted.values()].flatMap((each) => (this.#open.has(each.pod) ? [] : this.#tryOpen(each)));
    return { opened, closed };
  }

  all(): Iterable<PodListeners> {
    return [...this.#open.values()];
  }

  /** NS/POD to why it has no listener although it is captured. */
  troubles(): ReadonlyMap<string, string> {
    return this.#trouble;
  }

  /** A worker has the Pod's listeners: connections may be led to them from now on. Throws as the store does. */
  announce(pod: string): void {
    const open = this.#open.get(pod);
    if (open === undefined) return;
    this.#announced.add(pod);
    this.#options.pods.setGatewayPort(pod, open.port, open.fds.length > 1);
  }

  /** Puts back links and pins that somebody else changed. One line for each. */
  repair(): readonly string[] {
    return this.#links.repair();
  }

  /** Closes this process's descriptors. What guards the listeners stays, and so do they where a worker has them. */
  close(): void {
    for (const { fds } of this.#open.values()) fds.forEach(closeFd);
    this.#open.clear();
    this.#links.close();
  }

  /** Corrects a row that leads nowhere: of a Pod that was not captured for a moment, or to workers of an earlier agent that are gone. */
  #lead({ pod, row }: Captured): void {
    const { gatewayPort } = readPodRow(viewOf(row), 0);
    if (this.#announced.has(pod)) {
      if (gatewayPort === 0) this.announce(pod);
    } else if (gatewayPort !== 0 && !this.#ports.isServed(gatewayPort)) {
      this.#options.pods.setGatewayPort(pod, 0, false);
    }
  }

  #close({ pod, port, fds }: Open): void {
    fds.forEach(closeFd);
    this.#open.delete(pod);
    this.#announced.delete(pod);
    this.#ports.release(port);
  }

  #tryOpen(captured: Captured): readonly PodListeners[] {
    try {
      this.#links.attach(captured.netns, captured.path);
      const open = this.#listen(captured);
      this.#open.set(open.pod, open);
      return [open];
    } catch (error) {
      this.#trouble.set(captured.pod, error instanceof Error ? error.message : String(error));
      return [];
    }
  }

  #publish(port: number, fds: readonly number[]): void {
    try {
      for (const [i, fd] of fds.entries()) this.#ports.publish(port, i === 1, fd);
    } catch (error) {
      fds.forEach(closeFd);
      throw error;
    }
  }

  #listen({ pod, id, netns, path }: Captured): Open {
    const hasSix = takesSix(path);
    const refused = new Set<number>();
    for (;;) {
      const port = this.#ports.take(refused);
      if (port === undefined) throw new Error('no port is free for its gateway listener');
      try {
        const fds = listenAt(path, port, hasSix);
        this.#publish(port, fds);
        return { pod, id, netns, path, port, fds };
      } catch (error) {
        this.#ports.release(port);
        if ((error as NativeError).code !== 'EADDRINUSE') throw error;
        refused.add(port); // a program of the Pod has it
      }
    }
  }
}

function isOf(open: Open, captured: Captured | undefined): boolean {
  return captured !== undefined && captured.netns === open.netns && captured.id === open.id;
}

function closeFd(fd: number): void {
  native().closeFd(fd);
}

/** Whether the namespace has IPv6; makes the gateway's addresses its own then. */
function takesSix(path: string): boolean {
  try {
    native().localRoute(path, nameless.six, sixLength);
    return true;
  } catch {
    return false;
  }
}

/** Where nobody gets to by himself: bpf/admission.bpf.c hands them what is for the Services' addresses. Throws NativeError; nothing is left open then. */
function listenAt(path: string, port: number, hasSix: boolean): readonly number[] {
  const common = { protocol: 'TCP', freebind: true, listen: backlog } as const;
  const four = native().socketIn(path, { ...common, family: 4, bind: { address: nameless.four, port } });
  if (!hasSix) return [four];
  try {
    const bind = { address: nameless.six, port };
    return [four, native().socketIn(path, { ...common, family: 6, v6only: true, bind })];
  } catch (error) {
    closeFd(four);
    throw error;
  }
}
