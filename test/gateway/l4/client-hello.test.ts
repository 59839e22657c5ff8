import { once } from 'node:events';
import { createServer } from 'node:net';
import { type ConnectionOptions, connect } from 'node:tls';
import test from 'ava';
import fc from 'fast-check';
import { longestHello, readClientHello } from '../../../agent/gateway/l4/client-hello.js';

/** What Node's own TLS says first. */
async function helloOf(options: ConnectionOptions): Promise<Buffer> {
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const accepted = once(server, 'connection');
  const client = connect({ port: (server.address() as { port: number }).port, host: '127.0.0.1', ...options });
  client.on('error', () => {});
  const [socket] = await accepted;
  const [bytes] = await once(socket, 'data');
  client.destroy();
  socket.destroy();
  server.close();
  return bytes;
}

const number = (value: number, width: number): Buffer => {
  const bytes = Buffer.alloc(width);
  bytes.writeUIntBE(value, 0, width);
  return bytes;
};
const vector = (width: number, content: Buffer): Buffer => Buffer.concat([number(content.length, width), content]);
const text = (value: string): Buffer => Buffer.from(value, 'latin1');

function extension(type: number, content: Buffer): Buffer {
  return Buffer.concat([number(type, 2), vector(2, content)]);
}

const sniOf = (name: string): Buffer =>
  extension(0, vector(2, Buffer.concat([Buffer.from([0]), vector(2, text(name))])));

/** A handshake message with these extensions. */
function message(extensions: readonly Buffer[], session = Buffer.alloc(0)): Buffer {
  const body = Buffer.concat([
    number(0x0303, 2),
    Buffer.alloc(32, 7),
    vector(1, session),
    vector(2, number(0x1301, 2)),
    vector(1, Buffer.from([0])),
    vector(2, Buffer.concat(extensions)),
  ]);
  return Buffer.concat([Buffer.from([1]), vector(3, body)]);
}

/** Split into records of at most `size` bytes. */
function records(handshake: Buffer, size = 16_384): Buffer {
  const parts: Buffer[] = [];
  for (let at = 0; at < handshake.length; at += size) {
    parts.push(Buffer.from([22, 3, 1]), vector(2, handshake.subarray(at, at + size)));
  }
  return Buffer.concat(parts);
}

test("reads the name and the protocols of Node's own ClientHello", async (t) => {
  const bytes = await helloOf({ servername: 'Shop.Example', ALPNProtocols: ['h2', 'http/1.1'] });
  const hello = { sni: 'shop.example', protocols: ['h2', 'http/1.1'] };
  t.deepEqual(readClientHello(bytes), { type: 'hello', hello });
  t.deepEqual(readClientHello(Buffer.concat([bytes, text('more')])), { type: 'hello', hello });
  for (let end = 0; end < bytes.length; end++) t.is(readClientHello(bytes.subarray(0, end)).type, 'more');
});

test('no name is an empty one', async (t) => {
  t.deepEqual(readClientHello(await helloOf({})), { type: 'hello', hello: { sni: '', protocols: [] } });
});

test('a message may be split over records', (t) => {
  const handshake = message([sniOf('a.example')]);
  for (const size of [2, 3, 5, 40]) {
    const result = readClientHello(records(handshake, size));
    t.deepEqual(result, { type: 'hello', hello: { sni: 'a.example', protocols: [] } }, String(size));
  }
  t.is(readClientHello(records(handshake, 1)).type, 'none');
});

const refused: readonly (readonly [name: string, bytes: Buffer])[] = [
  ['HTTP', text('GET / HTTP/1.1\r\n')],
  ['SSL 2', Buffer.from([0x80, 0x2e, 1, 0, 2])],
  ['an alert', Buffer.from([21, 3, 1, 0, 2, 1, 0])],
  ['another handshake message', records(Buffer.from([2, 0, 0, 1, 0]))],
  ['an empty record', Buffer.from([22, 3, 1, 0, 0])],
  ['a record beyond 2^14', Buffer.from([22, 3, 1, 0x40, 1, 1])],
  ['a message beyond the bound', Buffer.from([22, 3, 1, 0x10, 0, 1, 0xff, 0xff, 0xff])],
  [
    'two names',
    records(
      message([
        extension(
          0,
          vector(2, Buffer.concat([Buffer.from([0]), vector(2, text('a')), Buffer.from([0]), vector(2, text('b'))])),
        ),
      ]),
    ),
  ],
  ['the extension twice', records(message([sniOf('a'), sniOf('b')]))],
  ['a name with a blank', records(message([sniOf('a b')]))],
  ['a name with a null', records(message([sniOf('a\0.example')]))],
  ['an empty name', records(message([sniOf('')]))],
  ['a name that is too long', records(message([sniOf('a'.repeat(254))]))],
  ['a name longer than its extension', records(message([extension(0, Buffer.from([0, 9, 0, 0, 6, 97]))]))],
  [
    'bytes behind the extensions',
    records(Buffer.concat([Buffer.from([1]), vector(3, Buffer.concat([message([]).subarray(4), text('x')]))])),
  ],
  ['a session id beyond 32 bytes', records(message([], Buffer.alloc(33)))],
  ['an empty list of protocols', records(message([extension(16, vector(2, Buffer.alloc(0)))]))],
];

for (const [name, bytes] of refused) {
  test(`no ClientHello: ${name}`, (t) => {
    t.is(readClientHello(bytes).type, 'none');
  });
}

test('what never becomes whole is given up at a bound', (t) => {
  const endless = records(Buffer.concat([Buffer.from([1, 0, 0x7f, 0xf0]), Buffer.alloc(longestHello)]));
  t.is(readClientHello(endless.subarray(0, 20_000)).type, 'more');
  t.not(readClientHello(endless).type, 'more');
});

test('mutated hellos never throw, and a name that is read is a host name', (t) => {
  const whole = records(message([sniOf('shop.example'), extension(16, vector(2, vector(1, text('h2'))))]), 30);
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.nat(whole.length - 1), fc.integer({ min: 0, max: 255 })), { maxLength: 6 }),
      fc.nat(whole.length),
      (changes, end) => {
        const bytes = Buffer.from(whole);
        for (const [at, value] of changes) bytes[at] = value;
        const result = readClientHello(bytes.subarray(0, end));
        return result.type !== 'hello' || /^[a-z0-9_.-]*$/.test(result.hello.sni);
      },
    ),
    { numRuns: 50_000 },
  );
  t.pass();
});
