import { eventually } from '../../agent/site.js';
import { kernelTest } from '../../kernel-test.js';
import type { Echo } from './origin.js';
import { backend, openShop, reached, toShop, virtualService } from './shop.js';

const toAll = 'route: [{ destination: { host: shop } }]';

function headerOf({ headers }: Echo, name: string): string | undefined {
  const at = headers.findIndex((each, index) => index % 2 === 0 && each.toLowerCase() === name);
  return at < 0 ? undefined : headers[at + 1];
}

kernelTest('timeout: 504 where the backend is late, nothing where it is not', async (t) => {
  const { client, origin, show } = await openShop(t, 1);
  await show(virtualService(`- timeout: 2s\n  ${toAll}`));
  t.is((await client.ask(toShop)).status, 200);
  await origin.behave('10.1.0.1', 8080, { delayMs: 20_000 });
  const late = await client.ask(toShop);
  t.is(late.status, 504);
  t.true(late.ms >= 1900 && late.ms < 15_000, `${late.ms}`);
  await origin.behave('10.1.0.1', 8080, { delayMs: 3000 });
  await show(virtualService(`- timeout: 0s\n  ${toAll}`));
  t.is((await client.ask(toShop)).status, 200);
});

kernelTest('retries: another backend, as often as the rule says, on what it says', async (t) => {
  const { client, origin, show } = await openShop(t, 3);
  const attempts = async (): Promise<number> => {
    let all = 0;
    for (const number of [1, 2, 3]) all += (await origin.taken(`10.1.0.${number}`, 8080)).length;
    return all;
  };
  await show(virtualService(`- retries: { attempts: 2, retryOn: 5xx, backoff: 1ms }\n  ${toAll}`));
  await origin.behave('10.1.0.1', 8080, { status: 500 });
  await origin.behave('10.1.0.2', 8080, { status: 502 });
  for (let round = 0; round < 10; round++) {
    const answer = await client.ask(toShop);
    const echo = JSON.parse(answer.body) as Echo;
    t.is(answer.status, 200);
    t.is(echo.backend, backend(3), 'previous backends are ignored');
  }
  await attempts();
  await origin.behave('10.1.0.3', 8080, { status: 503 });
  t.true((await client.ask(toShop)).status >= 500);
  t.is(await attempts(), 3);

  await show(virtualService(`- retries: { attempts: 2, retryOn: gateway-error }\n  ${toAll}`));
  for (const number of [1, 2, 3]) await origin.behave(`10.1.0.${number}`, 8080, { status: 500 });
  t.is((await client.ask(toShop)).status, 500);
  t.is(await attempts(), 1, 'a 500 is no gateway error');

  await show(virtualService(`- retries: { attempts: 2, retryOn: "418", backoff: 1ms }\n  ${toAll}`));
  for (const number of [1, 2, 3]) await origin.behave(`10.1.0.${number}`, 8080, { status: 418 });
  t.is((await client.ask(toShop)).status, 418);
  t.is(await attempts(), 3);

  await show(virtualService(`- retries: { attempts: 2, retryOn: reset, perTryTimeout: 1500ms }\n  ${toAll}`));
  await origin.behave('10.1.0.1', 8080, { delayMs: 20_000 });
  await origin.behave('10.1.0.2', 8080, { reset: true });
  await origin.behave('10.1.0.3', 8080, {});
  for (let round = 0; round < 5; round++) {
    const body = 'a body that is kept for the next attempt';
    const answer = await client.ask({ ...toShop, method: 'PUT', body });
    const echo = JSON.parse(answer.body) as Echo;
    t.is(echo.backend, backend(3));
    t.is(echo.bodyBytes, body.length);
  }
  await attempts();
  await show(virtualService(`- retries: { attempts: 0 }\n  ${toAll}`));
  for (const number of [1, 2, 3]) await origin.behave(`10.1.0.${number}`, 8080, { status: 503 });
  t.is((await client.ask(toShop)).status, 503);
  t.is(await attempts(), 1);
});

kernelTest('a backend that refuses connections costs no request', async (t) => {
  const { client, origin, show } = await openShop(t, 3);
  await show(virtualService(`- ${toAll}`));
  await origin.close('10.1.0.2', 8080);
  t.deepEqual(reached(await client.spread(toShop, 100)), [backend(1), backend(3)]);
  await origin.close('10.1.0.1', 8080);
  await origin.close('10.1.0.3', 8080);
  t.is((await client.ask(toShop)).status, 503);
});

kernelTest('fault: delay and abort, to the share that is said', async (t) => {
  const { client, show } = await openShop(t, 1);
  await show(
    virtualService(`- match: [{ uri: { prefix: /late } }]
  fault: { delay: { fixedDelay: 400ms, percentage: { value: 100 } } }
  ${toAll}
- match: [{ uri: { prefix: /some } }]
  fault: { abort: { httpStatus: 555, percentage: { value: 25 } } }
  ${toAll}
- fault: { delay: { fixedDelay: 400ms, percentage: { value: 0 } }, abort: { httpStatus: 555, percentage: { value: 0 } } }
  ${toAll}`),
  );
  const late = await client.ask({ ...toShop, path: '/late' });
  t.is(late.status, 200);
  t.true(late.ms >= 350);
  const counts = await client.spread({ ...toShop, path: '/some' }, 400);
  t.true(Math.abs(counts['555']! / 400 - 0.25) < 0.12, JSON.stringify(counts));
  t.deepEqual(await client.spread(toShop, 40), { [backend(1)]: 40 });
});

kernelTest('mirror: a copy goes where it should, and its fate is nobody’s business', async (t) => {
  const { client, origin, show } = await openShop(t, 2);
  await show(
    [
      `apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: { name: shop, namespace: default }
spec:
  host: shop
  subsets: [{ name: v1, labels: { version: v1 } }, { name: v2, labels: { version: v2 } }]
`,
      virtualService(`- match: [{ uri: { prefix: /some } }]
  route: [{ destination: { host: shop, subset: v1 } }]
  mirror: { host: shop, subset: v2 }
  mirrorPercentage: { value: 30 }
- route: [{ destination: { host: shop, subset: v1 } }]
  mirror: { host: shop, subset: v2 }`),
    ].join('---\n'),
  );
  await origin.behave('10.1.0.2', 8080, { status: 500 });
  const copies: Echo[] = [];
  const copied = async (): Promise<number> => copies.push(...(await origin.taken('10.1.0.2', 8080)));
  for (let round = 0; round < 20; round++) {
    const answer = await client.ask({ ...toShop, method: 'POST', body: 'twice' });
    t.is(answer.status, 200);
  }
  await eventually(copied, (count) => count === 20);
  t.true(copies.every(({ bodyBytes, method }) => bodyBytes === 5 && method === 'POST'));
  t.is(headerOf(copies[0]!, 'host'), 'shop-shadow');
  copies.length = 0;
  await origin.taken('10.1.0.1', 8080);
  await client.spread({ ...toShop, path: '/some' }, 300);
  t.is((await origin.taken('10.1.0.1', 8080)).length, 300);
  await eventually(copied, (count) => count > 30);
  await copied();
  t.true(copies.length < 170, `${copies.length} of 300 copied`);
  await origin.close('10.1.0.2', 8080);
  t.deepEqual(await client.spread(toShop, 20), { [backend(1)]: 20 });
});

kernelTest('corsPolicy: preflights are answered, origins are told', async (t) => {
  const { client, origin, show } = await openShop(t, 1);
  await show(
    virtualService(`- corsPolicy:
    allowOrigins: [{ exact: "https://a.example" }]
    allowMethods: [GET, PUT]
    allowHeaders: [x-a]
    exposeHeaders: [x-b]
    maxAge: 60s
    allowCredentials: true
  ${toAll}`),
  );
  const preflight = {
    ...toShop,
    method: 'OPTIONS',
    headers: { ...toShop.headers, origin: 'https://a.example', 'access-control-request-method': 'PUT' },
  };
  const allowed = await client.ask(preflight);
  t.is(allowed.status, 200);
  t.is(allowed.headers['access-control-allow-origin'], 'https://a.example');
  t.is(allowed.headers['access-control-allow-methods'], 'GET,PUT');
  t.is(allowed.headers['access-control-allow-headers'], 'x-a');
  t.is(allowed.headers['access-control-max-age'], '60');
  t.is(allowed.headers['access-control-allow-credentials'], 'true');
  t.deepEqual(await origin.taken('10.1.0.1', 8080), [], 'the backend is not asked');
  const simple = await client.ask({ ...toShop, headers: { ...toShop.headers, origin: 'https://a.example' } });
  t.is(simple.headers['access-control-allow-origin'], 'https://a.example');
  t.is(simple.headers['access-control-expose-headers'], 'x-b');
  const other = await client.ask({ ...toShop, headers: { ...toShop.headers, origin: 'https://b.example' } });
  t.is(other.status, 200);
  t.is(other.headers['access-control-allow-origin'], undefined);
  t.is((await client.ask(toShop)).headers['access-control-allow-origin'], undefined);
});

kernelTest('HTTPRoute: timeouts, retry and mirror', async (t) => {
  const { client, origin, show } = await openShop(t, 2);
  const route = (rule: string): string => `apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: { name: shop, namespace: default }
spec:
  parentRefs: [{ group: '', kind: Service, name: shop, port: 80 }]
  rules:
  - backendRefs: [{ name: shop, port: 80 }]
    ${rule}
`;
  await origin.behave('10.1.0.1', 8080, { delayMs: 5000 });
  await origin.behave('10.1.0.2', 8080, { delayMs: 5000 });
  await show(route('timeouts: { request: 300ms }'));
  t.is((await client.ask(toShop)).status, 504);
  await origin.behave('10.1.0.1', 8080, { status: 503 });
  await origin.behave('10.1.0.2', 8080, {});
  await show(route('retry: { codes: [503], attempts: 3, backoff: 1ms }'));
  for (let round = 0; round < 10; round++) t.is((await client.ask(toShop)).status, 200);
  await origin.behave('10.1.0.1', 8080, {});
  await show(route('filters: [{ type: RequestMirror, requestMirror: { backendRef: { name: shop, port: 80 } } }]'));
  for (const number of [1, 2]) await origin.taken(`10.1.0.${number}`, 8080);
  let taken = 0;
  const takenByBoth = async (): Promise<number> => {
    for (const number of [1, 2]) taken += (await origin.taken(`10.1.0.${number}`, 8080)).length;
    return taken;
  };
  t.is((await client.ask(toShop)).status, 200);
  await eventually(takenByBoth, (count) => count === 2);
  await client.spread(toShop, 10);
  await eventually(takenByBoth, (count) => count >= 22);
  t.is(taken, 22);
});
