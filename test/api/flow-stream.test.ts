import { request } from 'node:http';
import test from 'ava';
import { FlowStream } from '../../agent/api/flow-stream.js';
import type { Clock } from '../../agent/clock.js';
import { exchange, serve } from './exchange.js';
import { FakeView, flow } from './fake-view.js';

/** A clock whose intervals run when the test says so. */
class HandClock implements Clock {
  readonly tasks: Set<() => void> = new Set();
  now(): number {
    return 0;
  }
  monotonic(): number {
    return 0;
  }
  after(): () => void {
    return () => undefined;
  }
  every(_ms: number, task: () => void): () => void {
    this.tasks.add(task);
    return () => this.tasks.delete(task);
  }
  tick(): void {
    for (const task of this.tasks) task();
  }
}

function records(text: string): Record<string, unknown>[] {
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line));
}

/** Everything the stream has ready now. */
async function readAll(stream: FlowStream): Promise<string> {
  let text = '';
  for (;;) {
    const chunk: Buffer | null = stream.read();
    if (chunk !== null) text += chunk.toString();
    await new Promise((resolve) => setImmediate(resolve));
    if (chunk === null && stream.readableLength === 0) return text;
  }
}

test('the last flows, narrowed by each filter', async (t) => {
  const served = await serve();
  const { view, api } = served;
  view.flows.emit(
    flow({ from: 'a/1' }),
    flow({ from: 'a/2', event: 'close' }),
    flow({ from: 'a/3', verdict: 'refuse', reason: 'no_backend', event: 'refuse', backend: '' }),
    flow({ from: 'a/4', protocol: 'UDP', service: 'shop/dns', backend: 'shop/dns-1' }),
  );
  const from = async (query: string): Promise<unknown[]> =>
    records((await exchange(api.address, 'GET', `/v1/flows${query}`)).text).map((record) => record.from);
  t.deepEqual(await from(''), ['a/1', 'a/2', 'a/3', 'a/4']);
  t.deepEqual(await from('?limit=2'), ['a/3', 'a/4']);
  t.deepEqual(await from('?limit=0'), []);
  t.deepEqual(await from('?from=a/2'), ['a/2']);
  t.deepEqual(await from('?to=shop/dns'), ['a/4']);
  t.deepEqual(await from('?to=shop/dns-1'), ['a/4']);
  t.deepEqual(await from('?service=shop/dns&backend=shop/dns-1'), ['a/4']);
  t.deepEqual(await from('?verdict=refuse'), ['a/3']);
  t.deepEqual(await from('?reason=no_backend'), ['a/3']);
  t.deepEqual(await from('?event=close'), ['a/2']);
  t.deepEqual(await from('?protocol=UDP'), ['a/4']);
  view.flows.lostCount = 3;
  t.deepEqual(records((await exchange(api.address, 'GET', '/v1/flows?limit=0')).text), [{ event: 'lost', lost: 3 }]);
  await served.stop();
});

test('server-sent events when they are accepted', async (t) => {
  const served = await serve();
  served.view.flows.emit(flow());
  served.view.flows.lostCount = 1;
  const headers = { accept: 'text/event-stream' };
  const answer = await exchange(served.api.address, 'GET', '/v1/flows', { headers });
  t.regex(answer.headers['content-type']!, /^text\/event-stream/);
  t.is(answer.text, `event: flow\ndata: ${JSON.stringify(flow())}\n\nevent: lost\ndata: {"event":"lost","lost":1}\n\n`);
  await served.stop();
});

test('following streams what happens, and leaving unsubscribes', async (t) => {
  const served = await serve();
  const { view, api } = served;
  if (api.address.type !== 'unix') return t.fail();
  const options = { socketPath: api.address.path, path: '/v1/flows?follow&from=a/1', agent: false };
  await new Promise<void>((resolve, reject) => {
    request(options, (response) => {
      t.is(response.statusCode, 200);
      view.flows.emit(flow({ from: 'a/0' }), flow({ from: 'a/1' }));
      response.once('data', (chunk: Buffer) => {
        t.deepEqual(
          records(chunk.toString()).map((record) => record.from),
          ['a/1'],
        );
        response.destroy();
        resolve();
      });
    })
      .on('error', reject)
      .end();
  });
  while (view.flows.listeners.size > 0) await new Promise((resolve) => setImmediate(resolve));
  await served.stop();
  t.pass();
});

test('a client that does not read costs a bounded queue; what it misses is counted exactly, in its place', async (t) => {
  const { flows: hub } = new FakeView();
  const clock = new HandClock();
  const stream = new FlowStream(hub, {}, 0, 'ndjson', clock);
  const sent = 5_000;
  for (let index = 0; index < sent; index++) hub.emit(flow({ servicePort: index }));
  const first = records(await readAll(stream));
  const missed = first.filter((record) => record.event === 'lost');
  t.is(missed.length, 1);
  t.is(first.at(-1)?.event, 'lost');
  t.is(first.length - 1 + Number(missed[0]!.lost), sent);
  t.true(first.length <= 1_025);
  hub.emit(flow({ servicePort: 1 }));
  const next = records(await readAll(stream));
  t.deepEqual(
    next.map((record) => record.event),
    ['open'],
  );
  stream.destroy();
});

test('with a reader that stops and goes on, flows and losses add up', async (t) => {
  const { flows: hub } = new FakeView();
  const stream = new FlowStream(hub, { protocol: 'TCP' }, 0, 'ndjson', new HandClock());
  let seen = 0;
  let lost = 0;
  let emitted = 0;
  let last = -1;
  const read = async (): Promise<void> => {
    for (const record of records(await readAll(stream))) {
      if (record.event === 'lost') lost += Number(record.lost);
      else {
        seen += 1;
        t.true(Number(record.servicePort) > last);
        last = Number(record.servicePort);
      }
    }
  };
  for (let round = 0; round < 20; round++) {
    for (let index = 0; index < 400 * (round % 5); index++) {
      hub.emit(flow({ servicePort: emitted++ }), flow({ protocol: 'UDP' }));
    }
    if (round % 3 === 0) await read();
  }
  await read();
  t.is(seen + lost, emitted);
  t.true(lost > 0);
  stream.destroy();
});

test('what the kernel lost is told too, even when nothing follows', async (t) => {
  const { flows: hub } = new FakeView();
  hub.lostCount = 10;
  const clock = new HandClock();
  const stream = new FlowStream(hub, {}, 0, 'ndjson', clock);
  hub.emit(flow());
  hub.lostCount = 14;
  hub.emit(flow());
  hub.lostCount = 15;
  clock.tick();
  t.deepEqual(
    records(await readAll(stream)).map((record) => [record.event, record.lost]),
    [
      ['open', undefined],
      ['lost', 4],
      ['open', undefined],
      ['lost', 1],
    ],
  );
  stream.destroy();
  await new Promise((resolve) => stream.once('close', resolve));
  t.is(hub.listeners.size, 0);
  t.is(clock.tasks.size, 0);
});

test('the number of followers is bounded', async (t) => {
  const served = await serve();
  const { api } = served;
  if (api.address.type !== 'unix') return t.fail();
  const { path } = api.address;
  const follow = (): Promise<number> =>
    new Promise((resolve, reject) => {
      request({ socketPath: path, path: '/v1/flows?follow=1', agent: false }, (response) => {
        response.on('error', () => undefined);
        resolve(response.statusCode ?? 0);
      })
        .on('error', reject)
        .end();
    });
  for (let index = 0; index < 32; index++) t.is(await follow(), 200);
  t.is(await follow(), 503);
  await served.stop();
});
