import test, { type ExecutionContext } from 'ava';
import { systemClock } from '../../agent/clock.js';
import { type ApiClient, ApiError, type ApiRequest, mostAnswerBytes } from '../../agent/kubernetes/api.js';
import { openClient } from '../../agent/kubernetes/client.js';
import { eventually } from '../agent/site.js';
import { FakeClock } from '../gateway/upstream/fake-clock.js';
import { type Answer, ApiServer, credentialsOf, fixedCredentials, nobody } from './api-server.js';
import { readTranscript, transcriptTest } from './transcripts.js';

const services: ApiRequest = { method: 'GET', path: '/api/v1/services' };

async function clientOf(t: ExecutionContext, answer: Answer): Promise<{ client: ApiClient; server: ApiServer }> {
  const server = await ApiServer.start(t, answer);
  const client = openClient(fixedCredentials(server.url), systemClock);
  t.teardown(() => client.close());
  return { client, server };
}

/** What `call` rejects with. */
async function refusalOf(t: ExecutionContext, call: Promise<unknown>): Promise<ApiError> {
  return (await t.throwsAsync(call, { instanceOf: ApiError }))!;
}

test('a call sends its method, path, query, headers and body', async (t) => {
  const { client, server } = await clientOf(t, async (request, response) => {
    let body = '';
    for await (const chunk of request) body += chunk;
    const { accept, authorization, 'accept-encoding': encoding, 'content-type': type } = request.headers;
    const { 'user-agent': agent, host } = request.headers;
    const { method, url } = request;
    response.end(JSON.stringify({ method, url, accept, authorization, encoding, type, agent, host, body }));
  });
  const request: ApiRequest = {
    ...{ path: '/apis/a/b', query: { fieldSelector: 'spec.nodeName=a b' }, body: { é: 1 } },
    ...{ contentType: 'application/merge-patch+json', accept: 'application/json;as=Table' },
    method: 'PATCH',
  };
  const { agent, ...rest } = (await client.call(request)) as Record<string, string>;
  t.deepEqual(rest, {
    ...{ method: 'PATCH', url: '/apis/a/b?fieldSelector=spec.nodeName%3Da+b', accept: 'application/json;as=Table' },
    ...{ authorization: 'Bearer fixed', type: 'application/merge-patch+json', body: '{"é":1}' },
    host: `127.0.0.1:${server.port}`,
  });
  t.regex(agent!, /^weft\/\d+\.\d+\.\d+ \(linux\/(amd64|arm64)\)$/);
  t.is(client.server, server.url);
});

test('a path of the server comes before those of requests', async (t) => {
  const server = await ApiServer.start(t, (request, response) => response.end(JSON.stringify(request.url)));
  const client = openClient(fixedCredentials(`${server.url}/clusters/a/`), systemClock);
  t.is(await client.call(services), '/clusters/a/api/v1/services');
  client.close();
});

test('an empty answer is undefined', async (t) => {
  const { client } = await clientOf(t, (_, response) => response.writeHead(204).end());
  t.is(await client.call({ ...services, method: 'DELETE' }), undefined);
});

test('calls share connections, and close ends them', async (t) => {
  const { client, server } = await clientOf(t, (_, response) => response.end('{}'));
  for (let call = 0; call < 5; call++) await client.call(services);
  t.is(server.connections, 1);
  await Promise.all(Array.from({ length: 50 }, () => client.call(services)));
  t.true(server.connections <= 8);
  client.close();
  await eventually(
    () => server.sockets.size,
    (open) => open === 0,
  );
});

test('what is not JSON is an error, and none of it is told', async (t) => {
  const { client, server } = await clientOf(t, (_, response) => response.end('<html>sign in</html>'));
  const error = await refusalOf(t, client.call(services));
  t.is(error.status, 0);
  t.is(error.message, `${server.url}: an answer of 20 bytes is no JSON: is it an API server's address?`);
});

test('an answer that is cut is an error', async (t) => {
  const { client } = await clientOf(t, (_, response) => {
    response.writeHead(200, { 'content-length': 100 });
    response.write('{"items":[', () => response.destroy());
  });
  const error = await refusalOf(t, client.call(services));
  t.is(error.status, 0);
  t.is(error.reason, 'ECONNRESET');
});

test('an answer is no longer than the limit', async (t) => {
  const chunk = Buffer.alloc(1 << 20, ' ');
  let sent = 0;
  const { client } = await clientOf(t, (_, response) => {
    const send = () => {
      while (!response.destroyed) {
        sent += chunk.length;
        if (!response.write(chunk)) return response.once('drain', send);
      }
      return response;
    };
    send();
  });
  const error = await refusalOf(t, client.call({ ...services, timeoutMs: 60_000 }));
  t.regex(error.message, /the answer is longer than 268435456 bytes/);
  t.true(sent >= mostAnswerBytes && sent < mostAnswerBytes + (64 << 20));
});

test('an answer that takes too long is an error by the clock', async (t) => {
  const clock = new FakeClock();
  let asked = 0;
  const server = await ApiServer.start(t, (_, response) => {
    asked += 1;
    if (asked === 2) response.write('{');
  });
  const client = openClient(fixedCredentials(server.url), clock);
  for (const already of [0, 1]) {
    const failure = refusalOf(t, client.call({ ...services, timeoutMs: 5_000 }));
    await eventually(
      () => asked,
      (count) => count > already,
    );
    clock.advance(5_000);
    const { message, reason, status } = await failure;
    t.deepEqual([status, reason], [0, 'Timeout']);
    t.is(message, `GET /api/v1/services of ${server.url}: no answer within 5 s`);
  }
  await eventually(
    () => server.sockets.size,
    (open) => open === 0,
  );
});

test('a caller can give up, before and while', async (t) => {
  let asked = 0;
  const { client, server } = await clientOf(t, () => {
    asked += 1;
  });
  const before = await refusalOf(t, client.call({ ...services, signal: AbortSignal.abort() }));
  t.deepEqual([before.status, before.reason, server.connections], [0, 'Aborted', 0]);
  const controller = new AbortController();
  const failure = refusalOf(t, client.call({ ...services, signal: controller.signal }));
  await eventually(
    () => asked,
    (count) => count > 0,
  );
  controller.abort();
  t.is((await failure).reason, 'Aborted');
});

test('a GET on a kept connection that the server is closing is sent again, and what changes something is not', async (t) => {
  const used = new Map<unknown, number>();
  const { client, server } = await clientOf(t, (request, response) => {
    const times = (used.get(request.socket) ?? 0) + 1;
    used.set(request.socket, times);
    if (times === 1) response.end('1');
    else request.socket.destroy();
  });
  t.is(await client.call(services), 1);
  t.is(await client.call(services), 1);
  t.is(server.connections, 2);
  const error = await refusalOf(t, client.call({ ...services, method: 'POST', body: {} }));
  t.deepEqual([error.status, error.reason], [0, 'ECONNRESET']);
});

test('redirects are not followed', async (t) => {
  const asked: unknown[] = [];
  const { client, server } = await clientOf(t, ({ url }, response) => {
    asked.push(url);
    response.writeHead(302, { location: '/elsewhere' }).end();
  });
  const { message, status } = await refusalOf(t, client.call(services));
  t.deepEqual([status, message], [302, `${server.url} answered 302, to be asked at /elsewhere: not followed`]);
  t.deepEqual(asked, ['/api/v1/services']);
});

test('a refusal without a Status tells its first 200 characters on one line', async (t) => {
  const { client, server } = await clientOf(t, (_, response) => {
    response.writeHead(502, { 'retry-after': '7' }).end(`<html>\n\tbad \u001b[31mgateway${'x'.repeat(1 << 20)}`);
  });
  const { message, reason, retryAfterMs, status } = await refusalOf(t, client.call(services));
  t.deepEqual([status, reason, retryAfterMs], [502, '', 7_000]);
  t.true(message.startsWith(`${server.url} answered 502: <html> bad [31mgatewayxxx`));
  t.is(message.length, `${server.url} answered 502: `.length + 200);
});

test('Retry-After may be a date', async (t) => {
  const clock = new FakeClock();
  const server = await ApiServer.start(t, (_, response) =>
    response.writeHead(429, { 'retry-after': new Date(clock.now() + 4_000).toUTCString() }).end(),
  );
  const error = await refusalOf(t, openClient(fixedCredentials(server.url), clock).call(services));
  t.deepEqual([error.status, error.retryAfterMs], [429, 4_000]);
});

test('after a 401 credentials are renewed once, and asked with again when they are others', async (t) => {
  const seen: unknown[] = [];
  const server = await ApiServer.start(t, ({ headers }, response) => {
    seen.push(headers.authorization);
    response.writeHead(headers.authorization === 'Bearer good' ? 200 : 401).end('{}');
  });
  const access = { ...nobody, token: 'stale' };
  const renewing = openClient(
    credentialsOf(server.url, async (refused) => (refused === access ? { ...nobody, token: 'good' } : access)),
    systemClock,
  );
  t.deepEqual(await renewing.call(services), {});
  t.deepEqual(seen.splice(0), ['Bearer stale', 'Bearer good']);
  for await (const line of await renewing.lines(services, 1_000)) t.fail(line.toString());
  t.deepEqual(seen.splice(0), ['Bearer stale', 'Bearer good']);

  const always = openClient(
    credentialsOf(server.url, async (refused) => ({ ...nobody, token: refused ? 'worse' : 'bad' })),
    systemClock,
  );
  t.is((await refusalOf(t, always.call(services))).status, 401);
  t.deepEqual(seen.splice(0), ['Bearer bad', 'Bearer worse']);

  const fixed = openClient(fixedCredentials(server.url), systemClock);
  t.is((await refusalOf(t, fixed.call(services))).status, 401);
  t.deepEqual(seen, ['Bearer fixed']);
});

/** Status, reason, Retry-After in ms and message of what was recorded. */
const recorded: Readonly<Record<string, readonly [number, string, number | undefined, string | RegExp]>> = {
  '50-401-bad-token.txt': [401, 'Unauthorized', undefined, 'Unauthorized'],
  '50-401-bad-token-watch.txt': [401, 'Unauthorized', undefined, 'Unauthorized'],
  '51-403-anonymous.txt': [403, 'Forbidden', undefined, /system:anonymous/],
  '51-403-nobody-watch.txt': [
    ...([403, 'Forbidden', undefined] as const),
    'services is forbidden: User "nobody" cannot watch resource "services" in API group "" at the cluster scope',
  ],
  '52-403-missing-crd-no-rights.txt': [403, 'Forbidden', undefined, /^widgets\.mesh\.example\.test is forbidden/],
  '52-404-missing-crd-unknown-group.txt': [404, '', undefined, /^https:\S+ answered 404: 404 page not found$/],
  '52-404-object.txt': [404, 'NotFound', undefined, 'services "nope" not found'],
  '52-404-version-not-served.txt': [404, '', undefined, /^https:\S+ answered 404: 404 page not found$/],
  '53-400-bad-continue.txt': [400, 'BadRequest', undefined, /^invalid continue token: .*'Ï'/],
  '53-500-bad-rv-watch.txt': [500, '', undefined, /^resourceVersion: Invalid value: "abc"/],
  '54-504-future-rv-list.txt': [504, 'Timeout', 1_000, /^Timeout: Too large resource version: 999999999/],
  '55-405-method.txt': [405, 'MethodNotAllowed', undefined, /does not allow this method/],
  '56-409-exists.txt': [409, 'AlreadyExists', undefined, /already exists/],
  '56-422-invalid-vs.txt': [422, 'Invalid', undefined, /invalid/i],
  '57-406-accept.txt': [406, 'NotAcceptable', undefined, /^406: Not Acceptable Available representations: /],
  '73-410-continue-services.txt': [410, 'Expired', undefined, /continue/],
  '74-410-list-exact.txt': [410, 'Expired', undefined, /too old/],
};

for (const [name, expected] of Object.entries(recorded))
  transcriptTest(`recorded: ${name}`, async (t) => {
    const { body, headers, status: answered } = readTranscript(name);
    const { client } = await clientOf(t, (_, response) => {
      response.writeHead(answered, headers.flat()).end(body);
    });
    for (const ask of [client.call(services), client.lines(services, 1_000)]) {
      const { message, reason, retryAfterMs, status } = await refusalOf(t, ask);
      const [, , , words] = expected;
      t.deepEqual([status, reason, retryAfterMs], expected.slice(0, 3));
      if (typeof words === 'string') t.is(message, words);
      else t.regex(message, words);
      t.notRegex(message, /\n/);
    }
  });
