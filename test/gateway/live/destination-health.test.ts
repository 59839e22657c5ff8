import type { Explanation } from '../../../agent/api/items.js';
import { eventually } from '../../agent/site.js';
import { kernelTest } from '../../kernel-test.js';
import { backend, destinationRule, openShop, reached, shopPod, shopServices, toShop } from './shop.js';

const all = [1, 2, 3, 4].map(backend);

kernelTest('localityLbSetting: distribute', async (t) => {
  const { client, show } = await openShop(t);
  await show(
    destinationRule(`trafficPolicy:
  loadBalancer:
    simple: ROUND_ROBIN
    localityLbSetting:
      enabled: true
      distribute:
      - { from: "land/east/*", to: { "land/east/*": 20, "land/west/*": 80 } }`),
  );
  const counts = await client.spread(toShop, 200);
  t.deepEqual(reached(counts), [backend(1), backend(2), backend(3)]);
  t.true(Math.abs(counts[backend(3)]! / 200 - 0.8) < 0.15, JSON.stringify(counts));
});

kernelTest('localityLbSetting: failover leaves the zone only where nobody in it is healthy', async (t) => {
  const { client, origin, show } = await openShop(t);
  await show(
    destinationRule(`trafficPolicy:
  loadBalancer: { simple: ROUND_ROBIN, localityLbSetting: { enabled: true } }
  outlierDetection: { consecutive5xxErrors: 2, interval: 1s, baseEjectionTime: 60s, maxEjectionPercent: 100 }`),
  );
  t.deepEqual(reached(await client.spread(toShop, 40)), [backend(1), backend(2)]);
  await origin.behave('10.1.0.1', 8080, { status: 500 });
  await origin.behave('10.1.0.2', 8080, { status: 500 });
  await client.spread(toShop, 20);
  await eventually(
    async () => reached(await client.spread(toShop, 16)),
    (found) => found.every((each) => each === backend(3) || each === backend(4)),
  );
  t.pass();
});

kernelTest('outlierDetection ejects and takes back', async (t) => {
  const { client, origin, show, site } = await openShop(t);
  await show(
    destinationRule(`trafficPolicy:
  loadBalancer: { simple: ROUND_ROBIN }
  outlierDetection: { consecutive5xxErrors: 3, interval: 500ms, baseEjectionTime: 5s, maxEjectionPercent: 50 }`),
  );
  await origin.behave('10.1.0.2', 8080, { status: 500 });
  await eventually(
    async () => reached(await client.spread(toShop, 16)),
    (found) => found.length === 3 && !found.includes(backend(2)),
  );
  const explained = async (): Promise<string | undefined> => {
    const asked = { from: 'default/client', to: 'shop:80', path: '/' };
    const { candidates } = await site.agent.call<Explanation>('POST', '/v1/explain', asked);
    return candidates.find((each) => each.backend === 'default/shop-2')?.state;
  };
  await eventually(
    async () => {
      await client.spread(toShop, 16); // it fails still, and is ejected again after each ejection
      return explained();
    },
    (state) => state === 'ejected',
  );
  await eventually(explained, (state) => state === 'ready', 60_000);
  await eventually(
    () => site.agent.scrape(),
    (text) => /^weft_gateway_backend_ejected\{.*shop-2"\} 0$/m.test(text),
  );
  await origin.behave('10.1.0.2', 8080, {});
  await eventually(
    async () => reached(await client.spread(toShop, 16)),
    (found) => found.includes(backend(2)),
    60_000,
  );
  t.pass();
});

kernelTest('warmup: a new backend begins with little', async (t) => {
  const { client, origin, show, site } = await openShop(t, 3);
  await show(
    destinationRule(`trafficPolicy:
  loadBalancer: { simple: ROUND_ROBIN, warmup: { duration: 600s, minimumPercent: 10, aggression: 1 } }`),
  );
  t.deepEqual(reached(await client.spread(toShop, 30)), all.slice(0, 3));
  await origin.listen('10.1.0.4', 8080);
  site.write('mesh', [...shopServices(), ...[1, 2, 3, 4].map(shopPod)]);
  await eventually(
    async () => reached(await client.spread(toShop, 40)),
    (found) => found.includes(backend(4)),
  );
  const counts = await client.spread(toShop, 310);
  const [old, young] = [counts[backend(1)]!, counts[backend(4)] ?? 0];
  t.true(young > 0 && young < old / 4, JSON.stringify(counts));
});

kernelTest('connectionPool: what does not fit gets 503 with the flag UO', async (t) => {
  const { client, origin, show, site } = await openShop(t, 1, { options: ['--access-log'] });
  await origin.behave('10.1.0.1', 8080, { delayMs: 300 });
  await show(
    destinationRule(`trafficPolicy:
  connectionPool:
    tcp: { maxConnections: 1 }
    http: { http1MaxPendingRequests: 1, maxRetries: 0 }`),
  );
  const crowd = await client.spread(toShop, 16);
  t.true((crowd['503'] ?? 0) > 0 && (crowd[backend(1)] ?? 0) > 0, JSON.stringify(crowd));
  await eventually(
    () => site.agent.log,
    (log) => log.includes('"response_code":503,"response_flags":"UO"'),
  );
  await show(destinationRule('trafficPolicy: { connectionPool: { tcp: { maxConnections: 100 } } }'));
  t.deepEqual(await client.spread(toShop, 16), { [backend(1)]: 16 });
  await origin.behave('10.1.0.1', 8080, {});
  await origin.taken('10.1.0.1', 8080);
  await show(destinationRule('trafficPolicy: { connectionPool: { http: { maxRequestsPerConnection: 1 } } }'));
  await client.spread(toShop, 12);
  const each = await origin.taken('10.1.0.1', 8080);
  t.is(new Set(each.map(({ connection }) => connection)).size, 12);
  await show(destinationRule('trafficPolicy: { connectionPool: { tcp: { maxConnections: 1 } } }'));
  await client.spread(toShop, 12);
  const shared = await origin.taken('10.1.0.1', 8080);
  t.is(new Set(shared.map(({ connection }) => connection)).size, 1);
});

kernelTest('connectionPool: http2MaxRequests and idleTimeout', async (t) => {
  const { client, origin, show } = await openShop(t, 1);
  await origin.behave('10.1.0.1', 8080, { delayMs: 300 });
  await show(destinationRule('trafficPolicy: { connectionPool: { http: { http2MaxRequests: 2, maxRetries: 0 } } }'));
  const crowd = await client.spread(toShop, 16);
  t.true((crowd['503'] ?? 0) > 0 && (crowd[backend(1)] ?? 0) > 0, JSON.stringify(crowd));
  await origin.behave('10.1.0.1', 8080, {});
  const connectionsOf = async (): Promise<number> => {
    await origin.taken('10.1.0.1', 8080);
    for (let round = 0; round < 2; round++) {
      await client.ask(toShop);
      await new Promise((resolve) => setTimeout(resolve, 1500));
    }
    const taken = await origin.taken('10.1.0.1', 8080);
    t.is(taken.length, 2);
    return new Set(taken.map(({ connection }) => connection)).size;
  };
  await show(destinationRule('trafficPolicy: { connectionPool: { http: { idleTimeout: 500ms } } }'));
  t.is(await connectionsOf(), 2, 'an idle connection is closed');
  await show(destinationRule('trafficPolicy: { connectionPool: { http: { idleTimeout: 60s } } }'));
  t.is(await connectionsOf(), 1);
});
