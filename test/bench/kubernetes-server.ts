import { writeFileSync } from 'node:fs';
import { ApiServer } from '../../agent/demo/kubernetes/api-server.js';
import { type ClusterSize, clusterObjects, sliceOf } from './kubernetes-mesh.js';

/*
 * The API server of the bench, a process of its own so that its work is not the agent's nor the prober's. It is told what to do by
 * messages and answers with messages: `kubernetes-server.js SETTINGS`.
 */

export interface ServerSettings {
  readonly size: ClusterSize;
  readonly folder: string;
  readonly kubeconfig: string;
}

/** Changes of endpoints' readiness, `rate` a second for `seconds`; each `probeMs` one that is looked for in the tables. */
export interface Churn {
  readonly rate: number;
  readonly seconds: number;
  readonly probeMs: number;
  /** The first so many Services are changed by probes alone. */
  readonly probed: number;
}

export type ServerMessage =
  | { readonly kind: 'listening' }
  /** `at`: CLOCK_MONOTONIC in ns, taken before the event was written; `ready`: how many of the Service's endpoints are ready from then on. */
  | { readonly kind: 'probe'; readonly service: number; readonly at: number; readonly ready: number }
  /** `ready`: of each Service, which of its endpoints are ready at the end. */
  | {
      readonly kind: 'churned';
      readonly changes: number;
      readonly ms: number;
      readonly ready: readonly (readonly boolean[])[];
    };

const say = (message: ServerMessage): void => void process.send?.(message);

/** A sequence that is the same in each run: xorshift32, from 0 to 1. */
function sequence(): () => number {
  let state = 0x9e3779b9;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) / 2 ** 32;
  };
}

class Cluster {
  readonly #size: ClusterSize;
  readonly #server: ApiServer;
  readonly #ready: boolean[][];
  readonly #random = sequence();
  #changes = 0;
  #probes = 0;

  constructor(size: ClusterSize, server: ApiServer) {
    this.#size = size;
    this.#server = server;
    this.#ready = Array.from({ length: size.services }, () => Array<boolean>(size.endpoints).fill(true));
  }

  #write(service: number): void {
    this.#changes++;
    const ready = this.#ready[service]!;
    this.#server.apply(sliceOf(service, this.#size, (endpoint) => ready[endpoint]!, new Date().toISOString()));
  }

  /** One endpoint is ready that was not, or the reverse; one stays ready always. */
  #change(probed: number): void {
    const service = probed + Math.floor(this.#random() * (this.#size.services - probed));
    const endpoint = 1 + Math.floor(this.#random() * (this.#size.endpoints - 1));
    this.#ready[service]![endpoint] = !this.#ready[service]![endpoint];
    this.#write(service);
  }

  /** Another number of endpoints than at the last probe of the Service. */
  #probe(probed: number): void {
    const service = this.#probes % probed;
    const round = Math.floor(this.#probes / probed) + 1;
    this.#probes++;
    const ready = 1 + ((round * 3) % this.#size.endpoints);
    this.#ready[service] = this.#ready[service]!.map((_, endpoint) => endpoint < ready);
    const at = Number(process.hrtime.bigint());
    this.#write(service);
    say({ kind: 'probe', service, at, ready });
  }

  churn({ rate, seconds, probeMs, probed }: Churn): void {
    const began = performance.now();
    const changed = this.#changes;
    let probes = 0;
    const timer = setInterval(() => {
      const passed = Math.min(performance.now() - began, seconds * 1000);
      const due = Math.floor((passed * rate) / 1000);
      while (this.#changes - changed < due) {
        if (probes * probeMs <= passed) {
          this.#probe(probed);
          probes++;
        } else this.#change(probed);
      }
      if (passed < seconds * 1000) return;
      clearInterval(timer);
      say({ kind: 'churned', changes: this.#changes - changed, ms: performance.now() - began, ready: this.#ready });
    }, 2);
  }
}

const { size, folder, kubeconfig } = JSON.parse(process.argv[2] ?? '') as ServerSettings;
const server = new ApiServer({ folder });
for (const object of clusterObjects(size)) server.apply(object);
const cluster = new Cluster(size, server);
process.on('message', (churn: Churn) => cluster.churn(churn));
process.once('disconnect', () => process.exit(0));
await server.listen();
writeFileSync(kubeconfig, server.kubeconfig(), { mode: 0o600 });
say({ kind: 'listening' });
