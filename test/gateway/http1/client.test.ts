import test from 'ava';
import { BackendWire, settle } from './wire.js';

const ok = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok';

test('a request is framed anew', async (t) => {
  const wire = new BackendWire();
  wire.ask({ target: '/a?b', authority: 'users', fields: ['X', 'y', 'TE', 'trailers'] });
  await settle();
  t.is(wire.output, 'GET /a?b HTTP/1.1\r\nHost: users\r\nX: y\r\nTE: trailers\r\nConnection: TE\r\n\r\n');

  const post = new BackendWire();
  post.ask({ method: 'POST' });
  await settle();
  t.is(post.output, 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n');

  const length = new BackendWire();
  const { exchange } = length.ask({ method: 'PUT', length: 3, expectContinue: true }, false);
  exchange.write(Buffer.from('abc'));
  exchange.end([]);
  await settle();
  t.is(length.output, 'PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\nabc');

  const chunked = new BackendWire();
  const chunks = chunked.ask({ method: 'PUT', length: undefined }, false).exchange;
  chunks.write(Buffer.from('abc'));
  chunks.write(Buffer.alloc(17_000, 'd'));
  chunks.end(['X-Sum', '1']);
  await settle();
  const body = `3\r\nabc\r\n4268\r\n${'d'.repeat(17_000)}\r\n0\r\nX-Sum: 1\r\n\r\n`;
  t.is(chunked.output, `PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n${body}`);
});

test('what would end the request line early is not sent', async (t) => {
  for (const change of [{ target: '/a b' }, { target: '/\r\nX: y' }, { authority: 'a\r\nX' }, { method: 'G T' }]) {
    const wire = new BackendWire();
    const { recorder } = wire.ask(change);
    await settle();
    t.is(wire.output, '');
    t.deepEqual(recorder.events, ['fail protocol-error']);
  }
});

test('a connection is used again when both messages ended cleanly', async (t) => {
  const wire = new BackendWire();
  for (let round = 1; round <= 3; round++) {
    t.is(wire.client.capacity, 1);
    const { recorder } = wire.ask();
    t.is(wire.client.capacity, 0);
    t.is(wire.client.inFlight, 1);
    await wire.send(ok);
    t.is(recorder.text, 'ok');
    t.deepEqual(recorder.events, ['head 200', 'end']);
    t.is(wire.changes, round);
  }
  t.true(wire.client.isOpen);
});

test('responses end by length, chunks, the connection, or at once', async (t) => {
  const story: readonly (readonly [string, string, string, readonly string[]])[] = [
    [
      'GET',
      'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nX-Sum: 1\r\n\r\n',
      'ok',
      ['head 200', 'end X-Sum 1'],
    ],
    ['GET', 'HTTP/1.1 204 No Content\r\n\r\n', '', ['head 204 ended']],
    ['GET', 'HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n', '', ['head 304 ended']],
    ['HEAD', 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n', '', ['head 200 ended']],
    ['HEAD', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n', '', ['head 200 ended']],
    ['GET', 'HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n', '', ['head 200 ended']],
    [
      'GET',
      `HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n${ok}`,
      'ok',
      ['informational 103', 'informational 100', 'head 200', 'end'],
    ],
  ];
  for (const [method, bytes, body, events] of story) {
    const wire = new BackendWire();
    const { recorder } = wire.ask({ method });
    await wire.send(bytes);
    t.is(recorder.text, body, bytes);
    t.deepEqual(recorder.events, events, bytes);
    t.is(wire.client.capacity, 1, bytes);
  }
  const wire = new BackendWire();
  const { recorder } = wire.ask();
  await wire.send('HTTP/1.0 200 OK\r\n\r\nall', ' the rest');
  t.deepEqual(recorder.events, ['head 200']);
  wire.far.end();
  await settle();
  t.is(recorder.text, 'all the rest');
  t.deepEqual(recorder.events, ['head 200', 'end']);
  t.is(wire.closed, 1);
});

test('Connection: close, a bound on requests and close() end it after the response', async (t) => {
  const close = new BackendWire();
  const one = close.ask();
  await close.send('HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok');
  t.deepEqual(one.recorder.events, ['head 200', 'end']);
  t.is(close.closed, 1);

  const bound = new BackendWire({ maxRequests: 1 });
  const last = bound.ask();
  t.false(bound.client.isOpen);
  await bound.send(ok);
  t.deepEqual(last.recorder.events, ['head 200', 'end']);
  t.is(bound.closed, 1);

  const told = new BackendWire();
  const current = told.ask();
  told.client.close();
  t.is(told.closed, 0);
  await told.send(ok);
  t.deepEqual(current.recorder.events, ['head 200', 'end']);
  t.is(told.closed, 1);
});

test('a connection that ends: before it was used, after it was idle, in the middle', async (t) => {
  const fresh = new BackendWire();
  const first = fresh.ask();
  await settle();
  fresh.far.end();
  await settle();
  t.deepEqual(first.recorder.events, ['fail reset']);

  const idle = new BackendWire();
  idle.ask();
  await idle.send(ok);
  const second = idle.ask();
  idle.far.end();
  await settle();
  t.deepEqual(second.recorder.events, ['fail reset-unsent']);
  t.is(idle.closed, 1);

  const once = new BackendWire();
  once.ask();
  await once.send(ok);
  const order = once.ask({ method: 'POST', length: 0 });
  once.far.end();
  await settle();
  t.deepEqual(order.recorder.events, ['fail reset'], 'the order may have been taken');

  const sent = new BackendWire();
  sent.ask();
  await sent.send(ok);
  const third = sent.ask({ method: 'POST', length: 3 }, false);
  third.exchange.write(Buffer.from('abc'));
  sent.far.end();
  await settle();
  t.deepEqual(third.recorder.events, ['fail reset']);

  const cut = new BackendWire();
  const fourth = cut.ask();
  await cut.send('HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nab');
  cut.far.end();
  await settle();
  t.deepEqual(fourth.recorder.events, ['head 200', 'fail reset']);

  const late = new BackendWire();
  late.client.destroy();
  const fifth = late.ask();
  await settle();
  t.deepEqual(fifth.recorder.events, ['fail reset-unsent']);
});

test('bytes that nobody asked for end an idle connection, and never answer the next request', async (t) => {
  const idle = new BackendWire();
  idle.ask();
  await idle.send(ok);
  await idle.send('HTTP/1.1 200 OK\r\n');
  t.is(idle.closed, 1);

  const behind = new BackendWire();
  const { recorder } = behind.ask();
  await behind.send(`${ok}HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil`);
  t.is(recorder.text, 'ok');
  t.deepEqual(recorder.events, ['head 200', 'end']);
  t.is(behind.client.capacity, 0);
  t.is(behind.closed, 1);
});

test('a response before the request has ended is given, and the connection is not used again', async (t) => {
  const wire = new BackendWire();
  const { recorder, exchange } = wire.ask({ method: 'POST', length: 100 }, false);
  exchange.write(Buffer.from('a'));
  await wire.send('HTTP/1.1 413 Content Too Large\r\nContent-Length: 2\r\n\r\nno');
  t.is(recorder.text, 'no');
  t.deepEqual(recorder.events, ['head 413', 'end']);
  t.is(wire.closed, 1);
  t.true(exchange.write(Buffer.from('b')));
});

test('an abandoned exchange takes its connection along', async (t) => {
  const wire = new BackendWire();
  const { recorder, exchange } = wire.ask();
  exchange.abort();
  await settle();
  t.deepEqual(recorder.events, []);
  t.is(wire.closed, 1);
});

test('pause holds a response back', async (t) => {
  const wire = new BackendWire();
  const { recorder, exchange } = wire.ask();
  await wire.send('HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nab');
  exchange.pause();
  await wire.send('cd');
  t.is(recorder.text, 'ab');
  exchange.resume();
  await settle();
  t.is(recorder.text, 'abcd');
  t.deepEqual(recorder.events, ['head 200', 'end']);
});

test('a backend that has stopped reading is given up', async (t) => {
  const wire = new BackendWire();
  wire.far.pause();
  const { recorder, exchange } = wire.ask({ method: 'POST', length: undefined }, false);
  while (exchange.write(Buffer.alloc(65_536)));
  await settle();
  wire.clock.advance(122_000);
  await settle();
  t.deepEqual(recorder.events, ['fail idle-timeout']);
  t.is(wire.closed, 1);
});

test('101 becomes a tunnel when it was asked for', async (t) => {
  const wire = new BackendWire();
  const { recorder } = wire.ask({ upgrade: 'websocket' });
  await settle();
  t.is(wire.output, 'GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n');
  await wire.send('HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: WebSocket\r\n\r\nearly');
  t.deepEqual(recorder.events, ['upgraded 101']);
  recorder.tunnel!.receive(recorder);
  await wire.send(' bytes');
  t.is(recorder.text, 'early bytes');
  t.is(wire.client.inFlight, 1);
  recorder.tunnel!.write(Buffer.from('up'));
  recorder.tunnel!.end();
  wire.far.end();
  await settle();
  t.true(wire.output.endsWith('\r\n\r\nup'));
  t.deepEqual(recorder.events, ['upgraded 101', 'end']);
  t.is(wire.closed, 1);
});

const switching = 'HTTP/1.1 101 Switching Protocols\r\n';

/** Bytes that are no response that all programs would read alike. */
const bad: Readonly<Record<string, string>> = {
  'another protocol': 'SSH-2.0-OpenSSH\r\n',
  'HTTP/2': 'HTTP/2.0 200 OK\r\nContent-Length: 0\r\n\r\n',
  'a status of two digits': 'HTTP/1.1 20 OK\r\nContent-Length: 0\r\n\r\n',
  'a status of four digits': 'HTTP/1.1 2000 OK\r\nContent-Length: 0\r\n\r\n',
  'a status above 599': 'HTTP/1.1 600 OK\r\nContent-Length: 0\r\n\r\n',
  'a bare LF': 'HTTP/1.1 200 OK\nContent-Length: 0\r\n\r\n',
  'a bare CR': 'HTTP/1.1 200 OK\rContent-Length: 0\r\n\r\n',
  'NUL in the reason': 'HTTP/1.1 200 O\0K\r\nContent-Length: 0\r\n\r\n',
  'NUL in a value': 'HTTP/1.1 200 OK\r\nX: a\0b\r\nContent-Length: 0\r\n\r\n',
  'line folding': 'HTTP/1.1 200 OK\r\nX: a\r\n b\r\nContent-Length: 0\r\n\r\n',
  'a blank before the colon': 'HTTP/1.1 200 OK\r\nContent-Length : 0\r\n\r\n',
  'two lengths': 'HTTP/1.1 200 OK\r\nContent-Length: 0\r\nContent-Length: 0\r\n\r\n',
  'a signed length': 'HTTP/1.1 200 OK\r\nContent-Length: +0\r\n\r\n',
  'a list of lengths': 'HTTP/1.1 200 OK\r\nContent-Length: 0, 0\r\n\r\n',
  'length and chunks': 'HTTP/1.1 200 OK\r\nContent-Length: 0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
  'another coding': 'HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n',
  'two codings': 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
  'chunks in HTTP/1.0': 'HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
  'an underscore for a hyphen': 'HTTP/1.1 200 OK\r\nContent_Length: 0\r\nContent-Length: 0\r\n\r\n',
  'a 204 with a body': 'HTTP/1.1 204 No Content\r\nContent-Length: 2\r\n\r\nok',
  'a 204 with chunks': 'HTTP/1.1 204 No Content\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
  'a 101 nobody asked for': `${switching}Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n`,
  'a 100 of HTTP/1.0': 'HTTP/1.0 100 Continue\r\n\r\n',
  'endless 1xx': 'HTTP/1.1 102 Processing\r\n\r\n'.repeat(17),
  'a head of 40 KiB': `HTTP/1.1 200 OK\r\nX: ${'a'.repeat(40_000)}`,
  '129 fields': `HTTP/1.1 200 OK\r\n${'X: y\r\n'.repeat(129)}\r\n`,
};

for (const [name, bytes] of Object.entries(bad)) {
  test(`a response with ${name} is a protocol error`, async (t) => {
    const wire = new BackendWire();
    const { recorder } = wire.ask();
    await wire.send(bytes);
    t.is(recorder.events.at(-1), 'fail protocol-error');
    t.true(recorder.events.every((event) => event.startsWith('informational') || event === 'fail protocol-error'));
    t.is(wire.closed, 1);
  });
}

for (const chunks of [
  '2 \r\nok\r\n0\r\n\r\n',
  '2\nok\n0\n\n',
  '-2\r\nok\r\n',
  '0x2\r\nok\r\n',
  '2\r\nokk\r\n',
  'g\r\n',
  '1000000000000000\r\n',
  '0\r\nContent-Length: 3\r\n\r\n',
]) {
  test(`a response with the chunks ${JSON.stringify(chunks)} is a protocol error`, async (t) => {
    const wire = new BackendWire();
    const { recorder } = wire.ask();
    await wire.send('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n', chunks);
    t.deepEqual(recorder.events, ['head 200', 'fail protocol-error']);
    t.is(wire.closed, 1);
  });
}
