import test from 'ava';
import fc from 'fast-check';
import { hostileRequests } from './hostile-requests.js';
import { BackendWire, settle, Wire } from './wire.js';

interface Outcome {
  readonly requests: readonly string[];
  readonly output: string;
}

async function outcomeOf(pieces: readonly string[]): Promise<Outcome> {
  const wire = new Wire(({ exchange, body }) => {
    exchange.receive({
      data: (chunk) => body.data(chunk),
      end: (trailers) => {
        body.end(trailers);
        exchange.respond({ status: 200, fields: [], length: 0 }, true);
      },
      fail: (why) => body.fail(why),
      drained: () => {},
    });
  });
  for (const piece of pieces) wire.far.write(piece, 'latin1');

  await settle();
  const requests = wire.received
    .map(
      ({ head, body }) => `${head.method} ${head.target} ${head.fields.join(',')} ${body.text} ${body.events.join()}`,
    )
    .filter((text) => !text.includes('fail'));
  return { requests, output: wire.takeOutput() };
}

function cut(text: string, places: readonly number[]): readonly string[] {
  const sorted = [...new Set(places.map((place) => place % text.length))].sort((a, b) => a - b);
  return [0, ...sorted]
    .map((from, index) => text.slice(from, sorted[index] ?? text.length))
    .filter((piece) => piece !== '');
}

const short = hostileRequests.filter(({ bytes }) => bytes.length < 600);

test('however the bytes of a client are cut, the outcome is the same', async (t) => {
  const whole = new Map<string, Outcome>();
  for (const { bytes } of short) whole.set(bytes, await outcomeOf([bytes]));
  await fc.assert(
    fc.asyncProperty(fc.constantFrom(...short), fc.array(fc.nat(), { maxLength: 12 }), async ({ bytes }, places) => {
      t.deepEqual(await outcomeOf(cut(bytes, places)), whole.get(bytes), JSON.stringify(cut(bytes, places)));
    }),
    { numRuns: 600 },
  );
});

test('byte by byte, too', async (t) => {
  for (const { bytes } of short)
    t.deepEqual(await outcomeOf([...bytes]), await outcomeOf([bytes]), JSON.stringify(bytes));
});

const responses: readonly string[] = [
  'HTTP/1.1 200 OK\r\nX: y\r\nContent-Length: 5\r\n\r\nhello',
  'HTTP/1.1 103 Early Hints\r\nLink: <a>\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5;a=b\r\nhello\r\n1\r\n!\r\n0\r\nX-Sum: 1\r\n\r\n',
  'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\n0\r\n\r\n',
  'HTTP/1.1 200 OK\r\nX : y\r\nContent-Length: 5\r\n\r\nhello',
];

test('however the bytes of a backend are cut, the outcome is the same', async (t) => {
  const receive = async (pieces: readonly string[]) => {
    const wire = new BackendWire();
    const { recorder } = wire.ask();
    await wire.send(...pieces);
    const isFailed = recorder.events.at(-1)?.startsWith('fail');
    return { events: recorder.events, head: recorder.responseHead, text: isFailed ? '' : recorder.text };
  };
  await fc.assert(
    fc.asyncProperty(fc.constantFrom(...responses), fc.array(fc.nat(), { maxLength: 6 }), async (bytes, places) => {
      t.deepEqual(await receive(cut(bytes, places)), await receive([bytes]), JSON.stringify(cut(bytes, places)));
    }),
    { numRuns: 200 },
  );
});
