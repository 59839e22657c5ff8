import type { ExecutionContext } from 'ava';
import type { Manifest } from '../../agent/objects.js';
import { Site, type SiteOptions } from '../../agent/site.js';
import { Client } from './client.js';
import { Origin } from './origin.js';

/** An agent in a namespace of its own, where it listens for outside traffic; a client and the backends are there too. */
export interface Edge {
  readonly site: Site;
  /** Asks listeners at 127.0.0.1. */
  readonly outside: Client;
  readonly origin: Origin;
}

/** The agent is ready; its listeners are those that `manifests` and `rules` (YAML) ask for. */
export async function openEdge(
  t: ExecutionContext,
  manifests: readonly Manifest[],
  rules: string,
  options: SiteOptions = {},
): Promise<Edge> {
  t.timeout(120_000);
  const site = Site.make(t, { ...options, isolated: true });
  const place = { netns: site.node!.path };
  const outside = new Client(place);
  const origin = new Origin(place);
  t.teardown(async () => {
    await outside.kill();
    await origin.kill();
  });
  site.write('mesh', manifests);
  site.writeText('rules.yaml', rules);
  await site.agent.start();
  return { site, outside, origin };
}
