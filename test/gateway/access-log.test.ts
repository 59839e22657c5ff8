import test from 'ava';
import { accessLogLine } from '../../agent/gateway/access-log.js';
import { get, worldRouting } from './proxy/world.js';

test('a request is one line of JSON under the names of Istio', (t) => {
  const world = worldRouting({});
  world.send(get('/a?b', { fields: ['User-Agent', 'curl/8', 'X-Forwarded-For', '1.2.3.4', 'X-Request-Id', 'abc'] }));
  world.clock.pass(20);
  world.upstreams.last.answer(200, [], 'hello');
  t.deepEqual(JSON.parse(accessLogLine(world.record)), {
    start_time: '2026-01-01T00:00:00.000Z',
    method: 'GET',
    path: '/a?b',
    protocol: 'HTTP/1.1',
    response_code: 200,
    response_flags: '-',
    bytes_received: 0,
    bytes_sent: 5,
    duration: 20,
    upstream_service_time: 20,
    x_forwarded_for: '1.2.3.4',
    user_agent: 'curl/8',
    request_id: 'abc',
    authority: 'reviews',
    upstream_host: '10.0.0.1:8080',
    upstream_cluster: 'v1',
    downstream_remote_address: '10.1.0.9:40000',
    requested_server_name: null,
    route_name: 'VirtualService shop/reviews http[0]',
    grpc_status: null,
    attempts: 1,
    source: 'shop/web',
  });
});

test('what clients send cannot break the line, and is cut', (t) => {
  const world = worldRouting({});
  const agent = `"\u0001\u009f${'x'.repeat(5000)}`;
  world.send(get('/', { fields: ['user-agent', agent] }));
  world.upstreams.last.answer(200);
  const line = accessLogLine(world.record);
  t.true([...line].every((character) => character >= ' '));
  const logged = JSON.parse(line) as { user_agent: string };
  t.is(logged.user_agent, `${agent.slice(0, 1024)}…`);
});
