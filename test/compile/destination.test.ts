import test from 'ava';
import { resolveDestination, type ServiceNames } from '../../agent/compile/destination.js';
import { keyOf, type Protocol } from '../../agent/model/mesh.js';
import { http, service } from './mesh.js';

const dnsPorts = [
  { ...http, name: 'dns', port: 53, protocol: 'UDP' as const },
  { ...http, name: 'dns-tcp', port: 53 },
  { ...http, name: 'metrics', port: 9153 },
];
const services = [
  service('web', { addresses: ['10.96.0.10', 'fd01::10'] }),
  service('dns', { addresses: ['10.96.0.53'], ports: dnsPorts }, { namespace: 'kube-system' }),
  service('peers', { addresses: [], headless: true }),
  service('outside', { addresses: [], type: 'ExternalName' }),
  service('api.example.com', { addresses: ['240.0.0.1'] }),
  service('api.example.com', { addresses: ['240.0.0.2'] }, { namespace: 'far' }),
];
const names: ServiceNames = {
  entriesOf: (host) => (host === 'api.example.com' ? ['far/api.example.com', 'shop/api.example.com'] : []),
  service: (key) => services.find((each) => keyOf(each) === key),
  serviceAt: (address) => {
    const found = services.find((each) => each.addresses.includes(address));
    return found && keyOf(found);
  },
};

/** `SERVICE ADDRESS PORT`, or the error's code and message. */
function resolve(to: string, protocol: Protocol = 'TCP', namespace = 'shop'): string {
  const found = resolveDestination(to, namespace, protocol, names);
  return 'code' in found ? `${found.code}: ${found.message}` : `${found.service} ${found.address} ${found.port}`;
}

test('every cluster form of a name', (t) => {
  for (const form of [
    'web',
    'web.shop',
    'web.shop.svc',
    'web.shop.svc.cluster.local',
    'web.shop.svc.cluster.local.',
    'WEB',
  ]) {
    t.is(resolve(`${form}:80`), 'shop/web 10.96.0.10 80', form);
    t.is(resolve(form), 'shop/web 10.96.0.10 80', form);
  }
  t.is(resolve('dns.kube-system:9153'), 'kube-system/dns 10.96.0.53 9153');
});

test('a short name is of the own namespace', (t) => {
  t.is(resolve('web:80', 'TCP', 'other'), 'unknown-service: web would be Service other/web, which does not exist');
});

test('names that are none', (t) => {
  t.is(
    resolve('10-0-0-1.shop.pod.cluster.local'),
    'unknown-service: 10-0-0-1.shop.pod.cluster.local is neither an address nor a name of a Service',
  );
  t.is(resolve('example.com'), 'unknown-service: example.com would be Service com/example, which does not exist');
  t.is(resolve('a.web.shop.svc.cluster.local').split(':')[0], 'unknown-service');
  t.is(resolve('10.96.0.256').split(':')[0], 'unknown-service');
  t.is(resolve('').split(':')[0], 'unknown-service');
  t.is(resolve(':80').split(':')[0], 'unknown-service');
  t.is(resolve('[web]:80').split(':')[0], 'shop/web 10.96.0.10 80');
});

test('what is neither a name nor an address', (t) => {
  for (const to of ['[::1', '::1]', '[::1]80', '[[::1]]:80', '1:2:3', 'web:80:80', 'fd01::10::1']) {
    t.is(resolve(to), `invalid-address: ${JSON.stringify(to)} is no HOST, HOST:PORT, IPv6 address or [IPv6]:PORT`);
  }
});

test('addresses of both families and the mapped form', (t) => {
  t.is(resolve('10.96.0.10:80'), 'shop/web 10.96.0.10 80');
  t.is(resolve('10.96.0.10'), 'shop/web 10.96.0.10 80');
  t.is(resolve('[fd01::10]:80'), 'shop/web fd01::10 80');
  t.is(resolve('[FD01:0:0::10]'), 'shop/web fd01::10 80');
  t.is(resolve('fd01::10'), 'shop/web fd01::10 80');
  t.is(resolve('[::ffff:10.96.0.10]:80'), 'shop/web 10.96.0.10 80');
  t.is(resolve('::ffff:10.96.0.10'), 'shop/web 10.96.0.10 80');
});

test('an address that is no Service needs no port', (t) => {
  t.is(resolve('192.0.2.1'), ' 192.0.2.1 0');
  t.is(resolve('192.0.2.1:443'), ' 192.0.2.1 443');
});

test('an omitted port is the only one of the protocol', (t) => {
  t.is(resolve('dns.kube-system', 'UDP'), 'kube-system/dns 10.96.0.53 53');
  t.is(
    resolve('dns.kube-system'),
    'port-needed: say which TCP port of Service kube-system/dns: it has 53/UDP, 53/TCP, 9153/TCP',
  );
  t.is(resolve('web', 'UDP'), 'port-needed: Service shop/web has no UDP port; it has 80/TCP');
});

test('a port that the Service does not have is kept, and said', (t) => {
  const found = resolveDestination('web:81', 'shop', 'TCP', names);
  t.deepEqual('steps' in found && found.steps, [
    'web names Service shop/web, whose address is 10.96.0.10 (also fd01::10)',
    'Service shop/web has no port 81/TCP; it has 80/TCP',
  ]);
});

test('ports that are none', (t) => {
  for (const port of ['', '0', '65536', '-1', '8o', '080000']) {
    t.is(resolve(`web:${port}`), `invalid-port: ${JSON.stringify(port)} is no port between 1 and 65535`);
  }
});

test('Services without an address of their own', (t) => {
  t.is(resolve('peers:80'), 'shop/peers  80');
  t.is(resolve('outside'), 'shop/outside  0');
});

test('a host of ServiceEntries: that of the own namespace, else the first', (t) => {
  t.is(resolve('api.example.com'), 'shop/api.example.com 240.0.0.1 80');
  t.is(resolve('api.example.com:81', 'TCP', 'else'), 'far/api.example.com 240.0.0.2 81');
  t.is(resolve('240.0.0.2'), 'far/api.example.com 240.0.0.2 80');
});
