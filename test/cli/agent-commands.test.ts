import { spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { parse } from 'yaml';
import { showAddress } from '../../agent/api/address.js';
import { exchange, type Served, serve } from '../api/exchange.js';
import { flow } from '../api/fake-view.js';
import { main, weft, weftAt } from './weft.js';

let served: Served;

test.before(async () => {
  served = await serve();
  const { flows } = served.view;
  flows.emit(
    flow(),
    flow({ event: 'close', durationMs: 12.3, sentBytes: 123, receivedBytes: 1_234_567 }),
    flow({ event: 'refuse', verdict: 'refuse', reason: 'no_backend', backend: '', backendAddress: '', backendPort: 0 }),
  );
});

test.after.always(() => served.stop());

function lines(...text: readonly string[]): string {
  return `${text.join('\n')}\n`;
}

test('get services', async (t) => {
  t.deepEqual(await weftAt(served, ['get', 'services']), {
    code: 0,
    stdout: lines(
      'NAMESPACE  NAME           ADDRESSES          PORTS           USABLE  INFLIGHT  POLICY',
      'shop       order-service  10.96.0.2,fd00::2  8080/TCP(http)  2/2            3  LEAST_REQUEST',
      'shop       user-service   10.96.0.1          8080/TCP(http)  2/2            3  LEAST_REQUEST',
    ),
    stderr: '',
  });
});

test('get backends of one Service, wide', async (t) => {
  const { stdout } = await weftAt(served, ['get', 'backends', 'shop/user-service', '-o', 'wide']);
  t.is(
    stdout,
    lines(
      'SERVICE            PORT      BACKEND      ADDRESS      STATE    WEIGHT  SHARE  INFLIGHT  OPENED  FAILED  NODE  ZONE',
      'shop/user-service  8080/TCP  shop/user-1  10.1.0.1:80  ready         1  50.0%         0      12       0  one   -',
      'shop/user-service  8080/TCP  shop/user-2  10.1.0.2:80  drained       0   0.0%         3      12       0  one   -',
    ),
  );
});

test('get routes, pods, tables and problems', async (t) => {
  const table = async (kind: string): Promise<string> => (await weftAt(served, ['get', kind])).stdout;
  t.is(
    await table('routes'),
    lines(
      'ADDRESS    PORT      SERVICE            PATH  POLICY         USABLE  RULE     RULES',
      '10.96.0.1  8080/TCP  shop/user-service  l4    LEAST_REQUEST  1/2     default      -',
    ),
  );
  t.is(
    await table('conditions'),
    lines(
      'RESOURCE            PART                     CONDITION   STATUS  REASON      MESSAGE',
      'Gateway shop/entry  spec.servers[0] port 80  Programmed  True    Programmed  it is listened on',
    ),
  );
  t.is(
    await table('pods'),
    lines(
      'NAMESPACE  NAME    ADDRESSES  NETNS        CAPTURED  STATE',
      'shop       client  10.1.0.9   weft-client  yes       ready',
    ),
  );
  t.is(
    await table('tables'),
    lines(
      'TABLE      KEY                 DESIRED          KERNEL  DRIFT',
      'backends   1                   10.1.0.1:80 TCP  same    -',
      'frontends  10.96.0.1:8080 TCP  service 1        -       drift',
    ),
  );
  t.is(
    await table('problems'),
    lines(
      'PLACE          LEVEL    CODE      RESOURCE                   MESSAGE',
      'shop.yaml:3:5  WARNING  WEFT0101  Service shop/user-service  a message',
    ),
  );
});

test('get -o json and -o yaml are what the API says', async (t) => {
  for (const kind of ['services', 'backends', 'routes', 'conditions', 'pods', 'tables', 'problems']) {
    const said = (await exchange(served.api.address, 'GET', `/v1/${kind}`)).json();
    t.deepEqual(JSON.parse((await weftAt(served, ['get', kind, '-o', 'json'])).stdout), said);
  }
  const said = (await exchange(served.api.address, 'GET', '/v1/services')).json();
  t.deepEqual(parse((await weftAt(served, ['get', 'services', '-o', 'yaml'])).stdout), said);
});

test('nothing to show is said on stderr; an unknown name is a failure', async (t) => {
  t.deepEqual(await weftAt(served, ['get', 'pods', '-n', 'nowhere']), { code: 0, stdout: '', stderr: 'no Pods\n' });
  const unknown = await weftAt(served, ['get', 'services', 'shop/none']);
  t.is(unknown.code, 1);
  t.is(unknown.stdout, '');
  t.is(unknown.stderr, 'weft: there is no shop/none among the services\n');
});

test('explain', async (t) => {
  const explained = await weftAt(served, [
    'explain',
    '--from',
    'shop/client',
    '--to',
    'user-service',
    '--protocol',
    'udp',
  ]);
  t.is(explained.code, 0);
  t.is(
    explained.stdout,
    lines(
      'verdict  redirect (picked)',
      'path     l4',
      'service  shop/user-service port 8080',
      'rule     default',
      '',
      'BACKEND      ADDRESS       SHARE  STATE',
      'shop/user-1  10.1.0.1:80  50.00%  ready',
      'shop/user-2  10.1.0.2:80   0.00%  drained',
      '',
      '1. shop/client is captured',
      '2. user-service is shop/user-service',
    ),
  );
  const request = ['--method', 'GET', '--path', '/a', '-H', 'x: 1', '-H', 'y:2', '-o', 'json'];
  const asJson = await weftAt(served, ['explain', '--from', 'shop/client', '--to', 'a:1', ...request]);
  t.is(JSON.parse(asJson.stdout).verdict, 'redirect');
  const asked = served.view.asked.find((query) => query.to === 'a:1');
  t.deepEqual(asked?.headers, [
    { name: 'x', value: '1' },
    { name: 'y', value: '2' },
  ]);
  t.is((await weftAt(served, ['explain', '--from', 'shop/nobody', '--to', 'x'])).code, 1);
  t.is((await weftAt(served, ['explain', '--from', 'client', '--to', 'x'])).code, 64);
  const malformed = await weftAt(served, ['explain', '--from', 'shop/client', '--to', '[::1']);
  t.is(malformed.code, 64);
  t.regex(malformed.stderr, /"\[::1" is no HOST, HOST:PORT, IPv6 address/);
});

test('flows', async (t) => {
  const { stdout } = await weftAt(served, ['flows']);
  t.is(
    stdout,
    lines(
      '2026-01-02T03:04:05.678Z  open    shop/client -> shop/user-service:8080/TCP -> shop/user-1 10.1.0.1:80  connect 0.12 ms',
      '2026-01-02T03:04:05.678Z  close   shop/client -> shop/user-service:8080/TCP -> shop/user-1 10.1.0.1:80  after 12.3 ms, sent 123 B, received 1.2 MiB',
      '2026-01-02T03:04:05.678Z  refuse  shop/client -> shop/user-service:8080/TCP -> no_backend',
    ),
  );
  const one = await weftAt(served, ['flows', '--event', 'open', '--limit', '5', '-o', 'json']);
  t.deepEqual(JSON.parse(one.stdout), flow());
  t.deepEqual(await weftAt(served, ['flows', '--from', 'a/b']), { code: 0, stdout: '', stderr: 'no flows\n' });
  t.is((await weftAt(served, ['flows', '--event', 'never'])).code, 64);
});

test('flows -f prints as they happen, ends quietly at SIGINT, and with 69 when the agent goes', async (t) => {
  const own = await serve();
  const follow = (): { ended: Promise<number | null>; child: ReturnType<typeof spawn> } => {
    const argv = [main, 'flows', '-f', '-o', 'json', '--api', showAddress(own.api.address)];
    const child = spawn(process.execPath, argv, { stdio: ['ignore', 'pipe', 'ignore'] });
    return { child, ended: new Promise((resolve) => child.once('close', resolve)) };
  };
  const subscribed = async (): Promise<void> => {
    while (own.view.flows.listeners.size === 0) await new Promise((resolve) => setImmediate(resolve));
  };
  const first = follow();
  await subscribed();
  own.view.flows.emit(flow({ from: 'a/1' }));
  const chunk = await new Promise<Buffer>((resolve) => first.child.stdout!.once('data', resolve));
  t.is(JSON.parse(chunk.toString()).from, 'a/1');
  first.child.kill('SIGINT');
  t.is(await first.ended, 0);
  while (own.view.flows.listeners.size > 0) await new Promise((resolve) => setImmediate(resolve));
  const second = follow();
  await subscribed();
  await own.stop();
  t.is(await second.ended, 69);
});

test('weight, drain and undrain', async (t) => {
  const own = await serve();
  const set = await weftAt(own, ['weight', 'shop/user-service', 'shop/user-2=0', 'shop/user-1=5']);
  t.deepEqual(set, {
    code: 0,
    stdout: lines('BACKEND      WEIGHT', 'shop/user-1       5', 'shop/user-2       0'),
    stderr: '',
  });
  t.deepEqual(
    own.view.weights.get('shop/user-service'),
    new Map([
      ['shop/user-2', 0],
      ['shop/user-1', 5],
    ]),
  );
  const cleared = await weftAt(own, ['weight', 'shop/user-service', '--clear', '-o', 'json']);
  t.deepEqual(JSON.parse(cleared.stdout), { service: 'shop/user-service', weights: {} });
  t.is(own.view.weights.size, 0);
  t.is((await weftAt(own, ['drain', 'shop/user-1'])).stdout, 'shop/user-1 is drained\n');
  t.true(own.view.drained.has('shop/user-1'));
  t.is((await weftAt(own, ['undrain', 'shop/user-1'])).stdout, 'shop/user-1 is not drained\n');
  t.false(own.view.drained.has('shop/user-1'));
  const codes: readonly (readonly [number, ...string[]])[] = [
    [1, 'weight', 'shop/none', '--clear'],
    [1, 'weight', 'shop/user-service', 'shop/stranger=1'],
    [64, 'weight', 'shop/user-service'],
    [64, 'weight', 'shop/user-service', 'shop/user-1=1', '--clear'],
    [64, 'weight', 'shop/user-service', 'shop/user-1=65536'],
    [64, 'weight', 'shop/user-service', 'shop/user-1=x'],
    [64, 'weight', 'shop/user-service', 'shop/user-1=1', 'shop/user-1=2'],
    [64, 'weight', 'user-service', '--clear'],
    [1, 'drain', 'shop/none'],
    [64, 'drain', 'none'],
  ];
  for (const [code, ...args] of codes) t.is((await weftAt(own, args)).code, code, args.join(' '));
  t.is(own.view.weights.size, 0);
  await own.stop();
});

test('status ends with 1 until the agent is ready, and --wait waits', async (t) => {
  const own = await serve();
  const ready = await weftAt(own, ['status']);
  t.is(ready.code, 0);
  t.regex(ready.stdout, /^node {8}one\nstate {7}ready\n/);
  t.regex(ready.stdout, /\nCHECK {4}STATE {2}WHY\nsources {2}ok {5}-\n/);
  own.view.checks = [{ name: 'canary', state: 'failed', why: 'not redirected' }];
  const unready = await weftAt(own, ['status', '-o', 'json']);
  t.is(unready.code, 1);
  t.is(JSON.parse(unready.stdout).ready, false);
  t.is(unready.stderr, 'weft: not ready: canary\n');
  t.is((await weftAt(own, ['status', '--wait', '--timeout', '0'])).code, 1);
  t.is((await weftAt(own, ['status', '--wait', '--timeout', 'x'])).code, 64);
  const asked = new Promise<void>((resolve) => {
    const { status } = own.view;
    own.view.status = () => {
      resolve();
      return status.call(own.view);
    };
  });
  const waiting = weftAt(own, ['status', '--wait']);
  await asked;
  own.view.checks = [];
  t.is((await waiting).code, 0);
  await own.stop();
});

test('top shows rates once a look', async (t) => {
  const { code, stdout } = await weftAt(served, ['top', '--count', '2', '--interval', '0.01']);
  t.is(code, 0);
  const tables = stdout.trimEnd().split('\n\n');
  t.is(tables.length, 2);
  t.regex(tables[0]!, /^SERVICE +BACKEND +STATE +WEIGHT +OPENED\/S +SHARE +FAILED\/S +INFLIGHT\n/);
  t.is(tables[0]!.split('\n').length, 4);
});

test('diff prints the rows that would change', async (t) => {
  const file = join(served.directory, 'service.yaml');
  const service =
    'apiVersion: v1\nkind: Service\nmetadata: {name: a}\nspec: {clusterIP: 10.96.0.9, ports: [{port: 80}]}\n';
  writeFileSync(file, service);
  const { code, stdout, stderr } = await weftAt(served, ['diff', file]);
  t.is(code, 0);
  t.is(stdout, `+ backends 4 10.1.0.4:80 ${`---\n${service}`.length}\n`);
  t.is(stderr, '1 row would change\n');
  writeFileSync(file, 'apiVersion: v1\nkind: Service\nmetadata: {name: a}\nspec: {ports: [{port: -1}]}\n');
  const broken = await weftAt(served, ['diff', file]);
  t.is(broken.code, 65);
  t.regex(broken.stdout, /service\.yaml:4:\d+ ERROR \[WEFT\d{4}\] /);
});

test('an agent that is not there is 69, one that does not let in is 77', async (t) => {
  const absent = await weft(['get', 'services', '--api', 'unix:/nowhere/api.sock']);
  t.is(absent.code, 69);
  t.is(absent.stdout, '');
  t.regex(absent.stderr, /^weft: no agent at unix:\/nowhere\/api\.sock /);
  t.is((await weft(['status', '--api', '127.0.0.1:1'])).code, 69);
  t.is((await weft(['status', '--api', 'nonsense'])).code, 64);
  const strict = await serve({ peer: () => ({ uid: 65534, gid: 65534, pid: 0 }) });
  t.is((await weftAt(strict, ['status'])).code, 77);
  await strict.stop();
});

test('over TCP the token decides', async (t) => {
  const tokenFile = join(served.directory, 'token');
  writeFileSync(tokenFile, '0123456789abcdef\n');
  const tcp = await serve({ address: { type: 'tcp', host: '127.0.0.1', port: 0 }, tokenFile });
  const api = showAddress(tcp.api.address);
  t.is((await weft(['status', '--api', api])).code, 77);
  t.is((await weft(['status', '--api', api, '--api-token-file', tokenFile])).code, 0);
  t.is((await weft(['--api', api, '--api-token-file', tokenFile, 'status'])).code, 0);
  t.is((await weft(['status'], { WEFT_API: api, WEFT_API_TOKEN_FILE: tokenFile })).code, 0);
  t.is((await weft(['status', '--api', api, '--api-token-file', '/nowhere'])).code, 64);
  await tcp.stop();
});

test('a reader that has had enough is no failure', async (t) => {
  const own = await serve();
  const [item] = own.view.backendItems;
  own.view.backendItems = Array.from({ length: 20_000 }, (_, index) => ({ ...item!, backend: `shop/pod-${index}` }));
  const argv = [main, 'get', 'backends', '--api', showAddress(own.api.address)];
  const child = spawn(process.execPath, argv, { stdio: ['ignore', 'pipe', 'pipe'] });
  let stderr = '';
  child.stderr.on('data', (chunk) => {
    stderr += chunk;
  });
  child.stdout.once('data', () => child.stdout.destroy());
  t.is(await new Promise((resolve) => child.once('close', resolve)), 0);
  t.is(stderr, '');
  await own.stop();
});
