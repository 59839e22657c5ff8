import { strict as assert } from 'node:assert';
import { features } from '../../../agent/kernel/probe.js';
import type { Check } from '../check.js';
import { addresses } from '../mesh.js';
import type { Refusal } from '../pod.js';
import type { Site } from '../site.js';

/** At most this many ms, under emulation, for what must not wait for any timer of the kernel: the first SYN is repeated after 1 s. */
const atOnceMs = 900;

/** A Service without usable backends refuses at once. */
export function refusalChecks(site: Site): readonly Check[] {
  return [
    {
      name: 'without a backend TCP, connected UDP and sendto are refused at once (IPv4, IPv6, IPv4-mapped)',
      async run(report) {
        const { four, six } = addresses.empty;
        const { setRetval } = features();
        for (const [family, address] of [
          ['IPv4', four],
          ['IPv6', six],
          ['IPv4-mapped', `::ffff:${four}`],
        ] as const) {
          const refusals = await site.client.run('refusals', address);
          for (const [how, refusal] of Object.entries(refusals)) {
            report.fact(`${nameOf[how as keyof typeof refusals]} refused, ${family}`, describe(refusal));
          }
          const { connected, sendto, tcp } = refusals;
          assert.equal(describe(tcp), 'ECONNREFUSED by connect', family);
          assert.equal(connected.error, 'ECONNREFUSED', family);
          if (setRetval) assert.equal(connected.step, 'connect', family);
          assert.equal(describe(sendto), `${setRetval ? 'ECONNREFUSED' : 'EPERM'} by send`, family);
          for (const [how, { milliseconds }] of Object.entries(refusals)) {
            assert.ok(milliseconds < atOnceMs, `${family}: ${how} took ${milliseconds} ms`);
          }
        }
      },
    },
  ];
}

const nameOf = { tcp: 'TCP', connected: 'connected UDP', sendto: 'unconnected UDP' } as const;

function describe({ error, step }: Refusal): string {
  return error === '' ? 'not at all' : `${error} by ${step}`;
}
