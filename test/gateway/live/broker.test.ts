import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { backends, service } from '../../agent/objects.js';
import { eventually } from '../../agent/site.js';
import { kernelTest } from '../../kernel-test.js';
import { openStage } from './stage.js';

/** The broker that this agent started. */
function brokerOf(agent: number): number {
  const children = readFileSync(`/proc/${agent}/task/${agent}/children`, 'utf8').trim().split(' ').map(Number);
  const isBroker = (pid: number): boolean => {
    try {
      return readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes('weft-sockets');
    } catch {
      return false; // it is just ending
    }
  };
  return children.find(isBroker) ?? 0;
}

kernelTest('a broker that was killed is replaced, and workers reach backends again', async (t) => {
  const { client, origin, site } = await openStage(t, [
    service('shop', {
      addresses: ['10.96.0.1'],
      ports: [{ name: 'http', port: 80, targetPort: 8080 }],
      annotations: { 'weft.dev/l7': 'enabled' },
    }),
    ...backends('shop', ['10.1.0.1']),
  ]);
  await origin.listen('10.1.0.1', 8080);
  const ask = { address: '10.96.0.1', port: 80 };
  t.is((await client.ask(ask)).status, 200);
  const before = brokerOf(site.agent.pid);
  t.true(before > 0);
  execFileSync('kill', ['-9', String(before)]);
  await eventually(
    () => brokerOf(site.agent.pid),
    (pid) => pid > 0 && pid !== before,
  );
  // Connections of before are gone, so that each worker needs sockets of the new broker.
  await origin.close('10.1.0.1', 8080);
  await origin.listen('10.1.0.1', 8080);
  await eventually(
    () => client.spread(ask, 40),
    (counts) => counts['10.1.0.1:8080'] === 40,
  );
  t.pass();
});
