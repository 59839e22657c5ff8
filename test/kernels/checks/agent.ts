import { strict as assert } from 'node:assert';
import { mkdirSync, rmdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { PodItem, Status, TableItem } from '../../../agent/api/items.js';
import { systemClock } from '../../../agent/clock.js';
import type { Config } from '../../../agent/config.js';
import { cleanup } from '../../../agent/kernel/cleanup.js';
import { features } from '../../../agent/kernel/probe.js';
import type { Check } from '../check.js';
import type { Site } from '../site.js';

/** Starting, and who may not start beside it. */
export function agentChecks(site: Site): readonly Check[] {
  return [
    {
      name: 'the agent loads, attaches, and its canary is redirected',
      async run(report) {
        report.measure('agent ready after', Math.round(await site.open()), 'ms');
        const status = await site.agent.call<Status>('GET', '/v1/status');
        assert.equal(status.ready, true);
        assert.deepEqual([status.errors, status.held, status.drift], [0, 0, 0]);
        const { setRetval, netnsCookie } = features();
        report.fact('bpf_set_retval in sock_addr programs', setRetval ? 'yes' : 'no');
        report.fact('namespace cookies from', netnsCookie ? 'SO_NETNS_COOKIE' : 'a program, by a child process');
      },
    },
    {
      name: 'Pods are captured by the cookies of their namespaces',
      async run() {
        const pods = (await site.agent.items<PodItem>('pods')).filter(({ netns }) => netns !== '');
        assert.deepEqual(
          pods.map(({ pod, captured, why }) => [pod, captured, why]),
          [
            ['default/client', true, ''],
            ['default/other', true, ''],
          ],
        );
        const rows = await site.agent.items<TableItem>('tables?table=pods');
        assert.equal(rows.length, 2);
        assert.deepEqual(
          rows.filter(({ drift }) => drift),
          [],
        );
      },
    },
    {
      name: 'a second agent on the pin directory, or on an overlapping cgroup, refuses, and so does cleanup',
      async run() {
        await refuses(configBeside(site, {}), /another agent uses the pin directory/);
        const below = join(site.cgroup, 'below');
        const pin = `${site.pin}-second`;
        mkdirSync(below);
        try {
          await refuses(configBeside(site, { cgroup: below, pin }), /overlaps with .*weft-guest/);
        } finally {
          rmSync(pin, { recursive: true, force: true });
          rmdirSync(below);
        }
        assert.match(cleanup({ pin: site.pin, dryRun: false }).refused ?? '', /an agent runs on/);
      },
    },
  ];
}

async function refuses(config: Config, why: RegExp): Promise<void> {
  const [{ startAgent }, { makeLog }] = await Promise.all([
    import('../../../agent/agent.js'),
    import('../../../agent/log.js'),
  ]);
  await assert.rejects(
    startAgent(config, { clock: systemClock, log: makeLog('error', systemClock, process.stderr, false) }),
    why,
  );
}

function configBeside(site: Site, differences: Partial<Config>): Config {
  return {
    manifests: [site.manifests],
    node: 'guest',
    cgroup: site.cgroup,
    pin: site.pin,
    api: { type: 'unix', path: join(site.directory, 'second.sock') },
    apiTokenFile: '',
    apiGroup: undefined,
    metrics: { type: 'tcp', host: '127.0.0.1', port: 0 },
    gatewayLabels: {},
    workers: 1,
    acceleration: 'off',
    logLevel: 'error',
    capacities: new Map(),
    ...differences,
  };
}
