import type { Manifest } from '../../agent/objects.js';
import { type House, type Life, Site, type SiteOptions } from '../../agent/site.js';
import { Client } from './client.js';
import { Marker, markerService } from './marker.js';
import { Origin } from './origin.js';

/** An agent, a captured client Pod and backends in one namespace: what it takes to see the gateway at work. */
export interface Stage {
  readonly site: Site;
  readonly house: House;
  readonly client: Client;
  readonly origin: Origin;
  /** Makes these (YAML) the rules beside the manifests, and waits until a worker goes by them: with `--workers 1`, the gateway. */
  show(manifests: string): Promise<void>;
}

/** The captured Pod that the client is in. */
export function clientPod(house: House, labels: Readonly<Record<string, string>> = {}): Manifest {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'client', namespace: 'default', labels, annotations: { 'weft.dev/netns': house.name } },
    spec: { containers: [] },
    status: { podIP: '10.1.255.1', podIPs: [{ ip: '10.1.255.1' }] },
  };
}

/** Everything of it ends with the test. The agent is ready; `manifests` may hold anything but the client Pod. */
export async function openStage(life: Life, manifests: readonly Manifest[], options: SiteOptions = {}): Promise<Stage> {
  const site = Site.make(life, options);
  const house = site.house();
  const origin = new Origin({ netns: house.path });
  const client = new Client({ netns: house.path, cgroup: site.cgroup });
  life.teardown(async () => {
    await client.kill();
    await origin.kill();
  });
  site.write('pods', [clientPod(house)]);
  site.write('mesh', manifests);
  site.writeText('marker.yaml', markerService);
  await site.agent.start();
  const marker = new Marker(client);
  return { site, house, client, origin, show: (rules) => marker.show(site, rules) };
}
