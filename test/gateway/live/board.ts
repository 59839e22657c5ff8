import type { Explanation } from '../../../agent/api/items.js';
import { type House, type Life, Site } from '../../agent/site.js';
import { castOf, pods } from '../cast.js';
import type { Row } from '../row.js';
import { type Answer, Client } from './client.js';
import { Marker, markerService } from './marker.js';
import { Origin } from './origin.js';

const port = 9080;

/** What the access log says of one request. */
export interface Logged {
  readonly user_agent: string | null;
  readonly route_name: string | null;
  readonly upstream_cluster: string | null;
  readonly response_code: number;
}

/** The cast of the table (cast.ts) around a running agent with one worker: its clients in namespaces of their own, a client outside of the mesh, and backends wherever somebody may ask them. */
export class Board {
  readonly site: Site;
  readonly #clients = new Map<string, Client>();
  readonly #outside: Client;
  readonly #origins: Origin[] = [];
  readonly #marker: Marker;

  private constructor(site: Site, houses: ReadonlyMap<string, House>) {
    this.site = site;
    for (const [pod, { path }] of houses) {
      this.#clients.set(pod, new Client({ netns: path, cgroup: site.cgroup }));
      this.#origins.push(new Origin({ netns: path }));
    }
    this.#marker = new Marker(this.#clients.get('default/client')!);
    this.#outside = new Client({ netns: site.node!.path });
    this.#origins.push(new Origin({ netns: site.node!.path }));
  }

  static async open(life: Life): Promise<Board> {
    const site = Site.make(life, { isolated: true, options: ['--workers', '1', '--access-log'] });
    const clients = pods.map(({ namespace, name }) => `${namespace}/${name}`).filter((pod) => !isBackend(pod));
    const houses = new Map(clients.map((pod) => [pod, site.house()]));
    const board = new Board(site, houses);
    life.teardown(async () => {
      for (const peer of [...board.#clients.values(), board.#outside, ...board.#origins]) await peer.kill();
    });
    const backends = pods.filter(({ namespace, name }) => isBackend(`${namespace}/${name}`));
    for (const origin of board.#origins) {
      for (const { name, address } of backends) await origin.listen(address, port, name === 'calls' ? 'h2c' : 'http');
    }
    const cast = castOf((pod) => houses.get(pod)?.name ?? '');
    site.writeText('cast.yaml', [cast, markerService].join('---\n'));
    await site.agent.start();
    return board;
  }

  /** Makes these the rules, beside the cast's, and waits until the worker goes by them. */
  async show(manifests: string): Promise<void> {
    await this.#marker.show(this.site, manifests);
  }

  /** One request of a row. `name`: its user-agent, which finds it in the access log. */
  ask(row: Row, name: string): Promise<Answer> {
    return this.#asking(row).ask({ ...askOf(row), headers: { ...askOf(row).headers, 'user-agent': name } });
  }

  /** How many of so many requests of a row each backend answered, or the gateway with which status. */
  spread(row: Row, times: number): Promise<Readonly<Record<string, number>>> {
    return this.#asking(row).spread(askOf(row), times);
  }

  explain({ from = 'default/client', to, request }: Row): Promise<Explanation> {
    const { method = 'GET', path = '/', headers = {} } = request ?? {};
    const lines = Object.entries(headers).map(([name, value]) => ({ name, value }));
    return this.site.agent.call('POST', '/v1/explain', { from, to, method, path, headers: lines });
  }

  /** The access log, by user-agent. */
  logged(): ReadonlyMap<string, Logged> {
    const lines = this.site.agent.log.split('\n').filter((line) => line.startsWith('{"start_time"'));
    const all = lines.map((line) => JSON.parse(line) as Logged);
    return new Map(all.map((each) => [each.user_agent ?? '', each]));
  }

  #asking({ from = 'default/client', ingress }: Row): Client {
    return ingress === undefined ? this.#clients.get(from)! : this.#outside;
  }
}

function isBackend(pod: string): boolean {
  return !pod.endsWith('/client') && !pod.endsWith('/visitor');
}

/** Where the cast's Services are. */
const addresses: Readonly<Record<string, string>> = {
  reviews: '10.96.0.1',
  ratings: '10.96.0.2',
  details: '10.96.0.3',
  multi: '10.96.0.4',
  database: '10.96.0.5',
  quiet: '10.96.0.6',
  calls: '10.96.0.7',
  hinted: '10.96.0.8',
  spare: '10.96.0.9',
};

function askOf({ to, ingress, request }: Row) {
  const { method = 'GET', path = '/', headers = {} } = request ?? {};
  const [host = '', servicePort] = to.split(':');
  const place =
    ingress === undefined
      ? { address: addresses[host.split('.')[0]!]!, port: Number(servicePort) }
      : { address: '127.0.0.1', port: ingress };
  return { ...place, method, path, headers: { host: to, ...headers }, h2c: isGrpc({ request }) };
}

export function isGrpc({ request }: Pick<Row, 'request'>): boolean {
  return request?.headers?.['content-type']?.startsWith('application/grpc') === true;
}

/** `ADDRESS:PORT` of the backends of a cluster of the cast, by its key. */
export function backendsOf(cluster: string): readonly string[] {
  const [host = '', subset] = cluster.split('|');
  const [name = '', namespace] = host.split('.');
  const app = name === 'spare' ? 'reviews' : name;
  return pods
    .filter(
      (pod) =>
        pod.namespace === namespace &&
        pod.labels.split(', ').includes(`app: ${app}`) &&
        (subset === undefined || pod.labels.includes(`version: ${subset}`)),
    )
    .map(({ address }) => `${address}:${port}`);
}
