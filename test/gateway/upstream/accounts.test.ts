import test from 'ava';
import fc from 'fast-check';
import { connectionBounds } from '../../../agent/gateway/upstream/budget.js';
import { UpstreamPools } from '../../../agent/gateway/upstream/pools.js';
import { FakeClock } from './fake-clock.js';
import { FakeNetwork, type FakeSocket } from './fake-connections.js';
import { cluster, Ear, endpoint, policy, query, snapshot } from './scene.js';

/** Each event with a number that says which connection, attempt or set of endpoints. */
const event = fc.tuple(
  fc.constantFrom(
    'begin',
    'begin',
    'begin',
    'accept',
    'accept',
    'refuse',
    'respond',
    'respond',
    'fail',
    'abort',
    'die',
    'update',
    'wait',
  ),
  fc.nat(1000),
);

const isFinal = (said: string) => /^(refused|fail|head)/.test(said);

test('whatever happens, connections and requests are counted right, and each attempt hears one last word', (t) => {
  fc.assert(
    fc.property(
      fc.array(event, { maxLength: 120 }),
      fc.constantFrom('http1' as const, 'http2' as const),
      fc.constantFrom('round-robin' as const, 'adaptive' as const),
      fc.option(fc.integer({ min: 1, max: 3 }), { nil: undefined }),
      (events, protocol, type, limit) => {
        const clock = new FakeClock();
        const network = new FakeNetwork(2);
        const bounds = { ...connectionBounds, total: 6, perEndpoint: 3 };
        const upstreams = new UpstreamPools({
          clock,
          random: () => 0.5,
          codecs: network.codecs,
          sockets: network.maker,
          bounds,
        });
        const how = policy(
          { protocol, balancing: { type } },
          { maxConnections: limit, maxRequestsPerConnection: limit, connectTimeoutMs: 3000, httpIdleTimeoutMs: 5000 },
        );
        let config = snapshot(cluster([endpoint(1), endpoint(2)], {}, how));
        upstreams.update(config);
        const ears: { ear: Ear; attempt: ReturnType<typeof upstreams.begin>; isAborted: boolean }[] = [];
        const waiting = (): FakeSocket[] => network.sockets.filter((socket) => !socket.destroyed);
        const take = (n: number): FakeSocket | undefined => {
          const socket = waiting()[n % Math.max(waiting().length, 1)];
          if (socket !== undefined) network.sockets.splice(network.sockets.indexOf(socket), 1);
          return socket;
        };
        const busy = () => network.open.filter((connection) => connection.inFlight > 0);
        const act: Record<string, (n: number) => void> = {
          begin() {
            const ear = new Ear();
            ears.push({ ear, attempt: upstreams.begin(query(config), true, ear), isAborted: false });
          },
          accept: (n) => take(n)?.accept(),
          refuse: (n) => take(n)?.emit('error', new Error('refused')),
          respond: (n) => busy()[n % Math.max(busy().length, 1)]?.exchanges[0]?.respond(n % 5 === 0 ? 503 : 200),
          fail: (n) => busy()[n % Math.max(busy().length, 1)]?.exchanges[0]?.fail(),
          abort(n) {
            const one = ears[n % Math.max(ears.length, 1)];
            if (one === undefined || one.ear.said.some(isFinal)) return;
            one.isAborted = true;
            one.attempt.abort();
          },
          die: (n) => network.open[n % Math.max(network.open.length, 1)]?.destroy(),
          update(n) {
            config = snapshot(
              cluster(
                [1, 2, 3].filter((i) => (n >> i) & 1).map((i) => endpoint(i)),
                {},
                how,
              ),
            );
            upstreams.update(config);
          },
          wait: (n) => clock.advance(n * 4),
        };
        for (const [what, n] of events) {
          act[what]!(n);
          if (upstreams.connections !== network.open.length + waiting().length) return false;
        }
        for (let turn = 0; turn < 1000 && (waiting().length > 0 || busy().length > 0); turn++) {
          act.accept!(0);
          act.respond!(1);
        }
        for (const { ear, isAborted } of ears) {
          if (ear.said.filter(isFinal).length !== (isAborted ? 0 : 1)) return false;
        }
        clock.advance(10_000);
        upstreams.close();
        return upstreams.connections === 0 && network.open.length === 0;
      },
    ),
    { numRuns: 400 },
  );
  t.pass();
});

test('when all is settled, nothing is in flight', (t) => {
  fc.assert(
    fc.property(fc.array(fc.constantFrom('respond', 'fail', 'abort', 'settle'), { maxLength: 40 }), (ends) => {
      const clock = new FakeClock();
      const network = new FakeNetwork();
      const upstreams = new UpstreamPools({ clock, random: () => 0, codecs: network.codecs, sockets: network.maker });
      const config = snapshot(
        cluster([endpoint(1), endpoint(2), endpoint(3)], {}, policy({ balancing: { type: 'adaptive' } })),
      );
      for (const end of ends) {
        const attempt = upstreams.begin(query(config), true, new Ear());
        network.acceptAll();
        const exchange = network.open.find((connection) => connection.inFlight > 0)!.exchanges[0]!;
        if (end === 'abort') attempt.abort();
        if (end === 'settle') attempt.settle({ type: 'failure', why: 'timeout' });
        if (end === 'fail') exchange.fail();
        else if (end !== 'abort') exchange.respond(200);
      }
      return upstreams.states().every((state) => state.inFlight === 0);
    }),
  );
  t.pass();
});
