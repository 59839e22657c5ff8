import { eventually } from '../../agent/site.js';
import { kernelTest } from '../../kernel-test.js';
import { addresses, type Outcome, openCalls, target } from './calls.js';

const roundRobin = `apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: { name: calls, namespace: default }
spec: { host: calls, trafficPolicy: { loadBalancer: { simple: ROUND_ROBIN } } }
`;

function rule(http: string): string {
  return `apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: calls, namespace: default }
spec:
  hosts: [calls]
  http:
${http.replace(/^/gm, '  ')}
`;
}

kernelTest('4 000 calls over one connection: the shares are the weights', async (t) => {
  const { caller, show, site } = await openCalls(t, { options: ['--workers', '1'] });
  await show(roundRobin);
  const equal = await caller.run<Record<string, number>>(`many('${target}', 4000)`);
  t.deepEqual(equal, Object.fromEntries(addresses.map((address) => [address, 1000])));

  const weights = { 'calls-1': 40, 'calls-2': 30, 'calls-3': 20, 'calls-4': 10 };
  await site.agent.call('PUT', '/v1/services/default/calls/weights', {
    weights: Object.fromEntries(Object.entries(weights).map(([pod, weight]) => [`default/${pod}`, weight])),
  });
  await show(`${roundRobin}---\n${rule('- route: [{ destination: { host: calls } }]')}`);
  const weighted = await caller.run<Record<string, number>>(`many('${target}', 4000)`);
  for (const [index, weight] of Object.values(weights).entries()) {
    const share = (weighted[addresses[index]!] ?? 0) / 4000;
    t.true(Math.abs(share - weight / 100) <= 0.01, JSON.stringify(weighted));
  }
});

kernelTest('4 000 calls over one connection: the weights of a rule', async (t) => {
  const { caller, show } = await openCalls(t);
  const names = ['a', 'b', 'c', 'd'];
  const slices = names.map(
    (name, index) => `apiVersion: v1
kind: Service
metadata: { name: calls-${name}, namespace: default }
spec: { clusterIP: 10.96.0.${11 + index}, ports: [{ name: grpc, port: 50051, targetPort: 8080 }] }
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: { name: calls-${name}, namespace: default, labels: { kubernetes.io/service-name: calls-${name} } }
addressType: IPv4
ports: [{ name: grpc, port: 8080, protocol: TCP }]
endpoints: [{ addresses: [${addresses[index]}] }]
`,
  );
  const weights = [1, 2, 3, 4];
  await show(
    [
      ...slices,
      `apiVersion: gateway.networking.k8s.io/v1
kind: GRPCRoute
metadata: { name: calls, namespace: default }
spec:
  parentRefs: [{ group: '', kind: Service, name: calls, port: 50051 }]
  rules:
  - matches: [{ method: { service: shop.Cart, method: Get } }]
    backendRefs:
${weights.map((weight, index) => `    - { name: calls-${names[index]}, port: 50051, weight: ${weight} }`).join('\n')}
`,
    ].join('---\n'),
  );
  const counts = await caller.run<Record<string, number>>(`many('${target}', 4000)`);
  for (const [index, weight] of weights.entries()) {
    const share = (counts[addresses[index]!] ?? 0) / 4000;
    t.true(Math.abs(share - weight / 10) <= 0.01, JSON.stringify(counts));
  }
  const other = await caller.run<Outcome>(`unary('${target}', 'List')`);
  t.is(other[0], 'UNIMPLEMENTED', 'no rule matches');
});

kernelTest('streams from the server, from the client and from both', async (t) => {
  const { caller } = await openCalls(t);
  const [listed, lines] = await caller.run<[string, string[]]>(`listing('${target}', 2000)`);
  t.is(listed, 'OK');
  const [name] = lines[0]!.split(' ');
  t.deepEqual(
    lines,
    Array.from({ length: 2000 }, (_, index) => `${name} ${index}`),
  );
  const [summed, sum] = await caller.run<Outcome>(`summing('${target}', range(1, 1001))`);
  t.is(summed, 'OK');
  t.regex(sum, / 500500$/);
  const [chatted, words] = await caller.run<[string, string[]]>(
    `chatting('${target}', [f'word{i}' for i in range(200)])`,
  );
  t.is(chatted, 'OK');
  t.is(words.length, 200, 'each answer comes before the next word');
  t.true(words.every((word, index) => word.endsWith(` word${index}`)));
  const [large, text] = await caller.run<Outcome>(`unary('${target}', 'Get', 'x' * 3_000_000)`);
  t.is(large, 'OK');
  t.is(text.replace(/^\S+ /, '').length, 3_000_000);
});

kernelTest('a killed backend costs no call that was not in flight on it', async (t) => {
  const { caller, servers } = await openCalls(t);
  await caller.run(`load = Load('${target}')`);
  const until = (done: number) => caller.run(`while load.done < ${done}: time.sleep(0.01)`);
  await until(200);
  const calm = await caller.run<{ failed: unknown[] }>("{'failed': load.failed}");
  t.deepEqual(calm.failed, []);
  await servers[1]!.kill();
  const gone = Date.now() / 1000;
  await caller.run('at = load.done');
  await caller.run('while load.done < at + 1000: time.sleep(0.01)');
  const { failed } = await caller.run<{ failed: readonly [string, number][] }>('load.end()');
  t.log(failed);
  t.true(failed.length <= 8, JSON.stringify(failed));
  for (const [status, begun] of failed) {
    t.is(status, 'UNAVAILABLE');
    t.true(begun <= gone, 'it began before the backend was gone');
  }
  const after = await caller.run<Record<string, number>>(`many('${target}', 300)`);
  t.deepEqual(Object.keys(after).sort(), [addresses[0], addresses[2], addresses[3]]);
});

kernelTest('deadlines are passed on and kept', async (t) => {
  const { caller, client, servers, show } = await openCalls(t);
  t.is((await caller.run<Outcome>(`unary('${target}', 'Get')`))[0], 'OK', 'it is connected');
  const [status] = await caller.run<Outcome>(`unary('${target}', 'Wait', '5', timeout=2)`);
  t.is(status, 'DEADLINE_EXCEEDED');
  const remaining: number[] = [];
  for (const server of servers) {
    remaining.push(...(await server.run<number[]>('[each for _, h in servers.values() for each in h.remaining]')));
  }
  t.is(remaining.length, 1);
  // On the way it is rounded up to 10 ms.
  t.true(remaining[0]! > 0 && remaining[0]! <= 2.1, `the backend knows: ${remaining[0]}`);

  const [address = '', port] = target.split(':');
  const call = {
    address,
    port: Number(port),
    method: 'POST',
    path: '/shop.Cart/Wait',
    h2c: true,
    headers: { host: 'calls', te: 'trailers', 'content-type': 'application/grpc', 'grpc-timeout': '300m' },
    body: '\0\0\0\0\x015',
  };
  const answer = await client.ask(call);
  t.is(answer.status, 200);
  t.is(answer.headers['grpc-status'], '4', `the gateway keeps it by itself: ${JSON.stringify(answer)}`);
  t.true(answer.ms >= 250 && answer.ms < 4000);

  await show(rule('- route: [{ destination: { host: calls } }]\n  timeout: 300ms'));
  const [ruled, , seconds] = await caller.run<Outcome>(`unary('${target}', 'Wait', '5')`);
  t.is(ruled, 'DEADLINE_EXCEEDED', 'a rule’s timeout');
  t.true(seconds < 4);
});

kernelTest('statuses: of the backend, of rules, and of the gateway', async (t) => {
  const { caller, servers, show, site } = await openCalls(t);
  const call = (method: string, request = '', to = target) =>
    caller.run<Outcome>(`unary('${to}', '${method}', '${request}')`);
  t.deepEqual((await call('Refuse', 'RESOURCE_EXHAUSTED')).slice(0, 2), ['RESOURCE_EXHAUSTED', 'no: 100 % ü']);
  t.is((await call('Unknown'))[0], 'UNIMPLEMENTED');
  t.is((await call('Get', '', '10.96.0.2:50051'))[0], 'UNAVAILABLE', 'a Service without backends');
  await show(
    rule(`- fault: { abort: { grpcStatus: PERMISSION_DENIED, percentage: { value: 100 } } }
  route: [{ destination: { host: calls } }]`),
  );
  t.is((await call('Get'))[0], 'PERMISSION_DENIED');
  await show(rule('- route: [{ destination: { host: nowhere } }]'));
  t.is((await call('Get'))[0], 'UNAVAILABLE');
  await show(rule('- directResponse: { status: 403 }'));
  t.is((await call('Get'))[0], 'PERMISSION_DENIED');
  await show(
    rule(`- route: [{ destination: { host: calls } }]
  retries: { attempts: 4, retryOn: unavailable }`),
  );
  for (const server of servers) await server.run('for _, h in servers.values(): h.refusals = 1');
  t.is((await call('Refuse'))[0], 'OK', 'each server refuses once: the fifth attempt at the latest');
  await show(
    rule(`- route: [{ destination: { host: calls } }]
  retries: { attempts: 0 }`),
  );
  for (const server of servers) await server.run('for _, h in servers.values(): h.refusals = 1');
  t.is((await call('Refuse'))[0], 'UNAVAILABLE');
  const exhausted = /istio_requests_total\{[^}]*request_protocol="grpc"[^}]*grpc_response_status="8"[^}]*\} 1/;
  await eventually(
    () => site.agent.scrape(),
    (metrics) => exhausted.test(metrics),
  );
});
