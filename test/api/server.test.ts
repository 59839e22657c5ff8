import { statSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { createConnection, createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import test from 'ava';
import { parseAddress } from '../../agent/api/address.js';
import { exchange, type Served, serve } from './exchange.js';
import { problem } from './fake-view.js';

type Json = Record<string, unknown>;

const json = { 'content-type': 'application/json' };

async function withServer(run: (served: Served) => Promise<void>): Promise<void> {
  const served = await serve();
  try {
    await run(served);
  } finally {
    await served.stop();
  }
}

test('listings are {generation, items}', async (t) => {
  await withServer(async ({ api, view }) => {
    const expected: Record<string, readonly unknown[]> = {
      services: view.serviceItems,
      backends: view.backendItems,
      routes: view.routeItems,
      pods: view.podItems,
      tables: view.tableItems,
      problems: view.problemItems,
    };
    for (const [kind, items] of Object.entries(expected)) {
      const answer = await exchange(api.address, 'GET', `/v1/${kind}`);
      t.is(answer.status, 200);
      t.regex(answer.headers['content-type']!, /^application\/json/);
      t.deepEqual(answer.json(), { generation: 7, items });
    }
  });
});

test('an empty listing has no items', async (t) => {
  await withServer(async ({ api, view }) => {
    view.serviceItems = [];
    t.deepEqual((await exchange(api.address, 'GET', '/v1/services')).json(), { generation: 7, items: [] });
  });
});

test('a listing of 100 000 items arrives whole', async (t) => {
  await withServer(async ({ api, view }) => {
    const [item] = view.backendItems;
    view.backendItems = Array.from({ length: 100_000 }, (_, index) => ({ ...item!, backend: `shop/pod-${index}` }));
    const { items } = (await exchange(api.address, 'GET', '/v1/backends')).json();
    t.is((items as unknown[]).length, 100_000);
    t.is((items as { backend: string }[]).at(-1)?.backend, 'shop/pod-99999');
  });
});

test('listings can be narrowed by the query', async (t) => {
  await withServer(async ({ api }) => {
    const names = async (path: string, field: string): Promise<unknown[]> =>
      ((await exchange(api.address, 'GET', path)).json().items as Json[]).map((item) => item[field]);
    t.deepEqual(await names('/v1/backends?service=shop/order-service', 'backend'), ['shop/order-1']);
    t.deepEqual(await names('/v1/backends?namespace=other', 'backend'), []);
    t.deepEqual(await names('/v1/tables?table=frontends', 'key'), ['10.96.0.1:8080 TCP']);
    t.deepEqual(await names('/v1/services?namespace=shop', 'name'), ['order-service', 'user-service']);
    t.deepEqual(await names('/v1/routes?namespace=shop', 'service'), ['shop/user-service']);
    t.deepEqual(await names('/v1/pods?namespace=shop', 'pod'), ['shop/client']);
  });
});

test('one Service comes with its backends', async (t) => {
  await withServer(async ({ api, view }) => {
    const answer = await exchange(api.address, 'GET', '/v1/services/shop/user-service');
    t.deepEqual(answer.json(), {
      generation: 7,
      ...view.serviceItems[1],
      backends: view.backendItems.slice(1),
    } as unknown as Json);
    const missing = await exchange(api.address, 'GET', '/v1/services/shop/none');
    t.is(missing.status, 404);
    t.is(missing.json().detail, 'there is no Service shop/none');
  });
});

test('status is the agent as a whole', async (t) => {
  await withServer(async ({ api, view }) => {
    t.deepEqual((await exchange(api.address, 'GET', '/v1/status')).json(), view.status() as unknown as Json);
  });
});

test('probes answer as Kubernetes does; a degraded check leaves the node ready', async (t) => {
  await withServer(async ({ api, view }) => {
    t.is((await exchange(api.address, 'GET', '/healthz')).text, 'ok\n');
    t.is((await exchange(api.address, 'GET', '/readyz')).text, 'ok\n');
    view.checks = [
      { name: 'sources', state: 'degraded', why: 'the directory is gone' },
      { name: 'tables', state: 'ok', why: '' },
    ];
    const degraded = await exchange(api.address, 'GET', '/readyz?verbose');
    t.is(degraded.status, 200);
    t.is(degraded.text, '[~]sources degraded: the directory is gone\n[+]tables ok\nok\n');
    view.checks = [{ name: 'canary', state: 'failed', why: 'not redirected' }];
    const unready = await exchange(api.address, 'GET', '/readyz');
    t.is(unready.status, 503);
    t.is(unready.text, '[-]canary failed: not redirected\nnot ready\n');
  });
});

test('explain fills in what a connection does not have', async (t) => {
  await withServer(async ({ api, view }) => {
    const body = JSON.stringify({ from: 'shop/client', to: 'user-service:8080' });
    const answer = await exchange(api.address, 'POST', '/v1/explain', { body, headers: json });
    t.is(answer.status, 200);
    t.is(answer.json().verdict, 'redirect');
    t.deepEqual(view.asked, [
      { from: 'shop/client', to: 'user-service:8080', protocol: 'TCP', method: '', path: '', headers: [] },
    ]);
    const stranger = JSON.stringify({ from: 'shop/nobody', to: 'x' });
    t.is((await exchange(api.address, 'POST', '/v1/explain', { body: stranger, headers: json })).status, 404);
  });
});

test('validate and diff take YAML of any content type', async (t) => {
  await withServer(async ({ api }) => {
    for (const type of ['application/yaml', 'text/plain', 'application/json', 'application/x-www-form-urlencoded']) {
      const headers = { 'content-type': type };
      const valid = await exchange(api.address, 'POST', '/v1/validate', { body: 'a: 1\n---\nbad: 2\n', headers });
      t.deepEqual(valid.json(), { objects: 2, problems: [{ ...problem, file: '-' }] });
      const changed = await exchange(api.address, 'POST', '/v1/diff', { body: 'a: 1', headers });
      t.deepEqual(changed.json(), {
        generation: 7,
        problems: [],
        items: [{ action: 'add', table: 'backends', key: '4', before: '', after: '10.1.0.4:80 4' }],
      });
    }
    const refused = await exchange(api.address, 'POST', '/v1/diff', { body: 'bad' });
    t.is(refused.status, 422);
    t.deepEqual(refused.json().problems, [{ ...problem, severity: 'error' }]);
  });
});

test('weights replace the whole set and can be cleared', async (t) => {
  await withServer(async ({ api, view }) => {
    const path = '/v1/services/shop/user-service/weights';
    const put = (weights: Json): ReturnType<typeof exchange> =>
      exchange(api.address, 'PUT', path, { body: JSON.stringify({ weights }), headers: json });
    t.deepEqual((await put({ 'shop/user-1': 5, 'shop/user-2': 0 })).json(), {
      service: 'shop/user-service',
      weights: { 'shop/user-1': 5, 'shop/user-2': 0 },
    });
    await put({ 'shop/user-2': 65535 });
    t.deepEqual(view.weights.get('shop/user-service'), new Map([['shop/user-2', 65535]]));
    t.is((await exchange(api.address, 'DELETE', path)).status, 200);
    t.is(view.weights.size, 0);
    t.is((await put({ 'shop/stranger': 1 })).status, 422);
    t.regex(String((await put({ 'shop/stranger': 1 })).json().detail), /shop\/stranger/);
    t.is((await exchange(api.address, 'DELETE', '/v1/services/shop/none/weights')).status, 404);
  });
});

test('a body that breaks the schema says where', async (t) => {
  await withServer(async ({ api, view }) => {
    const path = '/v1/services/shop/user-service/weights';
    const errorsOf = async (body: unknown): Promise<unknown> => {
      const answer = await exchange(api.address, 'PUT', path, { body: JSON.stringify(body), headers: json });
      t.is(answer.status, 400);
      t.regex(answer.headers['content-type']!, /^application\/problem\+json/);
      return answer.json().errors;
    };
    const at = (place: string, message: string): unknown => [{ in: 'body', path: place, message }];
    t.deepEqual(await errorsOf({ weights: { 'a/b': 65536 } }), at('/weights/a~1b', 'must be <= 65535'));
    t.deepEqual(await errorsOf({ weights: { 'a/b': -1 } }), at('/weights/a~1b', 'must be >= 0'));
    t.deepEqual(await errorsOf({ weights: { 'a/b': 1.5 } }), at('/weights/a~1b', 'must be integer'));
    t.deepEqual(await errorsOf({ weights: { 'a/b': '1' } }), at('/weights/a~1b', 'must be integer'));
    t.deepEqual(await errorsOf({ weights: {}, extra: 1 }), at('/extra', 'is not a known field'));
    t.deepEqual(await errorsOf({}), at('', "must have required property 'weights'"));
    t.deepEqual(await errorsOf([]), at('', 'must be object'));
    t.is(view.weights.size, 0);
  });
});

test('drain and undrain are idempotent', async (t) => {
  await withServer(async ({ api, view }) => {
    const path = '/v1/backends/shop/user-1/drain';
    for (let time = 0; time < 2; time++) {
      t.deepEqual((await exchange(api.address, 'PUT', path)).json(), { pod: 'shop/user-1', drained: true });
    }
    t.true(view.drained.has('shop/user-1'));
    for (let time = 0; time < 2; time++) {
      t.deepEqual((await exchange(api.address, 'DELETE', path)).json(), { pod: 'shop/user-1', drained: false });
    }
    t.is((await exchange(api.address, 'PUT', '/v1/backends/shop/none/drain')).status, 404);
  });
});

test('errors are problem details with the right status', async (t) => {
  await withServer(async ({ api }) => {
    const cases: readonly (readonly [number, string, string, string?])[] = [
      [404, 'GET', '/v2'],
      [405, 'POST', '/v1/status'],
      [405, 'GET', '/v1/explain'],
      [400, 'GET', '/v1/backends?colour=red'],
      [400, 'GET', '/v1/flows?event=never'],
      [400, 'GET', '/v1/flows?limit=-1'],
      [400, 'POST', '/v1/explain', '{"from"'],
      [400, 'POST', '/v1/explain', '{"from":"client","to":"x"}'],
      [400, 'GET', '/v1/services/%zz/x'],
    ];
    for (const [status, method, path, body] of cases) {
      const more = body === undefined ? {} : { body, headers: json };
      const answer = await exchange(api.address, method, path, more);
      t.is(answer.status, status, `${method} ${path}`);
      t.regex(answer.headers['content-type']!, /^application\/problem\+json/, `${method} ${path}`);
      const details = answer.json();
      t.is(details.status, status);
      t.is(details.type, 'about:blank');
      t.true(String(details.detail).length > 0);
    }
    const wrong = await exchange(api.address, 'PATCH', '/v1/services/shop/user-service/weights');
    t.is(wrong.headers.allow, 'DELETE, PUT');
    t.is(
      (await exchange(api.address, 'POST', '/v1/explain', { body: 'x', headers: { 'content-type': 'a/b' } })).status,
      415,
    );
  });
});

test('a body over 1 MiB is 413, announced or not', async (t) => {
  await withServer(async ({ api }) => {
    const within = 'a'.repeat(1024 * 1024);
    t.is((await exchange(api.address, 'POST', '/v1/validate', { body: within })).status, 200);
    const over = `${within}a`;
    const announced = await exchange(api.address, 'POST', '/v1/validate', { body: over });
    t.is(announced.status, 413);
    const headers = { 'transfer-encoding': 'chunked' };
    t.is((await exchange(api.address, 'POST', '/v1/diff', { body: over, headers })).status, 413);
  });
});

test('what is no HTTP is answered with a problem and closed', async (t) => {
  await withServer(async ({ api }) => {
    if (api.address.type !== 'unix') return t.fail();
    const { path } = api.address;
    const text = await new Promise<string>((resolve) => {
      const socket: Socket = createConnection({ path });
      let received = '';
      socket.on('data', (chunk) => {
        received += chunk;
      });
      socket.on('close', () => resolve(received));
      socket.write('hello\r\n\r\n');
    });
    t.regex(text, /^HTTP\/1\.1 400 Bad Request\r\nContent-Type: application\/problem\+json\r\n/);
  });
});

test('a fault of the agent is 500, is reported, and tells the client nothing', async (t) => {
  await withServer(async ({ api, view, errors }) => {
    view.explain = () => Promise.reject(new Error('secret'));
    const body = JSON.stringify({ from: 'a/b', to: 'x' });
    const answer = await exchange(api.address, 'POST', '/v1/explain', { body, headers: json });
    t.is(answer.status, 500);
    t.notRegex(answer.text, /secret/);
    t.is((errors[0] as Error).message, 'secret');
  });
});

test('the socket has mode 0600 in a directory of mode 0755', async (t) => {
  await withServer(async ({ api }) => {
    if (api.address.type !== 'unix') return t.fail();
    t.is(statSync(api.address.path).mode & 0o777, 0o600);
    t.is(statSync(join(api.address.path, '..')).mode & 0o777, 0o755);
  });
});

test('with a group the socket has mode 0660 and is of that group', async (t) => {
  if (process.getuid?.() !== 0) return t.pass('only root can give a file away');
  const served = await serve({ group: 12345 });
  try {
    if (served.api.address.type !== 'unix') return t.fail();
    const stat = statSync(served.api.address.path);
    t.is(stat.mode & 0o777, 0o660);
    t.is(stat.gid, 12345);
  } finally {
    await served.stop();
  }
});

test('a stale socket is replaced, a live one and another kind of file are refused', async (t) => {
  const first = await serve();
  const { address } = first.api;
  if (address.type !== 'unix') return t.fail();
  await t.throwsAsync(serve({ address }), { name: 'AddressTaken', message: /something answers/ });
  t.is((await exchange(address, 'GET', '/healthz')).status, 200);
  await first.api.close();
  // A process that died leaves its socket behind: bind one and close it without unlink.
  const dead = createServer();
  await new Promise<void>((resolve) => dead.listen({ path: `${address.path}.live` }, resolve));
  const { renameSync } = await import('node:fs');
  renameSync(`${address.path}.live`, address.path);
  await new Promise((resolve) => dead.close(resolve));
  t.true(statSync(address.path).isSocket());
  const second = await serve({ address });
  t.is((await exchange(address, 'GET', '/healthz')).status, 200);
  await second.stop();
  writeFileSync(address.path, '');
  await t.throwsAsync(serve({ address }), { name: 'AddressTaken', message: /is no socket/ });
  await first.stop();
});

test('peers other than root, the own user and the group are turned away', async (t) => {
  const nobody = { uid: 65534, gid: 65534, pid: 0 };
  const strangers = await serve({ peer: () => nobody });
  const answer = await exchange(strangers.api.address, 'GET', '/healthz');
  t.is(answer.status, 403);
  t.regex(answer.headers['content-type']!, /^application\/problem\+json/);
  await strangers.stop();
  const members = await serve({ peer: () => ({ ...nobody, gid: process.getgid!() }), group: process.getgid!() });
  t.is((await exchange(members.api.address, 'GET', '/healthz')).status, 200);
  await members.stop();
});

test('close ends clients that follow', async (t) => {
  const served = await serve();
  if (served.api.address.type !== 'unix') return t.fail();
  const { path } = served.api.address;
  const ended = new Promise<void>((resolve, reject) => {
    request({ socketPath: path, path: '/v1/flows?follow=true' }, (response) => {
      response.resume();
      response.once('close', () => resolve());
      served.stop().catch(reject);
    })
      .on('error', reject)
      .end();
  });
  await t.notThrowsAsync(ended);
  t.is(served.view.flows.listeners.size, 0);
});

test('/openapi.json describes every route, and each reference in it resolves', async (t) => {
  await withServer(async ({ api }) => {
    const answer = await exchange(api.address, 'GET', '/openapi.json');
    t.is(answer.status, 200);
    const document = answer.json() as { openapi: string; paths: Record<string, Record<string, Json>> };
    t.is(document.openapi, '3.1.0');
    const operations = Object.entries(document.paths).flatMap(([path, methods]) =>
      Object.keys(methods).map((method) => `${method.toUpperCase()} ${path}`),
    );
    t.deepEqual(operations.sort(), [
      'DELETE /v1/backends/{namespace}/{pod}/drain',
      'DELETE /v1/services/{namespace}/{name}/weights',
      'GET /healthz',
      'GET /readyz',
      'GET /v1/backends',
      'GET /v1/conditions',
      'GET /v1/flows',
      'GET /v1/pods',
      'GET /v1/problems',
      'GET /v1/routes',
      'GET /v1/services',
      'GET /v1/services/{namespace}/{name}',
      'GET /v1/status',
      'GET /v1/tables',
      'POST /v1/diff',
      'POST /v1/explain',
      'POST /v1/validate',
      'PUT /v1/backends/{namespace}/{pod}/drain',
      'PUT /v1/services/{namespace}/{name}/weights',
    ]);
    for (const [path, methods] of Object.entries(document.paths)) {
      const named = [...path.matchAll(/\{(\w+)\}/g)].map((match) => match[1]);
      for (const operation of Object.values(methods)) {
        const parameters = (operation.parameters ?? []) as { name: string; in: string; required?: boolean }[];
        const inPath = parameters.filter((parameter) => parameter.in === 'path');
        t.deepEqual(inPath.map((parameter) => parameter.name).sort(), named.sort());
        t.true(inPath.every((parameter) => parameter.required === true));
        t.truthy(operation.summary);
        t.truthy(operation.responses);
      }
    }
    t.notRegex(answer.text, /"\$ref"/);
  });
});

test('answers match the schemas that document them', async (t) => {
  const { Ajv2020 } = await import('ajv/dist/2020.js');
  const ajv = new Ajv2020({ strict: false, formats: { 'date-time': true } });
  await withServer(async ({ api, view }) => {
    const { paths } = (await exchange(api.address, 'GET', '/openapi.json')).json() as {
      paths: Record<string, { get: { responses: { 200: { content: { 'application/json': { schema: object } } } } } }>;
    };
    view.podItems.push({ ...view.podItems[0]!, captured: false, why: 'disabled' });
    for (const path of ['status', 'services', 'backends', 'routes', 'pods', 'tables', 'problems']) {
      const { schema } = paths[`/v1/${path}`]!.get.responses[200].content['application/json'];
      const value = (await exchange(api.address, 'GET', `/v1/${path}`)).json();
      const closed = JSON.parse(JSON.stringify(schema), (_key, each) =>
        each?.type === 'object' && each.properties !== undefined ? { ...each, additionalProperties: false } : each,
      );
      t.true(ajv.validate(closed, value), `${path}: ${ajv.errorsText()}`);
    }
  });
});

test('TCP needs the token, a Host of this place and no Origin of another', async (t) => {
  const token = 'abcdefghijklmnop-0123456789';
  const directory = await serve();
  const tokenFile = join(directory.directory, 'token');
  writeFileSync(tokenFile, `${token}\n`);
  const served = await serve({ address: { type: 'tcp', host: '127.0.0.1', port: 0 }, tokenFile });
  const { address } = served.api;
  if (address.type !== 'tcp') return t.fail();
  const status = async (path: string, headers: Record<string, string>): Promise<number> =>
    (await exchange(address, 'GET', path, { headers })).status;
  const authorization = `Bearer ${token}`;
  const host = `127.0.0.1:${address.port}`;
  t.true(address.port > 0);
  t.is(await status('/v1/status', { authorization }), 200);
  t.is(await status('/v1/status', { authorization, host: `localhost:${address.port}` }), 200);
  t.is(await status('/v1/status', { authorization, origin: `http://${host}` }), 200);
  t.is(await status('/healthz', {}), 200);
  t.is(await status('/readyz?verbose', {}), 200);
  t.is(await status('/v1/status', {}), 401);
  t.is(await status('/openapi.json', {}), 401);
  t.is(await status('/nope', {}), 401);
  t.is(await status('/v1/status', { authorization: `${authorization}x` }), 401);
  t.is(await status('/v1/status', { authorization: `Basic ${token}` }), 401);
  t.is(await status('/v1/status', { authorization, host: 'localhost' }), 403);
  t.is(await status('/v1/status', { authorization, host: `evil.example:${address.port}` }), 403);
  t.is(await status('/healthz', { host: 'evil.example' }), 403);
  t.is(await status('/v1/status', { authorization, origin: 'http://evil.example' }), 403);
  t.is(await status('/v1/status', { authorization, origin: 'null' }), 403);
  const unauthorised = await exchange(address, 'GET', '/v1/status');
  t.is(unauthorised.headers['www-authenticate'], 'Bearer realm="weft"');
  t.regex(unauthorised.headers['content-type']!, /^application\/problem\+json/);
  await t.throwsAsync(serve({ address, tokenFile }), { name: 'AddressTaken' });
  await t.throwsAsync(serve({ address: { type: 'tcp', host: '0.0.0.0', port: 0 }, tokenFile }), {
    message: /loopback/,
  });
  writeFileSync(tokenFile, 'short');
  await t.throwsAsync(serve({ address: { type: 'tcp', host: '::1', port: 0 }, tokenFile }), { message: /token/ });
  await served.stop();
  await directory.stop();
});

test('addresses', (t) => {
  t.deepEqual(parseAddress('unix:/run/weft/api.sock'), { type: 'unix', path: '/run/weft/api.sock' });
  t.deepEqual(parseAddress('unix:///run/api.sock'), { type: 'unix', path: '/run/api.sock' });
  t.deepEqual(parseAddress('/run/api.sock'), { type: 'unix', path: '/run/api.sock' });
  t.deepEqual(parseAddress('127.0.0.1:80'), { type: 'tcp', host: '127.0.0.1', port: 80 });
  t.deepEqual(parseAddress('http://localhost:80/'), { type: 'tcp', host: 'localhost', port: 80 });
  t.deepEqual(parseAddress('[::1]:80'), { type: 'tcp', host: '::1', port: 80 });
  t.deepEqual(parseAddress(':9090'), { type: 'tcp', host: '0.0.0.0', port: 9090 });
  for (const wrong of ['', 'unix:api.sock', '127.0.0.1', '127.0.0.1:70000', '::1:80', `unix:/${'a'.repeat(200)}`])
    t.is(typeof parseAddress(wrong), 'string', wrong);
});
