import { strict as assert } from 'node:assert';
import { mkdirSync, rmdirSync } from 'node:fs';
import { join } from 'node:path';
import type { PodItem, Status, TableItem } from '../../../agent/api/items.js';
import { cgroupRoot } from '../../../agent/kernel/cgroups.js';
import { cleanup } from '../../../agent/kernel/cleanup.js';
import { Datapath } from '../../../agent/kernel/kernel.js';
import { lockPins, removePins } from '../../../agent/kernel/pins.js';
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
      run() {
        assert.throws(() => lockPins(site.pin), /another agent uses the pin directory/);
        assert.match(cleanup({ pin: site.pin, dryRun: false }).refused ?? '', /an agent runs on/);
        const cgroup = join(site.cgroup, 'below');
        mkdirSync(cgroup);
        const { pins, release } = lockPins(`${site.pin}-second`);
        try {
          const options = { pins, cgroup, cgroupRoot: cgroupRoot()!, capacities: {}, log: () => undefined };
          assert.throws(() => Datapath.load(options), /overlaps with .*weft-guest/);
        } finally {
          removePins(pins, false);
          release();
          rmdirSync(cgroup);
        }
        return undefined;
      },
    },
  ];
}
