import { createServer, type Server } from 'node:net';
import { GatewayListeners } from '../../agent/kernel/gateway-listeners.js';
import { native } from '../../agent/kernel/native.js';
import type { Captured } from '../../agent/kernel/pods.js';
import { PodRowSize } from '../../agent/tables/layout.gen.js';
import type { Pod, World } from './world.js';

/** The listener's address of a Service, by its id. */
export function gatewayAddress(family: 4 | 6, service: number): string {
  return family === 4 ? `127.128.${service >> 8}.${service & 255}` : `fd77:6566:7400::${service.toString(16)}`;
}

/** The gateway's side of a world: listeners in pods, accepted from here. Greets with the local address and port, then ends. */
export class Gateway {
  readonly listeners: GatewayListeners;
  readonly #world: World;
  readonly #pods = new Map<string, { readonly pod: Pod; readonly addresses: readonly string[] }>();
  readonly #servers = new Map<string, readonly Server[]>();

  constructor(world: World) {
    this.#world = world;
    const { datapath, pins } = world;
    this.listeners = new GatewayListeners({
      listeners: datapath.maps.get('gateway_listeners')!,
      pins,
      admission: datapath.admission,
      pods: { setGatewayPort: (key, port, hasSix) => this.#lead(key, port, hasSix) },
    });
  }

  /** Opens listeners in these pods alone, and serves them: the key is the pod's name. */
  async open(
    pods: Readonly<Record<string, { readonly pod: Pod; readonly addresses: readonly string[] }>>,
  ): Promise<void> {
    for (const [name, each] of Object.entries(pods)) this.#pods.set(name, each);
    const { opened, closed } = this.listeners.refresh(
      Object.entries(pods).map(([name, { pod }]) => capturedOf(name, pod)),
    );
    for (const { pod } of closed) this.#close(pod);
    for (const { pod, fds } of opened) {
      this.#servers.set(pod, await Promise.all(duplicates(fds).map(serve)));
      this.listeners.announce(pod);
    }
  }

  portOf(pod: string): number {
    return [...this.listeners.all()].find((each) => each.pod === pod)!.port;
  }

  close(): void {
    for (const pod of [...this.#servers.keys()]) this.#close(pod);
    this.listeners.close();
  }

  #close(pod: string): void {
    for (const server of this.#servers.get(pod) ?? []) server.close();
    this.#servers.delete(pod);
  }

  #lead(key: string, gatewayPort: number, hasSix: boolean): boolean {
    const { pod, addresses } = this.#pods.get(key)!;
    this.#world.enrol(pod, addresses, { gatewayPort, gatewaySix: hasSix ? 1 : 0 });
    return true;
  }
}

/** What a worker gets: descriptors of its own. */
export function duplicates(fds: readonly number[]): readonly number[] {
  const [here, there] = native().socketPair();
  native().sendDescriptors(here, Uint8Array.of(1), fds);
  const received = native().receiveDescriptors(there, 1, 1000)!;
  for (const end of [here, there]) native().closeFd(end);
  return received.fds;
}

async function serve(fd: number): Promise<Server> {
  const server = createServer((socket) => {
    socket.on('error', () => undefined);
    socket.end(`${socket.localAddress} ${socket.localPort}\n`);
  });
  await new Promise<void>((resolve, reject) => server.once('error', reject).listen({ fd }, resolve));
  return server;
}

export function capturedOf(name: string, { id, netns, cookie }: Pod): Captured {
  return { pod: name, id, netns: cookie, path: netns, row: new Uint8Array(PodRowSize) };
}
