import test from 'ava';
import { UpstreamPools } from '../../../agent/gateway/upstream/pools.js';
import { type Answer, NameTable } from '../../../agent/gateway/upstream/resolver.js';
import { FakeClock } from './fake-clock.js';
import { FakeNetwork } from './fake-connections.js';
import { cluster, Ear, endpoint, outside, policy, query, snapshot } from './scene.js';

/** Answers to names, given by hand. */
class Questions {
  readonly asked: string[] = [];
  readonly #waiting: { resolve: (answer: Answer) => void; reject: (error: Error) => void }[] = [];

  readonly resolve = (name: string): Promise<Answer> => {
    this.asked.push(name);
    return new Promise((resolve, reject) => this.#waiting.push({ resolve, reject }));
  };

  async answer(addresses: readonly string[], ttlMs = 60_000): Promise<void> {
    this.#waiting.shift()!.resolve({ addresses, ttlMs });
    await new Promise((resolve) => setImmediate(resolve));
  }

  async fail(): Promise<void> {
    this.#waiting.shift()!.reject(new Error('SERVFAIL'));
    await new Promise((resolve) => setImmediate(resolve));
  }
}

const external = (...names: readonly string[]) =>
  cluster(
    names.map((address, i) => endpoint(i + 1, { address, name: address })),
    { resolution: 'dns' },
  );

function stage() {
  const clock = new FakeClock();
  const questions = new Questions();
  const network = new FakeNetwork();
  const upstreams = new UpstreamPools({
    clock,
    random: () => 0,
    codecs: network.codecs,
    sockets: network.maker,
    resolve: questions.resolve,
  });
  return { clock, questions, network, upstreams };
}

test('names are asked for when the snapshot comes; requests wait for the first answer', async (t) => {
  const { questions, network, upstreams } = stage();
  const config = snapshot(external('api.example'));
  upstreams.update(config);
  t.deepEqual(questions.asked, ['api.example']);
  const ears = [new Ear(), new Ear()];
  for (const ear of ears) upstreams.begin(query(config), true, ear);
  t.deepEqual(ears[0]!.said, []);
  await questions.answer(['192.0.2.1', '192.0.2.2']);
  t.deepEqual(
    ears.map((ear) => ear.said[0]),
    ['chosen api.example', 'chosen api.example'],
  );
  t.deepEqual(network.sockets.map((socket) => socket.destination).sort(), ['192.0.2.1:8080', '192.0.2.2:8080']);
});

test('a name without an answer: no healthy upstream; a request that was given up is not begun', async (t) => {
  const { questions, network, upstreams } = stage();
  const config = snapshot(external('api.example'));
  const [kept, given] = [new Ear(), new Ear()];
  upstreams.begin(query(config), true, kept);
  upstreams.begin(query(config), true, given).abort();
  await questions.fail();
  t.deepEqual(kept.said, ['refused no-healthy-upstream']);
  t.deepEqual(given.said, []);
  t.is(network.sockets.length, 0);
});

test('an answer is renewed after its time to live; addresses that stay keep their connections', async (t) => {
  const { clock, questions, network, upstreams } = stage();
  const config = snapshot(external('api.example'));
  upstreams.update(config);
  await questions.answer(['192.0.2.1'], 4000);
  upstreams.begin(query(config), true, new Ear());
  network.acceptAll();
  network.connections[0]!.exchanges[0]!.respond(200);
  clock.advance(3000);
  t.is(questions.asked.length, 1);
  clock.advance(2000);
  t.is(questions.asked.length, 2);
  await questions.answer(['192.0.2.1', '192.0.2.9']);
  t.false(network.connections[0]!.isEnded);
  t.deepEqual(
    upstreams.states().map((state) => state.address),
    ['192.0.2.1:8080', '192.0.2.9:8080'],
  );
  clock.advance(31_000);
  await questions.answer(['192.0.2.9']);
  t.true(network.connections[0]!.isEnded);
});

test('the last good answer stays while there is no better one', async (t) => {
  const clock = new FakeClock();
  const questions = new Questions();
  const changes: string[] = [];
  const names = new NameTable(questions.resolve, clock, (name) => changes.push(name));
  names.watch(['a.example']);
  t.is(names.addressesOf('a.example'), undefined);
  await questions.answer(['192.0.2.1'], 0);
  clock.advance(2000);
  names.refresh();
  await questions.fail();
  t.deepEqual(names.addressesOf('a.example'), ['192.0.2.1']);
  clock.advance(5000);
  names.refresh();
  await questions.answer([]);
  t.deepEqual(names.addressesOf('a.example'), ['192.0.2.1']);
  t.deepEqual(changes, ['a.example']);
  names.watch([]);
  names.refresh();
  t.is(questions.asked.length, 3);
});

test('resolution none and PASSTHROUGH: to the address that the client asked for', (t) => {
  for (const web of [
    cluster([], { resolution: 'none' }),
    cluster([endpoint(1)], {}, policy({ balancing: { type: 'passthrough' } })),
  ]) {
    const { network, upstreams } = stage();
    const target = {
      service: 'shop/web',
      host: 'web.shop.svc.cluster.local',
      port: 80,
      family: 4 as const,
      addresses: ['10.96.0.7'],
      detection: 'http' as const,
      cluster: web.key,
      http: { sets: [] },
      tls: [],
      tcp: [],
    };
    const config = { ...snapshot(web), targets: { 'shop/web:80/TCP/4': target } };
    const client = { namespace: 'shop', labels: {}, addresses: [], workload: endpoint(1).workload };
    const downstream = { ...outside, origin: 'mesh' as const, pod: 'shop/a', target: 'shop/web:80/TCP/4' };
    upstreams.begin(query(config, { downstream, client }), true, new Ear());
    t.deepEqual(
      network.sockets.map(({ pod, destination }) => `${pod} ${destination}`),
      ['shop/a 10.96.0.7:80'],
    );
    const ear = new Ear();
    upstreams.begin(query(config), true, ear);
    t.deepEqual(ear.said, ['refused no-healthy-upstream']);
  }
});
