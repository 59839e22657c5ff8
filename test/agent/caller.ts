import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { type Place, Program } from '../kernel/program.js';

const knowledge = readFileSync(fileURLToPath(new URL('../../../test/agent/caller.py', import.meta.url)), 'utf8');

/** Ports on which a caller answers: those of backends, and those of Services for what nobody redirects. */
const ports = [80, 81, 82, 83, 84, 85, 8080, 8081, 9090];

export type Transport = 'TCP' | 'UDP';

/** How often something arrived at each `ADDRESS:PORT`, or failed with an errno's name. */
export type Arrivals = Readonly<Record<string, number>>;

/** A program in a House. It is client and server: it tells at which address its own connections arrive. See caller.py. */
export class Caller extends Program {
  constructor(place: Place) {
    super(place);
  }

  async open(): Promise<void> {
    await this.run(knowledge);
    await this.run(`open_doors(${ports.join(', ')})`);
  }

  /** Where one connection, or one datagram of a new socket, arrives. */
  arrive(address: string, port = 80, transport: Transport = 'TCP'): Promise<string> {
    return this.run(`${wayOf(transport)}('${address}', ${port})`);
  }

  count(times: number, address: string, port = 80, transport: Transport = 'TCP'): Promise<Arrivals> {
    return this.run(`count(${wayOf(transport)}, ${times}, '${address}', ${port})`);
  }

  /** Where they arrive, one after the other. */
  sequence(times: number, address: string, port = 80, transport: Transport = 'TCP'): Promise<readonly string[]> {
    return this.run(`sequence(${wayOf(transport)}, ${times}, '${address}', ${port})`);
  }

  /** Makes connections that stay open until `letGo`. */
  async keep(times: number, address: string, port = 80): Promise<void> {
    await this.run(`keep(${times}, '${address}', ${port})`);
  }

  async letGo(): Promise<void> {
    await this.run('let_go()');
  }

  /** Sends something over a kept connection and back; `ping!` when it works. */
  exchange(index: number): Promise<string> {
    return this.run(`exchange(${index})`);
  }
}

function wayOf(transport: Transport): string {
  return transport === 'TCP' ? 'arrive' : 'drop';
}
