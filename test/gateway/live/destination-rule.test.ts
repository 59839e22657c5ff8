import type { Explanation } from '../../../agent/api/items.js';
import { eventually } from '../../agent/site.js';
import { kernelTest } from '../../kernel-test.js';
import type { Ask, Client } from './client.js';
import type { Echo } from './origin.js';
import { backend, destinationRule, openShop, reached, shop, toShop, virtualService } from './shop.js';

const all = [1, 2, 3, 4].map(backend);

/** The backends that each of these requests reached, asked several times. */
async function backendsFor(client: Client, requests: readonly Parameters<Client['ask']>[0][]): Promise<string[][]> {
  const found: string[][] = [];
  for (const request of requests) found.push([...reached(await client.spread(request, 8))]);
  return found;
}

kernelTest('loadBalancer.simple', async (t) => {
  const { client, origin, show } = await openShop(t);
  await show(destinationRule('trafficPolicy: { loadBalancer: { simple: ROUND_ROBIN } }'));
  t.deepEqual(await client.spread(toShop, 40), Object.fromEntries(all.map((each) => [each, 10])));
  for (const simple of ['LEAST_REQUEST', 'RANDOM', 'LEAST_CONN']) {
    await show(destinationRule(`trafficPolicy: { loadBalancer: { simple: ${simple} } }`));
    t.deepEqual(reached(await client.spread(toShop, 200)), all, simple);
  }
  await origin.listen(shop, 80);
  await show(destinationRule('trafficPolicy: { loadBalancer: { simple: PASSTHROUGH } }'));
  t.deepEqual(reached(await client.spread(toShop, 8)), [`${shop}:80`]);
});

kernelTest('loadBalancer.consistentHash: one value, one backend', async (t) => {
  const { client, show, site } = await openShop(t);
  /** Where `weft explain` says that a request goes. */
  const explainedTo = async ({ headers = {}, path = '/' }: Ask): Promise<readonly string[]> => {
    const { candidates } = await site.agent.call<Explanation>('POST', '/v1/explain', {
      from: 'default/client',
      to: 'shop:80',
      path,
      headers: Object.entries(headers).map(([name, value]) => ({ name, value })),
    });
    return candidates.filter(({ probability }) => probability > 0).map(({ address }) => address);
  };
  const users = Array.from({ length: 16 }, (_, index) => `user-${index}`);
  const named = (key: string) => (user: string) => ({ ...toShop, headers: { ...toShop.headers, [key]: user } });
  for (const algorithm of ['', ', maglev: { tableSize: 5003 }', ', ringHash: { minimumRingSize: 1024 }']) {
    await show(
      destinationRule(`trafficPolicy: { loadBalancer: { consistentHash: { httpHeaderName: x-user${algorithm} } } }`),
    );
    const found = await backendsFor(client, users.map(named('x-user')));
    t.true(
      found.every((each) => each.length === 1),
      `${algorithm} ${JSON.stringify(found)}`,
    );
    t.true(new Set(found.flat()).size > 1, algorithm);
    t.deepEqual(await Promise.all(users.map((user) => explainedTo(named('x-user')(user)))), found, algorithm);
    const other = await client.spread(named('x-other')('user-1'), 64);
    t.true(reached(other).length > 1, 'requests without the header are spread');
  }
  await show(destinationRule('trafficPolicy: { loadBalancer: { consistentHash: { httpQueryParameterName: user } } }'));
  const queries = await backendsFor(
    client,
    users.map((user) => ({ ...toShop, path: `/?user=${user}` })),
  );
  t.true(queries.every((each) => each.length === 1));
  t.true(new Set(queries.flat()).size > 1);
  t.deepEqual(await Promise.all(users.map((user) => explainedTo({ ...toShop, path: `/?user=${user}` }))), queries);
  await show(destinationRule('trafficPolicy: { loadBalancer: { consistentHash: { useSourceIp: true } } }'));
  const own = reached(await client.spread(toShop, 32));
  t.is(own.length, 1);
  t.deepEqual(await explainedTo(toShop), own);
});

kernelTest('loadBalancer.consistentHash: a cookie is made where there is none', async (t) => {
  const { client, show } = await openShop(t);
  await show(
    destinationRule(
      'trafficPolicy: { loadBalancer: { consistentHash: { httpCookie: { name: session, path: /shop, ttl: 60s } } } }',
    ),
  );
  const backends = new Set<string>();
  for (let round = 0; round < 12; round++) {
    const first = await client.ask(toShop);
    const cookie = first.headers['set-cookie'] ?? '';
    t.regex(cookie, /^session="?[^;]+; *Max-Age=60; *Path=\/shop; *HttpOnly$/i);
    const headers = { ...toShop.headers, cookie: cookie.split(';')[0]! };
    const later = await client.ask({ ...toShop, headers });
    t.is(later.headers['set-cookie'], undefined);
    const { backend: chosen } = JSON.parse(first.body) as Echo;
    t.is((JSON.parse(later.body) as Echo).backend, chosen);
    backends.add(chosen);
  }
  t.true(backends.size > 1);
});

kernelTest('subsets and portLevelSettings have policies of their own', async (t) => {
  const { client, show } = await openShop(t);
  await show(
    [
      destinationRule(`trafficPolicy: { loadBalancer: { consistentHash: { useSourceIp: true } } }
subsets:
- { name: even, labels: { version: v2 }, trafficPolicy: { loadBalancer: { simple: ROUND_ROBIN } } }
- { name: odd, labels: { version: v1 } }`),
      virtualService(`- match: [{ uri: { prefix: /even } }]
  route: [{ destination: { host: shop, subset: even } }]
- route: [{ destination: { host: shop, subset: odd } }]`),
    ].join('---\n'),
  );
  t.deepEqual(await client.spread({ ...toShop, path: '/even' }, 20), { [backend(2)]: 10, [backend(4)]: 10 });
  const odd = reached(await client.spread(toShop, 20));
  t.is(odd.length, 1, 'the policy of the host holds for a subset that says nothing');
  t.true([backend(1), backend(3)].includes(odd[0]!));
  await show(
    destinationRule(`trafficPolicy:
  loadBalancer: { consistentHash: { useSourceIp: true } }
  portLevelSettings: [{ port: { number: 8080 }, loadBalancer: { simple: ROUND_ROBIN } }]`),
  );
  t.is(reached(await client.spread(toShop, 20)).length, 1);
  t.deepEqual(await client.spread({ ...toShop, port: 8080 }, 20), Object.fromEntries(all.map((each) => [each, 5])));
});

kernelTest('exportTo and workloadSelector: whose connections a rule is for', async (t) => {
  const { client, show, site, house } = await openShop(t);
  const bySource = 'trafficPolicy: { loadBalancer: { consistentHash: { useSourceIp: true } } }';
  const isHashed = async (): Promise<boolean> => reached(await client.spread(toShop, 64)).length === 1;
  t.false(await isHashed());
  await show(destinationRule(`${bySource}\nexportTo: ["*"]`, 'name: shop, namespace: default'));
  t.true(await isHashed());
  await show(destinationRule(`${bySource}\nexportTo: [other]`, 'name: shop, namespace: default'));
  t.false(await isHashed());
  await show(destinationRule(`${bySource}\nworkloadSelector: { matchLabels: { tier: web } }`));
  t.false(await isHashed());
  site.writeText(
    'pods.json',
    JSON.stringify({
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: {
        name: 'client',
        namespace: 'default',
        labels: { tier: 'web' },
        annotations: { 'weft.dev/netns': house.name },
      },
      spec: { containers: [] },
      status: { podIP: '10.1.255.1', podIPs: [{ ip: '10.1.255.1' }] },
    }),
  );
  await eventually(isHashed, (value) => value);
  t.true(await isHashed());
});
