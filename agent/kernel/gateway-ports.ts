import { viewOf } from '../tables/bytes.js';
import { GatewayListenerKeySize, readGatewayListenerKey, writeGatewayListenerKey } from '../tables/layout.gen.js';
import type { NativeMap } from './native.js';

/** Above what Linux gives to connections by itself (net.ipv4.ip_local_port_range ends at 60999), up to the last port. */
const firstPort = 61_000;
const lastPort = 65_535;

/**
 * The table `gateway_listeners`, and who has which port: a port is given to one namespace at a time, so that it is enough to find the
 * listener. The kernel takes out a listener that nobody has any more, so what is there is served, by an earlier agent's workers too.
 */
export class GatewayPorts {
  readonly #map: NativeMap;
  readonly #taken = new Set<number>();
  #next = firstPort;

  constructor(map: NativeMap) {
    this.#map = map;
  }

  /** Gives a free port; `refused`: ports that the namespace does not give. Undefined when none is left. */
  take(refused: ReadonlySet<number>): number | undefined {
    const served = this.#served();
    for (let tries = firstPort; tries <= lastPort; tries++) {
      const port = this.#next;
      this.#next = port === lastPort ? firstPort : port + 1;
      if (this.#taken.has(port) || refused.has(port) || served.has(port)) continue;
      this.#taken.add(port);
      return port;
    }
    return undefined;
  }

  release(port: number): void {
    this.#taken.delete(port);
  }

  /** Connections to this port of the gateway's addresses go to the listening socket `fd`. Throws NativeError. */
  publish(port: number, isSix: boolean, fd: number): void {
    const value = new Uint8Array(8);
    viewOf(value).setBigUint64(0, BigInt(fd), true);
    this.#map.put(keyOf(port, isSix), value);
  }

  /** Whether a listener of IPv4 has the port. */
  isServed(port: number): boolean {
    return this.#map.lookup(keyOf(port, false)) !== null;
  }

  #served(): ReadonlySet<number> {
    const { keys, count } = this.#map.entries();
    const view = viewOf(keys);
    return new Set(
      Array.from({ length: count }, (_, i) => readGatewayListenerKey(view, i * GatewayListenerKeySize).port),
    );
  }
}

function keyOf(port: number, isSix: boolean): Uint8Array {
  const key = new Uint8Array(GatewayListenerKeySize);
  writeGatewayListenerKey({ port, six: isSix ? 1 : 0 }, viewOf(key), 0);
  return key;
}
