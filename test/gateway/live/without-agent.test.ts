import { findOrphans, markOf } from '../../../agent/kernel/orphans.js';
import { service } from '../../agent/objects.js';
import { eventually } from '../../agent/site.js';
import { kernelTest } from '../../kernel-test.js';
import { backend, openShop, shopPod, shopServices, toShop, virtualService } from './shop.js';

const rule = virtualService('- directResponse: { status: 418 }');

function strict(): ReturnType<typeof service> {
  return service('strict', {
    addresses: ['10.96.0.2'],
    annotations: { 'weft.dev/l7': 'enabled', 'weft.dev/when-agent-down': 'closed' },
    spec: { selector: { app: 'shop' } },
    ports: [{ name: 'http', port: 80, targetPort: 8080 }],
  });
}

kernelTest(
  'without an agent workers serve on; after 3 s new connections are bypassed or closed as the Service says',
  async (t) => {
    const { client, show, site } = await openShop(t, 1);
    site.write('mesh', [...shopServices(), shopPod(1), strict()]);
    await show(rule);
    const toStrict = { address: '10.96.0.2', port: 80 };
    await eventually(
      () => client.ask(toStrict),
      ({ status }) => status === 200,
    );
    t.is((await client.ask(toShop)).status, 418);

    // The heartbeat, of every second, is stale after 3 s.
    const killed = performance.now();
    await site.agent.kill();
    const { status } = await client.ask(toShop);
    const tookMs = performance.now() - killed;
    if (tookMs < 2_000) t.is(status, 418, 'workers serve on');
    else t.log(`too late to see that workers serve on: ${Math.round(tookMs)} ms`);
    await eventually(
      () => client.ask(toShop),
      ({ body }) => body.includes(backend(1)) && !body.includes('x-envoy-attempt-count'),
      10_000,
    );
    await eventually(
      () => client.ask(toStrict),
      ({ error }) => error === 'ECONNREFUSED',
      10_000,
    );
    t.true(findOrphans(markOf(site.pin), new Set()).length > 0, 'connections of before have their workers still');

    await site.agent.start();
    await eventually(
      () => client.ask(toShop),
      ({ status }) => status === 418,
    );
    await eventually(
      () => client.ask(toStrict),
      ({ status }) => status === 200,
    );
    t.pass();
  },
);
