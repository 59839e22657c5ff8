import { strict as assert } from 'node:assert';
import { execFile } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { ServiceItem, TableItem } from '../../../agent/api/items.js';
import { native } from '../../../agent/kernel/native.js';
import type { Check } from '../check.js';
import { addresses, leaver, web } from '../mesh.js';
import type { Site } from '../site.js';
import { errorsOf, inflight } from './tcp.js';

const main = fileURLToPath(new URL('../../../agent/main.js', import.meta.url));
const run = promisify(execFile);

/** What a new start must find again: ids, slots, Pods and overrides. */
const lasting = ['backends', 'frontends', 'overrides', 'pods', 'slots'] as const;

/** Death and return of the agent, of a backend, and the end. To be run last. */
export function lifecycleChecks(site: Site): readonly Check[] {
  return [
    {
      name: 'kill -9 of the agent and a new start: no failed connect, the same ids, slots and weights, connections go on',
      async run(report) {
        const { agent, client } = site;
        const before = await tables(site);
        await client.run('hold', 3, addresses.leastRequest);
        await client.run('startStorm', addresses.roundRobin.four);
        assert.equal(await agent.end('SIGKILL'), 'SIGKILL');
        assert.equal(await client.run('exchange'), 3);
        report.measure('agent ready again after', Math.round(await agent.start()), 'ms');
        const { calls, errors } = await client.run('endStorm');
        assert.deepEqual(errors, []);
        assert.ok(calls >= 10, `${calls} calls`);
        report.measure('connects without and through the start of an agent', calls, 'connections');
        assert.equal(await client.run('exchange'), 3);
        assert.deepEqual(await inflight(site), [1, 1, 1]);
        await client.run('release');
        assert.deepEqual(await tables(site), before);
        const services = await agent.items<ServiceItem>('services');
        assert.deepEqual(
          Object.values(services.find(({ service }) => service === 'default/round-robin')!.weights),
          [5, 3, 2],
        );
      },
    },
    {
      name: 'a backend removed: connected UDP sockets end, and TCP connections where the Service says reset',
      async run(report) {
        const { client } = site;
        const { backend } = await client.run('askConnected', addresses.leaver);
        assert.equal(backend, leaver);
        assert.deepEqual(await client.run('hold', 1, addresses.leaver), [leaver]);
        site.describe(false);
        report.fact('connected UDP of a removed backend', `${await client.run('datagramsBroken')} (SOCK_DESTROY)`);
        report.fact('TCP of a removed backend, on-removal: reset', `${await client.run('broken')} (SOCK_DESTROY)`);
        const [after] = await client.run('call', 1, addresses.leaver);
        assert.equal(after!.error, 'ECONNREFUSED');
      },
    },
    {
      name: 'SIGTERM leaves the pins, so that redirection goes on; cleanup leaves nothing',
      async run() {
        const { agent, client, cgroup, pin } = site;
        assert.equal(await agent.end('SIGTERM'), 0);
        const calls = await client.run('call', 3, addresses.roundRobin.six);
        assert.deepEqual(errorsOf(calls), []);
        assert.ok(calls.every(({ backend }) => web.some(({ six }) => six === backend)));

        await run(process.execPath, [main, 'cleanup', '--pin', pin], { timeout: 60_000 });
        assert.equal(existsSync(pin), false);
        assert.deepEqual(
          readdirSync(cgroup, { withFileTypes: true })
            .filter((entry) => entry.isDirectory())
            .map(({ name }) => name),
          ['client'],
        );
        assert.deepEqual(
          native()
            .cgroupLinks()
            .filter(({ programName }) => programName.startsWith('weft_')),
          [],
        );
        const [bare] = await client.run('call', 1, addresses.roundRobin.four);
        assert.equal(bare!.error, 'ENETUNREACH');
        await site.close();
      },
    },
  ];
}

/** One line a row. A backend that is gone (the canary's) may have become another. */
async function tables(site: Site): Promise<readonly string[]> {
  const items = await site.agent.items<TableItem>('tables');
  return items
    .filter(({ table, kernel }) => (lasting as readonly string[]).includes(table) && !kernel.includes(' gone '))
    .map(({ table, key, kernel }) => `${table} ${key}: ${kernel}`);
}
