import { strict as assert } from 'node:assert';
import type { Flow } from '../../../agent/api/flow.js';
import type { BackendItem } from '../../../agent/api/items.js';
import type { Check } from '../check.js';
import { eventually } from '../eventually.js';
import { addresses, web } from '../mesh.js';
import type { Call } from '../pod.js';
import { servicePort } from '../ports.js';
import type { Site } from '../site.js';

const { roundRobin } = addresses;

/** Picks, names and counts of TCP connections. */
export function tcpChecks(site: Site): readonly Check[] {
  return [
    {
      name: 'ROUND_ROBIN of 5:3:2 is exact for IPv4, IPv6 and IPv4-mapped addresses, and getpeername names the Service',
      async run() {
        await weigh(site, 'round-robin', [5, 3, 2]);
        for (const [address, family] of [
          [roundRobin.four, 'four'],
          [roundRobin.six, 'six'],
          [`::ffff:${roundRobin.four}`, 'four'],
        ] as const) {
          const calls = await site.client.run('call', 10, address);
          assert.deepEqual(errorsOf(calls), [], address);
          assert.deepEqual([...new Set(calls.map(({ peer }) => peer))], [`${address} ${servicePort}`]);
          assert.deepEqual(
            web.map((pod) => calls.filter(({ backend }) => backend === pod[family]).length),
            [5, 3, 2],
            address,
          );
        }
      },
    },
    {
      name: 'RANDOM takes every backend but one of weight 0',
      async run() {
        await weigh(site, 'random', [1, 1, 0]);
        const calls = await site.client.run('call', 40, addresses.random);
        assert.deepEqual(errorsOf(calls), []);
        // Without one of the two: 2^-39.
        assert.deepEqual(
          [...new Set(calls.map(({ backend }) => backend))].sort(),
          web.slice(0, 2).map(({ four }) => four),
        );
      },
    },
    {
      name: 'LEAST_REQUEST evens out connections in flight, which return to 0',
      async run() {
        const backends = await site.client.run('hold', 6, addresses.leastRequest);
        assert.deepEqual(
          web.map(({ four }) => backends.filter((each) => each === four).length),
          [2, 2, 2],
        );
        assert.deepEqual(await inflight(site), [2, 2, 2]);
        await site.client.run('release');
        await eventually(
          () => inflight(site),
          (counts) => counts.every((count) => count === 0),
        );
      },
    },
    {
      name: 'flows tell of opens and closes, with bytes',
      async run() {
        const flows = await eventually(
          () => site.agent.records<Flow>('/v1/flows?service=default/least-request&limit=100'),
          (records) => records.filter(({ event }) => event === 'close').length >= 6,
        );
        const of = (event: Flow['event']): readonly Flow[] => flows.filter((flow) => flow.event === event);
        assert.equal(of('open').length, 6);
        assert.equal(of('close').length, 6);
        for (const flow of flows) {
          assert.deepEqual([flow.from, flow.serviceAddress], ['default/client', addresses.leastRequest]);
          assert.ok(web.some(({ name, four }) => name === flow.backend && four === flow.backendAddress));
        }
        // The greeting: the backend's address and a newline.
        for (const { backendAddress, receivedBytes, sentBytes } of of('close')) {
          assert.deepEqual([receivedBytes, sentBytes], [backendAddress.length + 1, 0]);
        }
      },
    },
  ];
}

/** Sets the weights of a Service's backends, in the order of {@link web}. */
async function weigh(site: Site, service: string, weights: readonly number[]): Promise<void> {
  const byName = Object.fromEntries(web.map(({ name }, index) => [name, weights[index]]));
  await site.agent.call('PUT', `/v1/services/default/${service}/weights`, { weights: byName });
}

/** Connections in flight of the LEAST_REQUEST Service, in the order of {@link web}. */
export async function inflight(site: Site): Promise<readonly number[]> {
  const items = await site.agent.items<BackendItem>('backends?service=default/least-request');
  return web.map(({ name }) => items.find(({ backend }) => backend === name)!.inflight);
}

export function errorsOf(calls: readonly Call[]): readonly string[] {
  return calls.map(({ error }) => error).filter((error) => error !== '');
}
