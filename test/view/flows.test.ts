import test from 'ava';
import type { Flow } from '../../agent/api/flow.js';
import type { RequestRecord } from '../../agent/gateway/record.js';
import { Event, type FlowEventRow, Protocol, Reason, Verdict } from '../../agent/tables/layout.gen.js';
import { shop, World } from './world.js';

/** A connection of the client (Pod 1) to the first endpoint. */
function event(world: World, more: Partial<FlowEventRow> = {}): FlowEventRow {
  const { service, backend } = world.idsOf('shop/user-service', 'shop/user-1');
  return {
    timeNs: 1_000_000_000_000n,
    serviceAddress: '10.96.0.10',
    backendAddress: '10.1.0.1',
    servicePort: 8080,
    backendPort: 80,
    event: Event.OPEN,
    verdict: Verdict.REDIRECT,
    reason: Reason.PICKED,
    protocol: Protocol.TCP,
    pod: 1,
    service,
    backend,
    srttUs: 0,
    connectNs: 120_000n,
    durationNs: 5_000_000n,
    sentBytes: 0n,
    receivedBytes: 0n,
    ...more,
  };
}

test('events become flows with names and wall time', async (t) => {
  const world = await World.of(t, shop);
  world.ring.events.push(
    event(world),
    event(world, { event: Event.CLOSE, timeNs: 1_000_050_000_000n, srttUs: 250, sentBytes: 7n, receivedBytes: 9n }),
  );
  world.clock.advance(100);
  const opened: Flow = {
    time: '2026-01-02T03:04:05.000Z',
    event: 'open',
    verdict: 'redirect',
    reason: 'picked',
    protocol: 'TCP',
    from: 'shop/client',
    service: 'shop/user-service',
    serviceAddress: '10.96.0.10',
    servicePort: 8080,
    backend: 'shop/user-1',
    backendAddress: '10.1.0.1',
    backendPort: 80,
    connectMs: 0.12,
    durationMs: 0,
    sentBytes: 0,
    receivedBytes: 0,
    rttMs: 0,
  };
  t.deepEqual(world.view.flows.recent({}, 10), [
    opened,
    {
      ...opened,
      time: '2026-01-02T03:04:05.050Z',
      event: 'close',
      durationMs: 5,
      rttMs: 0.25,
      sentBytes: 7,
      receivedBytes: 9,
    },
  ]);
});

test('a refusal has no backend; the canary is nobody', async (t) => {
  const world = await World.of(t, shop);
  const refused = { event: Event.REFUSE, verdict: Verdict.REFUSE, reason: Reason.NO_BACKEND };
  world.ring.events.push(
    event(world, { ...refused, backend: 0, backendAddress: '', backendPort: 0 }),
    event(world, { pod: 0 }),
  );
  const flows = world.view.flows.recent({}, 10);
  t.is(flows.length, 1);
  t.like(flows[0], { event: 'refuse', verdict: 'refuse', reason: 'no_backend', backend: '', backendAddress: '' });
});

test('the last events of what is gone still have its names', async (t) => {
  const world = await World.of(t, shop);
  world.ring.events.push(event(world));
  const ids = event(world);
  world.clock.advance(100);
  world.remove('Service', 'shop/user-service');
  world.remove('Pod', 'shop/user-1');
  world.ring.events.push({ ...ids, event: Event.CLOSE });
  world.clock.advance(100);
  t.like(world.view.flows.recent({ event: 'close' }, 1)[0], {
    service: 'shop/user-service',
    backend: 'shop/user-1',
    from: 'shop/client',
  });
});

test('an id that is another address by now names the address', async (t) => {
  const world = await World.of(t, shop);
  world.ring.events.push(event(world, { backendAddress: '10.1.0.77' }), event(world, { servicePort: 9 }));
  const [moved, other] = world.view.flows.recent({}, 2);
  t.is(moved!.backend, '10.1.0.77');
  t.is(other!.service, '');
});

test('the ring is read every 100 ms, every 20 ms while somebody follows', async (t) => {
  const world = await World.of(t, shop);
  const reads = (ms: number): number => {
    const before = world.ring.reads;
    world.clock.advance(ms);
    return world.ring.reads - before;
  };
  t.is(reads(1_000), 10);
  const ends = [world.view.flows.subscribe(() => undefined), world.view.flows.subscribe(() => undefined)];
  t.is(reads(1_000), 50);
  ends[0]!();
  t.is(reads(1_000), 50);
  ends[1]!();
  ends[1]!();
  t.is(reads(1_000), 10);
  world.view.close();
  t.is(reads(1_000), 0);
});

test('followers get each batch, in order', async (t) => {
  const world = await World.of(t, shop);
  const got: (readonly string[])[] = [];
  world.view.flows.subscribe((flows) => got.push(flows.map(({ backendAddress }) => backendAddress)));
  world.ring.events.push(event(world, { backendAddress: '10.1.0.5' }), event(world, { backendAddress: '10.1.0.6' }));
  world.clock.advance(20);
  world.ring.events.push(event(world, { pod: 0 }));
  world.clock.advance(20);
  world.ring.events.push(event(world, { backendAddress: '10.1.0.7' }));
  world.clock.advance(20);
  t.deepEqual(got, [['10.1.0.5', '10.1.0.6'], ['10.1.0.7']]);
});

test('the last 4 096 flows are kept, oldest first', async (t) => {
  const world = await World.of(t, shop);
  for (let i = 0; i < 5_000; i++) world.ring.events.push(event(world, { sentBytes: BigInt(i) }));
  world.clock.advance(100);
  const flows = world.view.flows.recent({}, 10_000);
  t.is(flows.length, 4096);
  t.deepEqual([flows[0]!.sentBytes, flows.at(-1)!.sentBytes], [904, 4999]);
  t.deepEqual(
    world.view.flows.recent({}, 2).map(({ sentBytes }) => sentBytes),
    [4998, 4999],
  );
  t.deepEqual(world.view.flows.recent({ service: 'shop/other' }, 5), []);
});

test('requests that workers tell of in batches are listed by their time', async (t) => {
  const world = await World.of(t, shop);
  const { requests } = world.gateway;
  requests.tell([record(700, 503), record(900)], 0);
  requests.tell([record(600, 500), record(800, 502), record(500)], 0);
  const millisecondsOf = (limit: number, status?: string) =>
    world.view.flows.recent(status === undefined ? {} : { status }, limit).map(({ time }) => time.slice(-4, -1));
  t.deepEqual(millisecondsOf(9), ['500', '600', '700', '800', '900']);
  t.deepEqual(millisecondsOf(2, '5xx'), ['700', '800']);
  t.deepEqual(millisecondsOf(0), []);
});

test('a flood is not read to its end at once', async (t) => {
  const world = await World.of(t, shop);
  for (let i = 0; i < 12_000; i++) world.ring.events.push(event(world));
  world.clock.advance(100);
  t.is(world.ring.events.length, 4_000);
  world.clock.advance(100);
  t.is(world.ring.events.length, 0);
});

test('losses are counted from the start of this agent', async (t) => {
  const world = await World.of(t, shop);
  t.is(world.view.flows.lost(), 0);
  world.ring.lostCount = 40;
  world.clock.advance(100);
  t.is(world.view.flows.lost(), 40);
  t.is(world.view.measures().eventsLost, 40);
  t.is(world.view.status().eventsLost, 40);
});

test('requests that workers left out are counted, but not as lost in the ring', async (t) => {
  const world = await World.of(t, shop);
  world.gateway.requests.tell([], 30);
  t.is(world.view.flows.lost(), 30);
  t.like(world.view.measures(), { eventsLost: 0, requestsUntold: 30 });
});

test('until the first plans are written events wait for their names', async (t) => {
  const world = await World.of(t, shop, { started: false });
  world.ring.events.push({ ...blank, pod: 1, service: 1, backend: 1 });
  world.clock.advance(1_000);
  t.is(world.ring.events.length, 1);
  world.sync.start();
  world.clock.advance(100);
  t.like(world.view.flows.recent({}, 1)[0], { service: 'shop/user-service', backend: 'shop/user-1' });
});

const blank: FlowEventRow = {
  timeNs: 1_000_000_000_000n,
  serviceAddress: '10.96.0.10',
  backendAddress: '10.1.0.1',
  servicePort: 8080,
  backendPort: 80,
  event: Event.OPEN,
  verdict: Verdict.REDIRECT,
  reason: Reason.PICKED,
  protocol: Protocol.TCP,
  pod: 1,
  service: 1,
  backend: 1,
  srttUs: 0,
  connectNs: 0n,
  durationNs: 0n,
  sentBytes: 0n,
  receivedBytes: 0n,
};

const blankRecord: Omit<RequestRecord, 'startedMs' | 'durationMs' | 'status'> = {
  origin: 'mesh',
  pod: 'shop/client',
  clientAddress: '10.1.0.9',
  target: 'shop/user-service',
  port: 8080,
  rule: '',
  cluster: 'user-service.shop.svc.cluster.local:8080',
  service: 'shop/user-service',
  backend: 'shop/user-1',
  backendAddress: '10.1.0.1:80',
  protocol: 'http',
  version: 'HTTP/1.1',
  method: 'GET',
  authority: 'user-service',
  path: '/',
  userAgent: '',
  requestId: '',
  grpcStatus: undefined,
  flags: '-',
  requestBytes: 0,
  responseBytes: 0,
  attempts: 1,
  upstreamMs: 0,
};

/** A request that ended so many ms after the clock's start. */
function record(ms: number, status = 200): RequestRecord {
  const startedMs = Date.UTC(2026, 0, 2, 3, 4, 5);
  return { ...blankRecord, startedMs, durationMs: ms, status };
}
