import { service } from '../../agent/objects.js';
import { eventually } from '../../agent/site.js';
import { Program } from '../../kernel/program.js';
import { kernelTest } from '../../kernel-test.js';
import type { Echo } from './origin.js';
import { openShop, shop, shopPod, shopServices, toShop } from './shop.js';

const anEcho = /\{"backend".*\}/s;

function echoIn(text: string): Echo {
  return JSON.parse(anEcho.exec(text)![0]) as Echo;
}

kernelTest('HTTP/1.1: keep-alive, pipelining, HEAD, 1.0, chunks and trailers', async (t) => {
  const { client, origin } = await openShop(t, 1);
  const raw = (text: string, until: RegExp) => client.raw(shop, 80, text.replaceAll('\n', '\r\n'), until);

  const three = ['/a', '/b', '/c'].map((path) => `GET ${path} HTTP/1.1\nHost: shop\n\n`).join('');
  const answers = await raw(three, /"url":"\/c"/);
  t.deepEqual(
    [...answers.matchAll(/"url":"([^"]+)"/g)].map(([, url]) => url),
    ['/a', '/b', '/c'],
    'pipelined requests are answered in order',
  );

  const head = await raw(
    'HEAD /x HTTP/1.1\nHost: shop\n\nGET /y HTTP/1.1\nHost: shop\nConnection: close\n\n',
    /"url":"\/y"/,
  );
  t.is(head.match(/HTTP\/1\.1 200/g)?.length, 2);
  t.is(head.match(/"url"/g)?.length, 1, 'an answer to HEAD has no body');

  const old = await raw('GET /old HTTP/1.0\nHost: shop\n\n', anEcho);
  t.regex(old, /^HTTP\/1\.[01] 200/);
  t.notRegex(old, /transfer-encoding: chunked/i);
  t.is(echoIn(old).url, '/old');

  await origin.taken('10.1.0.1', 8080);
  const chunked = await raw(
    'POST /c HTTP/1.1\nHost: shop\nTransfer-Encoding: chunked\nTrailer: x-sum\n\n3\nabc\n4;e=1\ndefg\n0\nx-sum: 7\n\n',
    anEcho,
  );
  t.regex(chunked, /^HTTP\/1\.1 200/);
  const [taken] = await origin.taken('10.1.0.1', 8080);
  t.is(taken!.bodyBytes, 7);
  t.deepEqual(taken!.trailers, ['x-sum', '7']);
});

kernelTest('HTTP/1.1: Expect is answered, CONNECT is refused, what is no HTTP gets 400', async (t) => {
  const { client, origin } = await openShop(t, 1);
  const raw = (text: string, until?: RegExp | number) => client.raw(shop, 80, text.replaceAll('\n', '\r\n'), until);
  const expecting = await raw('POST /e HTTP/1.1\nHost: shop\nExpect: 100-continue\nContent-Length: 3\n\n');
  t.is(expecting, 'HTTP/1.1 100 Continue\r\n\r\n');
  const whole = await raw('POST /e HTTP/1.1\nHost: shop\nExpect: 100-continue\nContent-Length: 3\n\nabc', anEcho);
  t.is(echoIn(whole).bodyBytes, 3);
  t.regex(await raw('POST /e HTTP/1.1\nHost: shop\nExpect: miracles\nContent-Length: 0\n\n'), /^HTTP\/1\.1 417/);
  t.regex(await raw('CONNECT other:80 HTTP/1.1\nHost: other:80\n\n'), /^HTTP\/1\.1 4\d\d/);
  await origin.taken('10.1.0.1', 8080);
  const began = performance.now();
  const rubbish = await raw('\x01\x02\x03 not http\n\n', 20_000);
  t.regex(rubbish, /^HTTP\/1\.1 400/);
  t.true(performance.now() - began < 18_000, 'and the connection is closed');
  t.deepEqual(await origin.taken('10.1.0.1', 8080), []);
});

kernelTest('HTTP/2 by prior knowledge: many requests of one connection, each balanced by itself', async (t) => {
  const { client, origin } = await openShop(t, 2);
  const answer = await client.ask({ ...toShop, h2c: true, method: 'POST', body: 'hello' });
  t.is(answer.status, 200);
  const echo = JSON.parse(answer.body) as Echo;
  t.is(echo.version, '1.1', 'the backend declares nothing else');
  t.is(echo.bodyBytes, 5);
  t.deepEqual(await client.spread({ ...toShop, h2c: true }, 20).then((counts) => Object.keys(counts).length), 2);
  await origin.behave('10.1.0.1', 8080, { bytes: 300_000 });
  await origin.behave('10.1.0.2', 8080, { bytes: 300_000 });
  t.is((await client.ask({ ...toShop, h2c: true })).body.length, 300_000);
});

const websockets = `
import asyncio, websockets
async def echo(ws, path=None):
    async for message in ws:
        await ws.send(message)
async def serve():
    server = await websockets.serve(echo, '10.1.0.1', 8080)
    return server
loop = asyncio.new_event_loop()
threading.Thread(target=loop.run_forever, daemon=True).start()
`;

kernelTest('Upgrade: WebSockets carry messages both ways', async (t) => {
  const { client, house, origin, site } = await openShop(t, 1);
  await origin.close('10.1.0.1', 8080);
  const server = new Program({ netns: house.path });
  const caller = new Program({ netns: house.path, cgroup: site.cgroup });
  t.teardown(async () => {
    await server.kill();
    await caller.kill();
  });
  for (const program of [server, caller]) await program.run(websockets);
  await server.run('asyncio.run_coroutine_threadsafe(serve(), loop).result(10)\nNone');
  const talk = `
async def talk():
    async with websockets.connect('ws://${shop}:80/chat') as ws:
        got = []
        for index in range(50):
            await ws.send(f'word {index}')
            got.append(await ws.recv())
        await ws.send('x' * 500_000)
        return [got, len(await ws.recv())]
asyncio.run_coroutine_threadsafe(talk(), loop).result(20)
`;
  const [words, length] = await caller.run<[string[], number]>(talk);
  t.deepEqual(
    words,
    Array.from({ length: 50 }, (_, index) => `word ${index}`),
  );
  t.is(length, 500_000);
  const refused = await client.ask({ ...toShop, path: '/plain' });
  t.is(refused.status, 426, 'the backend’s own answer to what is no upgrade');
});

kernelTest('1xx answers of the backend come before its answer', async (t) => {
  const { client, house, origin } = await openShop(t, 1);
  await origin.close('10.1.0.1', 8080);
  const server = new Program({ netns: house.path });
  t.teardown(() => server.kill());
  await server.run(`
    listener = socket.create_server(('10.1.0.1', 8080))
    def answer():
        while True:
            connection, _ = listener.accept()
            connection.recv(65536)
            connection.sendall(b'HTTP/1.1 103 Early Hints\\r\\nLink: </a.css>\\r\\n\\r\\nHTTP/1.1 200 OK\\r\\nContent-Length: 2\\r\\n\\r\\nok')
    threading.Thread(target=answer, daemon=True).start()
  `);
  const text = await client.raw(shop, 80, 'GET / HTTP/1.1\r\nHost: shop\r\n\r\n', /\r\n\r\nok$/);
  t.regex(text, /^HTTP\/1\.1 103 [^\r]*\r\nlink: <\/a\.css>\r\n\r\nHTTP\/1\.1 200/i);
  t.regex(text, /\r\n\r\nok$/);
});

const sniffed = service('plain', {
  addresses: ['10.96.0.2'],
  annotations: { 'weft.dev/l7': 'enabled' },
  spec: { selector: { app: 'shop' } },
  ports: [
    { name: 'one', port: 1000, targetPort: 8080 },
    { name: 'two', port: 2000, targetPort: 9090 },
    { name: 'three', port: 3000, targetPort: 9091 },
  ],
});

kernelTest('a port that says nothing: HTTP is HTTP, and all else goes through as it is', async (t) => {
  const { client, origin, site } = await openShop(t, 1);
  site.write('mesh', [...shopServices(), shopPod(1), sniffed]);
  await origin.listen('10.1.0.1', 9090, 'tcp');
  await origin.listen('10.1.0.1', 9091, 'h2c');
  const [address, echo] = ['10.96.0.2', '10.1.0.1:9090\n'];
  await eventually(
    async () => (await client.ask({ address, port: 1000 })).body,
    (body) => body.includes('x-envoy-attempt-count'),
  );
  const h2 = await client.ask({ address, port: 3000, h2c: true });
  t.is(h2.status, 200);
  t.is((JSON.parse(h2.body) as Echo).version, '2.0', 'the backend is spoken to as the client speaks');
  t.is(await client.raw(address, 2000, '', /\n/), echo, 'a server that speaks first, after a second of silence');
  t.is(await client.raw(address, 2000, '\x00\x01\x02 binary', /binary/), `${echo}\x00\x01\x02 binary`);
  t.is(await client.raw(address, 2000, 'HELO there\r\n', /there\r\n/), `${echo}HELO there\r\n`);
  await eventually(
    () => site.agent.scrape(),
    (metrics) => /weft_path_total\{path="gateway"/.test(metrics),
  );
});
