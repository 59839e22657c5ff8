import type { ServerHttp2Stream } from 'node:http2';
import test, { type ExecutionContext } from 'ava';
import type { ClusterPolicy } from '../../../agent/balance/cluster.js';
import { type Clock, systemClock } from '../../../agent/clock.js';
import type { Snapshot } from '../../../agent/compile/snapshot.js';
import type { Upstreams } from '../../../agent/gateway/upstream/attempt.js';
import { UpstreamPools } from '../../../agent/gateway/upstream/pools.js';
import { seeded } from '../../balance/endpoints.js';
import { Backend, closedPort } from './backend.js';
import { cluster, Ear, endpoint, outside, policy, query, request, snapshot, webKey } from './scene.js';

const adaptive = policy({ balancing: { type: 'adaptive' } });

function upstreamsFor(
  t: ExecutionContext,
  ports: readonly number[],
  how: ClusterPolicy,
  clock: Clock = systemClock,
): { upstreams: Upstreams; config: Snapshot } {
  const endpoints = ports.map((port, index) => endpoint(index + 1, { address: '127.0.0.1', port }));
  const config = snapshot(cluster(endpoints, {}, how));
  const upstreams = new UpstreamPools({ clock, random: seeded(7) });
  upstreams.update(config);
  t.teardown(() => upstreams.close());
  return { upstreams, config };
}

/** By it all answers take equally long, however busy the machine is. */
const frozen: Clock = { ...systemClock, monotonic: () => 0 };

/** One request as the proxy makes it: what surely was not processed is tried elsewhere, twice. Returns the last word and the endpoint. */
async function send(upstreams: Upstreams, config: Snapshot): Promise<{ said: string; name: string }> {
  const tried: string[] = [];
  for (let attempt = 0; ; attempt++) {
    const ear = new Ear();
    const exchange = upstreams.begin(query(config, { tried, isRetry: attempt > 0 }), true, ear);
    const said = await ear.over;
    const status = ear.said.find((each) => each.startsWith('head'))?.slice(5);
    if (status !== undefined) exchange.settle({ type: 'response', status: Number(status), grpcStatus: undefined });
    const name = ear.endpoint?.name ?? '';
    if (attempt < 2 && (said === 'fail connect-failure' || said === 'fail reset-unsent')) {
      tried.push(`127.0.0.1:${ear.endpoint!.port}`);
      continue;
    }
    return { said: status === undefined ? said : `head ${status}`, name };
  }
}

/** `count` requests, `width` at a time. Returns how often each word was the last, and how many each endpoint answered. */
async function load(
  upstreams: Upstreams,
  config: Snapshot,
  count: number,
  width: number,
): Promise<{ words: Record<string, number>; names: Record<string, number> }> {
  const words: Record<string, number> = {};
  const names: Record<string, number> = {};
  let left = count;
  const one = async (): Promise<void> => {
    while (left-- > 0) {
      const { said, name } = await send(upstreams, config);
      words[said] = (words[said] ?? 0) + 1;
      names[name] = (names[name] ?? 0) + 1;
    }
  };
  await Promise.all(Array.from({ length: width }, one));
  return { words, names };
}

async function backends(
  t: ExecutionContext,
  answers: readonly Parameters<typeof Backend.http>[0][],
): Promise<Backend[]> {
  const made = await Promise.all(answers.map((answer) => Backend.http(answer)));
  t.teardown(() => Promise.all(made.map((backend) => backend.kill())));
  return made;
}

test.serial('a real server answers, over one connection', async (t) => {
  const [backend] = await backends(t, [(_, response) => response.end('hello')]);
  const { upstreams, config } = upstreamsFor(t, [backend!.port], adaptive);
  const { words } = await load(upstreams, config, 50, 1);
  t.deepEqual(words, { 'head 200': 50 });
  t.is(backend!.requests, 50);
  t.is(backend!.connections, 1);
});

test.serial('a body goes out and comes back', async (t) => {
  const [backend] = await backends(t, [(incoming, response) => incoming.pipe(response)]);
  const { upstreams, config } = upstreamsFor(t, [backend!.port], adaptive);
  const ear = new Ear();
  const head = request({ method: 'POST', length: undefined });
  const attempt = upstreams.begin(query(config, { head }), false, ear);
  attempt.write(Buffer.from('hello '));
  attempt.write(Buffer.from('world'));
  attempt.end([]);
  t.is(await ear.over, 'end');
  t.is(ear.body, 'hello world');
});

test.serial('round robin is exact over real connections', async (t) => {
  const four = await backends(
    t,
    Array(4).fill((_: unknown, response: { end(): void }) => response.end()),
  );
  const { upstreams, config } = upstreamsFor(
    t,
    four.map((each) => each.port),
    policy(),
  );
  await load(upstreams, config, 400, 8);
  t.deepEqual(
    four.map((each) => each.requests),
    [100, 100, 100, 100],
  );
});

test.serial('adaptive leaves no equal out', async (t) => {
  const four = await backends(
    t,
    Array(4).fill((_: unknown, response: { end(): void }) => response.end()),
  );
  const { upstreams, config } = upstreamsFor(
    t,
    four.map((each) => each.port),
    adaptive,
  );
  await load(upstreams, config, 400, 1);
  for (const { requests } of four) t.true(requests > 20, `${requests} of 400`);
});

test.serial('an endpoint that refuses costs no request when its requests are tried elsewhere', async (t) => {
  const two = await backends(
    t,
    Array(2).fill((_: unknown, response: { end(): void }) => response.end()),
  );
  const { upstreams, config } = upstreamsFor(t, [two[0]!.port, await closedPort(), two[1]!.port], policy());
  const { words } = await load(upstreams, config, 200, 4);
  t.deepEqual(words, { 'head 200': 200 });
  const dead = upstreams.states().find((state) => state.name === 'shop/web-2')!;
  t.is(dead.ejection, 'connect-failure');
});

test.serial('a backend that is killed costs no request that was not in flight on it', async (t) => {
  const three = await backends(
    t,
    Array(3).fill((_: unknown, response: { end(): void }) => response.end()),
  );
  const { upstreams, config } = upstreamsFor(
    t,
    three.map((each) => each.port),
    policy(),
  );
  const running = load(upstreams, config, 3000, 8);
  while (three[1]!.requests < 300) await new Promise((resolve) => setImmediate(resolve));
  const inFlight = upstreams.states()[1]!.inFlight;
  await three[1]!.kill();
  const { words } = await running;
  const lost = 3000 - (words['head 200'] ?? 0);
  t.true(lost <= Math.max(inFlight, 8), `${lost} lost, ${inFlight} in flight: ${JSON.stringify(words)}`);
  t.true(three[1]!.requests < 1000);
});

test.serial('a slow backend loses traffic by itself, and a failing one', async (t) => {
  const fast: Parameters<typeof Backend.http>[0] = (_, response) => {
    systemClock.after(2, () => response.end());
  };
  const four = await backends(t, [
    fast,
    fast,
    (_, response) => {
      systemClock.after(40, () => response.end());
    },
    (_, response) => {
      response.statusCode = 503;
      response.end();
    },
  ]);
  const { upstreams, config } = upstreamsFor(
    t,
    four.map((each) => each.port),
    adaptive,
  );
  const { names, words } = await load(upstreams, config, 1500, 8);
  t.log(names);
  // Of 375 that each would get in turns.
  t.true(names['shop/web-3']! < 250, `slow: ${names['shop/web-3']}`);
  t.true(words['head 503']! < 250, `failing: ${words['head 503']}`);
});

test.serial('all fail: still all are asked', async (t) => {
  const three = await backends(
    t,
    Array(3).fill((_: unknown, response: { statusCode: number; end(): void }) => {
      response.statusCode = 500;
      response.end();
    }),
  );
  const { upstreams, config } = upstreamsFor(
    t,
    three.map((each) => each.port),
    adaptive,
  );
  const { words } = await load(upstreams, config, 100, 4);
  t.deepEqual(words, { 'head 500': 100 });
});

test.serial('all refuse: each request is told so', async (t) => {
  const { upstreams, config } = upstreamsFor(t, [await closedPort(), await closedPort()], adaptive);
  const { words } = await load(upstreams, config, 20, 2);
  t.deepEqual(words, { 'fail connect-failure': 20 });
});

test.serial('a backend that closes idle connections is no failure', async (t) => {
  const [backend] = await backends(t, [(_, response) => response.end()]);
  const { upstreams, config } = upstreamsFor(t, [backend!.port], policy());
  await load(upstreams, config, 4, 4);
  const port = backend!.port;
  await backend!.kill();
  const again = await Backend.http((_, response) => response.end(), port);
  t.teardown(() => again.kill());
  const { words } = await load(upstreams, config, 4, 4);
  t.deepEqual(words, { 'head 200': 4 });
});

test.serial('L4: bytes go both ways, a refused endpoint is followed by another', async (t) => {
  const echo = await Backend.tcp((socket) => socket.pipe(socket));
  t.teardown(() => echo.kill());
  const { upstreams, config } = upstreamsFor(t, [await closedPort(), echo.port], policy());
  for (let i = 0; i < 4; i++) {
    const result = await upstreams.connect({
      snapshot: config,
      cluster: webKey,
      downstream: outside,
      client: undefined,
      sni: '',
    });
    if (result.type === 'refused') {
      t.fail(result.why);
      continue;
    }
    t.is(result.endpoint.port, echo.port);
    const answer = new Promise((resolve) => result.socket.once('data', (chunk) => resolve(chunk.toString())));
    result.socket.write('ping');
    t.is(await answer, 'ping');
    result.socket.destroy();
    result.done();
  }
  t.deepEqual(
    upstreams.states().map((state) => state.inFlight),
    [0, 0],
  );
});

test.serial('L4: nobody there', async (t) => {
  const { upstreams, config } = upstreamsFor(t, [await closedPort()], policy());
  const ask = { snapshot: config, cluster: webKey, downstream: outside, client: undefined, sni: '' };
  t.deepEqual(await upstreams.connect(ask), { type: 'refused', why: 'connect-failure' });
  t.deepEqual(await upstreams.connect({ ...ask, cluster: 'none:1' }), { type: 'refused', why: 'no-cluster' });
});

const respond = (stream: ServerHttp2Stream): void => {
  stream.respond({ ':status': 200 });
  stream.end('ok');
};

async function http2Backends(t: ExecutionContext, count: number): Promise<Backend[]> {
  const made = await Promise.all(Array.from({ length: count }, () => Backend.http2(respond)));
  t.teardown(() => Promise.all(made.map((backend) => backend.kill())));
  return made;
}

test.serial('HTTP/2: 4 000 requests, each balanced, over one connection to each backend', async (t) => {
  const four = await http2Backends(t, 4);
  const ports = four.map((each) => each.port);
  const how = policy({ balancing: { type: 'adaptive' }, protocol: 'http2' });
  const { upstreams, config } = upstreamsFor(t, ports, how, frozen);
  const { words } = await load(upstreams, config, 4000, 50);
  t.deepEqual(words, { 'head 200': 4000 });
  t.log(four.map((each) => each.requests).join(' '));
  for (const backend of four) {
    t.is(backend.connections, 1);
    t.true(backend.requests > 800 && backend.requests < 1200, `${backend.requests} of 4000`);
  }
});

test.serial('HTTP/2: a backend that is killed costs no request that was not in flight on it', async (t) => {
  const three = await http2Backends(t, 3);
  const ports = three.map((each) => each.port);
  const { upstreams, config } = upstreamsFor(t, ports, policy({ protocol: 'http2' }));
  const running = load(upstreams, config, 3000, 16);
  while (three[1]!.requests < 300) await new Promise((resolve) => setImmediate(resolve));
  await three[1]!.kill();
  const { words } = await running;
  const lost = 3000 - (words['head 200'] ?? 0);
  t.true(lost <= 16, `${lost} lost: ${JSON.stringify(words)}`);
  t.true(three[1]!.requests < 1000);
});

test.serial('a backend that takes requests and resets them is left alone after a few', async (t) => {
  const [good] = await backends(t, [(_, response) => response.end()]);
  const bad = await Backend.tcp((socket) => socket.once('data', () => socket.resetAndDestroy()));
  t.teardown(() => bad.kill());
  const { upstreams, config } = upstreamsFor(t, [good!.port, bad.port], adaptive);
  const { words } = await load(upstreams, config, 500, 4);
  t.true((words['fail reset'] ?? 0) <= 10, JSON.stringify(words));
  t.is((words['head 200'] ?? 0) + (words['fail reset'] ?? 0), 500);
});

test.serial('all backends are replaced one after the other under load: no request fails', async (t) => {
  const answer: Parameters<typeof Backend.http>[0] = (_, response) => response.end();
  const old = await backends(t, [answer, answer, answer]);
  const fresh = await backends(t, [answer, answer, answer]);
  const serving = old.map((backend) => backend.port);
  const { upstreams } = upstreamsFor(t, serving, adaptive);
  let config = snapshot();
  const apply = (): void => {
    const endpoints = serving.map((port) => endpoint(port, { address: '127.0.0.1', port }));
    config = snapshot(cluster(endpoints, {}, adaptive));
    upstreams.update(config);
  };
  apply();
  const words = new Set<string>();
  let isOver = false;
  let count = 0;
  const one = async (): Promise<void> => {
    while (!isOver) {
      words.add((await send(upstreams, config)).said);
      count++;
    }
  };
  const running = Promise.all(Array.from({ length: 16 }, one));
  for (const [index, backend] of old.entries()) {
    const from = count;
    serving.push(fresh[index]!.port);
    apply();
    while (count < from + 300) await new Promise((resolve) => setImmediate(resolve));
    serving.splice(serving.indexOf(backend.port), 1);
    apply();
    await backend.close();
  }
  isOver = true;
  await running;
  t.deepEqual([...words], ['head 200']);
  t.deepEqual(
    fresh.map((backend) => backend.requests > 0),
    [true, true, true],
  );
});
