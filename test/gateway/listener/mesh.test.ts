import test, { type ExecutionContext } from 'ava';
import { workloadOfLabels } from '../../../agent/compile/workload.js';
import { backend, boundSocket, emptySnapshot, Rig, talk, target, until } from './rig.js';

const get = 'GET /a?b HTTP/1.1\r\nHost: cart\r\nConnection: close\r\n\r\n';

/** Service port 5 with `change`, and a listener of shop/client. */
function open(t: ExecutionContext, change: Parameters<typeof target>[0], limits = {}): { rig: Rig; port: number } {
  const rig = new Rig(limits);
  t.teardown(() => rig.listeners.drain());
  rig.snapshot = {
    ...emptySnapshot,
    targets: { cart: target(change) },
    ids: { '5': 'cart' },
    clients: {
      'shop/client': {
        namespace: 'shop',
        labels: { app: 'client' },
        addresses: ['10.0.0.7'],
        workload: workloadOfLabels('client', 'shop', { app: 'client', version: '' }),
      },
    },
  };
  const { fd, port } = boundSocket();
  rig.listeners.openMesh('shop/client', [fd]);
  return { rig, port };
}

test('the local address names the Service port', async (t) => {
  const { rig, port } = open(t, {});
  const { text } = await talk('127.128.0.5', port, get);
  t.regex(text, /^HTTP\/1.1 200 /);
  t.regex(text, /HTTP\/1.1 GET cart\/a\?b cart -$/);
  const [exchange] = rig.exchanges;
  t.is(exchange!.downstream.pod, 'shop/client');
  t.is(exchange!.downstream.address, '10.0.0.7');
  rig.listeners.closeMesh('shop/client');
});

test('an unknown id is closed and counted', async (t) => {
  const { rig, port } = open(t, {});
  t.deepEqual(await talk('127.128.0.6', port, get), { text: '', reset: true });
  t.deepEqual(await talk('127.0.0.1', port, get), { text: '', reset: true });
  t.is(rig.listeners.bounds.unknownTargets, 2);
});

test('a declared HTTP port answers other bytes with 400', async (t) => {
  const { port } = open(t, {});
  const { text } = await talk('127.128.0.5', port, '\x16\x03\x01\x02\x00\x01\r\n\r\n');
  t.regex(text, /^HTTP\/1.1 400 /);
});

test('an undeclared port: request lines are HTTP, other bytes are carried', async (t) => {
  const { rig, port } = open(t, { detection: 'sniff' });
  const echo = await backend((socket) => socket.pipe(socket));
  rig.ports['cart.shop.svc.cluster.local:80'] = echo.port;
  t.regex((await talk('127.128.0.5', port, get)).text, /GET cart\/a\?b/);
  t.is((await talk('127.128.0.5', port, 'PING\r\n', true)).text, 'PING\r\n');
  await until(() => rig.records.length === 1);
  const [record] = rig.records;
  t.like(record, { protocol: 'tcp', flags: '-', requestBytes: 6, responseBytes: 6, backend: 'shop/cart-1', rule: '' });
  t.is(record!.target, 'shop/cart');
  echo.close();
});

test('an undeclared port: a silent client is one whose server speaks first', async (t) => {
  const { rig, port } = open(t, { detection: 'sniff' }, { sniffMs: 50 });
  const greeter = await backend((socket) => socket.end('220 hello\r\n'));
  rig.ports['cart.shop.svc.cluster.local:80'] = greeter.port;
  t.is((await talk('127.128.0.5', port, '')).text, '220 hello\r\n');
  t.is((await talk('127.128.0.5', port, 'GET /slow')).text, '220 hello\r\n');
  greeter.close();
});

test('an opaque port without rules connects before the client speaks', async (t) => {
  const { rig, port } = open(t, { detection: 'opaque' }, { sniffMs: 60_000 });
  const greeter = await backend((socket) => socket.end('220 hello\r\n'));
  rig.ports['cart.shop.svc.cluster.local:80'] = greeter.port;
  t.is((await talk('127.128.0.5', port, '')).text, '220 hello\r\n');
  greeter.close();
});

test('tcp rules choose the cluster, and say so', async (t) => {
  const rule = {
    name: 'VirtualService shop/cart tcp[0]',
    namespaces: undefined,
    destinationSubnets: ['10.96.0.0/16'],
    port: 80,
    sourceLabels: { app: 'client' },
    sourceNamespace: 'shop',
    gateways: ['mesh'],
    sourceSubnets: ['10.0.0.0/24'],
    destinations: [{ cluster: 'other:80', weight: 0 }],
  };
  const { rig, port } = open(t, { detection: 'opaque', tcp: [rule] });
  const other = await backend((socket) => socket.end('other'));
  rig.ports['other:80'] = other.port;
  t.is((await talk('127.128.0.5', port, '')).text, 'other');
  await until(() => rig.records.length === 1);
  t.is(rig.records[0]!.rule, rule.name);
  other.close();
});

test('no healthy backend: the connection is reset and the record says UH', async (t) => {
  const { rig, port } = open(t, { detection: 'opaque' });
  t.true((await talk('127.128.0.5', port, '')).reset);
  await until(() => rig.records.length === 1);
  t.is(rig.records[0]!.flags, 'UH');
});

test('when the Pod goes, its connections go at once', async (t) => {
  const { rig, port } = open(t, { detection: 'opaque' });
  const quiet = await backend(() => {});
  rig.ports['cart.shop.svc.cluster.local:80'] = quiet.port;
  const ended = talk('127.128.0.5', port, 'hello');
  await until(() => rig.listeners.connections === 1 && rig.queries.length === 1);
  rig.listeners.closeMesh('shop/client');
  await ended;
  await until(() => rig.listeners.connections === 0);
  t.true((await talk('127.128.0.5', port, '')).reset);
  quiet.close();
});

test('connections over the bound are refused and counted', async (t) => {
  const { rig, port } = open(t, {}, { connectionsPerListener: 1 });
  const first = talk('127.128.0.5', port, '');
  await until(() => rig.listeners.connections === 1);
  t.true((await talk('127.128.0.5', port, get)).reset);
  t.is(rig.listeners.bounds.connectionsRefused, 1);
  await rig.listeners.drain();
  await first;
});

test('draining lets a request in flight end and closes what is idle', async (t) => {
  const { rig, port } = open(t, {});
  let finish = (): void => {};
  rig.onRequest = (exchange) => {
    finish = () => {
      exchange.respond({ status: 204, fields: [], length: undefined }, true);
    };
  };
  const idle = talk('127.128.0.5', port, '');
  const busy = talk('127.128.0.5', port, 'GET / HTTP/1.1\r\nHost: a\r\n\r\n');
  await until(() => rig.exchanges.length === 1 && rig.listeners.connections === 2);
  const drained = rig.listeners.drain();
  t.is((await idle).text, '');
  await until(() => rig.listeners.connections === 1);
  finish();
  t.regex((await busy).text, /^HTTP\/1.1 204 [\s\S]*Connection: close/i);
  await drained;
});

test('who begins slowly, or not at all, is cut off', async (t) => {
  const { rig, port } = open(t, {}, { openingMs: 50, firstByteMs: 100 });
  t.is((await talk('127.128.0.5', port, 'PRI * HT')).text, '');
  t.is((await talk('127.128.0.5', port, '')).text, '');
  await until(() => rig.listeners.connections === 0);
  t.is(rig.exchanges.length, 0);
});

test('a connection whose backend is gone says so', async (t) => {
  const { rig, port } = open(t, { detection: 'opaque' });
  const gone = await backend(() => {});
  gone.close();
  rig.ports['cart.shop.svc.cluster.local:80'] = gone.port;
  t.true((await talk('127.128.0.5', port, 'hello')).reset);
  await until(() => rig.records.length === 1);
  t.is(rig.records[0]!.flags, 'UF');
});
