import test from 'ava';
import { http1Limits } from '../../../agent/gateway/http1/limits.js';
import { answerWith, settle, Wire } from './wire.js';

const get = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n';
const ok = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok';
const okClose = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok';

function refusal(line: string): string {
  return `HTTP/1.1 ${line}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n`;
}

test('a request is handed over without the fields of its connection', async (t) => {
  const wire = new Wire();
  await wire.send(
    'POST /a/../b?c HTTP/1.1\r\nHost: A:80\r\nConnection: X-Hop, keep-alive\r\nX-Hop: 1\r\nKeep-Alive: 5\r\nTE: gzip, trailers\r\nX: y\r\nContent-Length: 3\r\n\r\nabc',
  );
  const { head, body, exchange } = wire.received[0]!;
  t.deepEqual(
    { ...head },
    {
      version: 'HTTP/1.1',
      method: 'POST',
      scheme: 'http',
      authority: 'A:80',
      target: '/b?c',
      fields: ['TE', 'trailers', 'X', 'y'],
      length: 3,
      upgrade: '',
      expectContinue: false,
    },
  );
  t.is(body.text, 'abc');
  t.deepEqual(body.events, ['end']);
  t.is(exchange.downstream.pod, 'shop/cart');
});

test('a response is framed by its length, by chunks, or by nothing', async (t) => {
  const wire = new Wire();
  await wire.send(get);
  wire.received[0]!.exchange.respond({ status: 200, fields: ['X', 'y'], length: 4 }, false);
  wire.received[0]!.exchange.write(Buffer.from('abcd'));
  wire.received[0]!.exchange.end([]);
  await settle();
  t.is(wire.takeOutput(), 'HTTP/1.1 200 OK\r\nX: y\r\nContent-Length: 4\r\n\r\nabcd');

  await wire.send(get);
  wire.received[1]!.exchange.respond({ status: 200, fields: [], length: undefined }, false);
  wire.received[1]!.exchange.write(Buffer.from('ab'));
  wire.received[1]!.exchange.write(Buffer.alloc(20_000, 'c'));
  wire.received[1]!.exchange.end(['X-Sum', '1']);
  await settle();
  const chunks = `2\r\nab\r\n4e20\r\n${'c'.repeat(20_000)}\r\n0\r\nX-Sum: 1\r\n\r\n`;
  t.is(wire.takeOutput(), `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n${chunks}`);

  await wire.send(get);
  wire.received[2]!.exchange.respond({ status: 204, fields: [], length: undefined }, true);
  await settle();
  t.is(wire.takeOutput(), 'HTTP/1.1 204 No Content\r\n\r\n');

  await wire.send(get);
  wire.received[3]!.exchange.respond({ status: 404, fields: [], length: undefined }, true);
  await settle();
  t.is(wire.takeOutput(), 'HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n');
  t.is(wire.connection.inFlight, 0);
});

test('a HEAD response and a 304 say a length and send nothing', async (t) => {
  const wire = new Wire();
  await wire.send('HEAD / HTTP/1.1\r\nHost: a\r\n\r\n');
  wire.received[0]!.exchange.respond({ status: 200, fields: [], length: 7 }, false);
  wire.received[0]!.exchange.write(Buffer.from('unwanted'));
  wire.received[0]!.exchange.end([]);
  await wire.send(get);
  wire.received[1]!.exchange.respond({ status: 304, fields: [], length: 7 }, true);
  await settle();
  t.is(
    wire.takeOutput(),
    'HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\nHTTP/1.1 304 Not Modified\r\nContent-Length: 7\r\n\r\n',
  );
});

test('a response that breaks its announced length breaks the connection', async (t) => {
  for (const text of ['abc', 'a']) {
    const wire = new Wire();
    await wire.send(get);
    wire.received[0]!.exchange.respond({ status: 200, fields: [], length: 2 }, false);
    wire.received[0]!.exchange.write(Buffer.from(text));
    wire.received[0]!.exchange.end([]);
    await settle();
    t.is(wire.closed, 1);
  }
});

test('a Date is added where there is none', async (t) => {
  const wire = new Wire(answerWith('ok'));
  await wire.send(get);
  t.true(wire.output.includes('Date: Fri, 02 Jan 2026 03:04:05 GMT\r\n'));
});

test('pipelined requests are answered in order, one at a time', async (t) => {
  const wire = new Wire();
  await wire.send(
    'GET /1 HTTP/1.1\r\nHost: a\r\n\r\nGET /2 HTTP/1.1\r\nHost: a\r\n\r\nGET /3 HTTP/1.1\r\nHost: a\r\n\r\n',
  );
  t.is(wire.received.length, 1);
  t.is(wire.connection.inFlight, 1);
  for (const text of ['1', '2', '3']) {
    const { exchange, head } = wire.received.at(-1)!;
    t.is(head.target, `/${text}`);
    exchange.respond({ status: 200, fields: [], length: 1 }, false);
    exchange.write(Buffer.from(text));
    exchange.end([]);
    await settle();
  }
  const one = 'HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n';
  t.is(wire.takeOutput(), `${one}1${one}2${one}3`);
});

test('bytes read before are served first', async (t) => {
  const wire = new Wire(answerWith('ok'), { first: 'GET / HTTP/1.1\r\nHo' });
  await wire.send('st: a\r\n\r\n');
  t.is(wire.takeOutput(), ok);
});

test('HTTP/1.0 and Connection: close', async (t) => {
  const old = new Wire(answerWith('ok'));
  await old.send('GET / HTTP/1.0\r\n\r\n');
  t.is(old.takeOutput(), okClose);
  t.is(old.received[0]!.head.authority, '');
  t.true(old.hasEnd);

  const kept = new Wire(answerWith('ok'));
  await kept.send('GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n');
  t.is(kept.takeOutput(), 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: keep-alive\r\n\r\nok');
  t.false(kept.hasEnd);

  const unknown = new Wire();
  await unknown.send('GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n');
  unknown.received[0]!.exchange.informational(103, []);
  unknown.received[0]!.exchange.respond({ status: 200, fields: [], length: undefined }, false);
  unknown.received[0]!.exchange.write(Buffer.from('abc'));
  unknown.received[0]!.exchange.end([]);
  await settle();
  t.is(unknown.takeOutput(), 'HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nabc');
  t.true(unknown.hasEnd);

  const close = new Wire(answerWith('ok'));
  await close.send(`GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n${get}`);
  t.is(close.takeOutput(), okClose);
  t.is(close.received.length, 1);
});

test('100 is sent when somebody wants the body, once', async (t) => {
  const wire = new Wire(() => {});
  await wire.send('POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n');
  t.is(wire.output, '');
  const { exchange, body } = wire.received[0]!;
  t.true(exchange.head.expectContinue);
  exchange.informational(103, ['Link', '<a>']);
  exchange.receive(body);
  exchange.informational(100, []);
  await settle();
  t.is(wire.takeOutput(), 'HTTP/1.1 103 Early Hints\r\nLink: <a>\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n');
  await wire.send('ab');
  t.is(body.text, 'ab');
});

test('an answer instead of 100 ends the connection: a body may or may not come', async (t) => {
  const wire = new Wire(({ exchange }) => exchange.respond({ status: 417, fields: [], length: 0 }, true));
  await wire.send('POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n');
  t.is(wire.takeOutput(), 'HTTP/1.1 417 Expectation Failed\r\nContent-Length: 0\r\nConnection: close\r\n\r\n');
  t.true(wire.hasEnd);
});

test('a body waits for its receiver and heeds pause', async (t) => {
  const wire = new Wire(() => {});
  await wire.send('POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n');
  const { exchange, body } = wire.received[0]!;
  let buffered = 0;
  while (wire.far.write(Buffer.from(`1000\r\n${'x'.repeat(4096)}\r\n`)) && buffered < 1_000_000) buffered += 4096;
  t.true(buffered < 200_000, 'the client must be held back');
  await settle();
  exchange.receive(body);
  await settle();
  t.true(body.text.startsWith('abcxxx'));
  const before = body.text.length;
  exchange.pause();
  await wire.send('1\r\ny\r\n', '1\r\nz\r\n');
  t.is(body.text.length, before);
  exchange.resume();
  await wire.send('0\r\nX-Sum: 1\r\nAuthorization: no\r\n\r\n');
  t.is(body.text.length, before + 2);
  t.deepEqual(body.events, ['end X-Sum 1']);
});

test('a writer is told that the client is slow, and when it is not any more', async (t) => {
  const wire = new Wire();
  await wire.send(get);
  const { exchange, body } = wire.received[0]!;
  wire.far.pause();
  exchange.respond({ status: 200, fields: [], length: undefined }, false);
  let writes = 0;
  while (exchange.write(Buffer.alloc(65_536)) && writes < 100) writes++;
  t.true(writes < 100);
  t.deepEqual(body.events, ['end']);
  wire.far.resume();
  await settle();
  t.deepEqual(body.events, ['end', 'drained']);
});

test('a reader that has stopped is given up', async (t) => {
  const wire = new Wire();
  await wire.send(get);
  wire.far.pause();
  const { exchange, body } = wire.received[0]!;
  exchange.respond({ status: 200, fields: [], length: undefined }, false);
  while (exchange.write(Buffer.alloc(65_536)));
  await settle();
  await wire.advance(119_000);
  t.is(wire.closed, 0);
  await wire.advance(3_000);
  t.is(wire.closed, 1);
  t.deepEqual(body.events, ['end', 'fail cancelled']);
});

test('an early response keeps the connection when little of the body is left', async (t) => {
  const wire = new Wire(answerWith('ok'));
  await wire.send('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 6\r\n\r\nab');
  t.is(wire.takeOutput(), ok);
  await wire.send(`cdef${get}`);
  t.is(wire.takeOutput(), ok);
  t.is(wire.received.length, 2);
});

test('an early response before a long body closes, and the client can still read it', async (t) => {
  const wire = new Wire(answerWith('ok'));
  await wire.send('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\nab');
  t.is(wire.takeOutput(), okClose);
  t.true(wire.hasEnd);
  await wire.send('x'.repeat(100_000));
  t.is(wire.closed, 0);
  await wire.advance(3_500);
  t.is(wire.closed, 1);
});

test('a body without a length that does not end is not read for ever', async (t) => {
  const wire = new Wire(answerWith('ok'));
  await wire.send('POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n');
  t.is(wire.takeOutput(), ok);
  for (let sent = 0; sent < 5; sent++) await wire.send(`10000\r\n${'x'.repeat(65_536)}\r\n`);
  t.true(wire.hasEnd);
});

test('deadlines: head, idle, body', async (t) => {
  const slow = new Wire();
  await slow.send('GET / HTTP/1.1\r\n');
  await slow.advance(6_000);
  await slow.send('Host: a\r\n');
  await slow.advance(6_000);
  t.is(slow.takeOutput(), refusal('408 Request Timeout'));
  t.deepEqual(slow.refused, [408]);

  const idle = new Wire(answerWith('ok'));
  await idle.send(get);
  await idle.advance(74_000);
  t.is(idle.closed, 0);
  await idle.advance(3_000);
  t.is(idle.closed, 1);
  t.is(idle.takeOutput(), ok);

  const body = new Wire();
  await body.send('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\na');
  await body.advance(50_000);
  await body.send('b');
  await body.advance(50_000);
  t.is(body.output, '');
  await body.advance(12_000);
  t.is(body.takeOutput(), refusal('408 Request Timeout'));
  t.deepEqual(body.received[0]!.body.events, ['fail idle-timeout']);

  const served = new Wire();
  await served.send(get);
  await served.advance(3_600_000);
  t.is(served.closed, 0, 'how long a backend takes is not the codec’s affair');
});

test('a body that breaks its framing is refused, and its receiver is told', async (t) => {
  const wire = new Wire();
  await wire.send('POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n', '3 \r\nabc\r\n');
  t.deepEqual(wire.received[0]!.body.events, ['fail protocol-error']);
  t.is(wire.takeOutput(), refusal('400 Bad Request'));
  t.true(wire.hasEnd);
});

test('a client that goes away, or ends its side, at every stage', async (t) => {
  const waiting = new Wire();
  await waiting.send(get);
  waiting.near.destroy();
  await settle();
  t.deepEqual(waiting.received[0]!.body.events, ['end', 'fail cancelled']);
  t.is(waiting.closed, 1);

  const half = new Wire();
  await half.send(get);
  half.far.end();
  await settle();
  answerWith('ok')(half.received[0]!);
  await settle();
  t.is(half.takeOutput(), okClose);

  const cut = new Wire();
  await cut.send('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\na');
  cut.far.end();
  await settle();
  t.deepEqual(cut.received[0]!.body.events, ['fail protocol-error']);
  t.is(cut.takeOutput(), refusal('400 Bad Request'));

  const head = new Wire();
  await head.send('GET / HTTP/1.1\r\nHo');
  head.far.end();
  await settle();
  t.is(head.takeOutput(), refusal('400 Bad Request'));

  const nothing = new Wire();
  nothing.far.end();
  await settle();
  t.is(nothing.output, '');
  t.is(nothing.closed, 1);
});

test('draining: idle closes after a while, a response in progress ends, a request that comes is served as the last', async (t) => {
  const idle = new Wire();
  idle.connection.drain();
  await settle();
  t.false(idle.hasEnd);
  await idle.advance(http1Limits.drainIdleMs + 1_000);
  t.true(idle.hasEnd);

  const busy = new Wire();
  await busy.send(get);
  busy.connection.drain();
  await settle();
  t.false(busy.hasEnd);
  answerWith('ok')(busy.received[0]!);
  await settle();
  t.is(busy.takeOutput(), okClose);
  t.true(busy.hasEnd);

  const late = new Wire(answerWith('ok'));
  late.connection.drain();
  await settle();
  await late.send(get);
  t.is(late.takeOutput(), okClose);
  t.true(late.hasEnd);

  const started = new Wire();
  await started.send(get);
  started.received[0]!.exchange.respond({ status: 200, fields: [], length: 2 }, false);
  started.connection.drain();
  started.received[0]!.exchange.write(Buffer.from('ok'));
  started.received[0]!.exchange.end([]);
  await settle();
  t.is(started.takeOutput(), ok);
  t.false(started.hasEnd);
  await started.send(get);
  started.received[1]!.exchange.respond({ status: 200, fields: [], length: 2 }, false);
  started.received[1]!.exchange.write(Buffer.from('ok'));
  started.received[1]!.exchange.end([]);
  await settle();
  t.is(started.takeOutput(), okClose);
  t.true(started.hasEnd);
});

test('an aborted exchange closes without an answer', async (t) => {
  const wire = new Wire(({ exchange }) => exchange.abort('reset'));
  await wire.send(get);
  t.is(wire.output, '');
  t.is(wire.closed, 1);
});

test('an upgrade becomes a tunnel', async (t) => {
  const wire = new Wire(() => {});
  await wire.send('GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: WebSocket\r\n\r\nearly');
  const { exchange, body } = wire.received[0]!;
  t.is(exchange.head.upgrade, 'websocket');
  const tunnel = exchange.upgrade({ status: 101, fields: ['Sec-WebSocket-Accept', 'x'], length: undefined });
  tunnel.receive(body);
  tunnel.write(Buffer.from('hello'));
  await wire.send(' bytes');
  t.is(
    wire.takeOutput(),
    'HTTP/1.1 101 Switching Protocols\r\nSec-WebSocket-Accept: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\nhello',
  );
  t.is(body.text, 'early bytes');
  wire.far.end();
  await settle();
  t.deepEqual(body.events, ['end']);
  tunnel.write(Buffer.from('last'));
  tunnel.end();
  await settle();
  t.is(wire.takeOutput(), 'last');
  t.true(wire.hasEnd);
  t.is(wire.closed, 1);
});

test('h2c is never switched to', async (t) => {
  const wire = new Wire(answerWith('ok'));
  await wire.send(
    'GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: x\r\n\r\n',
  );
  t.is(wire.received[0]!.head.upgrade, '');
  t.deepEqual(wire.received[0]!.head.fields, []);
  t.is(wire.takeOutput(), ok);
});
