import test from 'ava';
import { EntryServices } from '../../agent/model/entry-services.js';
import type { ServiceEntry } from '../../agent/model/service-entry.js';

function entry(name: string, rest: Partial<ServiceEntry> = {}, created = 0): ServiceEntry {
  const origin = { file: 'a.yaml', document: 0, item: -1 };
  return {
    kind: 'ServiceEntry',
    meta: { namespace: 'shop', name, labels: {}, annotations: {}, created, generation: 0, origin },
    hosts: ['api.example.com'],
    addresses: ['240.0.0.1'],
    ports: [{ number: 80, protocol: 'HTTP', name: 'http', targetPort: undefined }],
    location: 'MESH_EXTERNAL',
    resolution: 'STATIC',
    endpoints: [{ address: '192.0.2.1', ports: new Map(), labels: {}, locality: 'r/z/s', weight: 2 }],
    workloadSelector: undefined,
    exportTo: undefined,
    subjectAltNames: [],
    ...rest,
  };
}

function made(...entries: readonly ServiceEntry[]): EntryServices {
  const services = new EntryServices();
  for (const each of entries) services.set(undefined, each);
  return services;
}

const key = 'shop/api.example.com';

test('a host is a Service, its endpoints EndpointSlices', (t) => {
  const services = made(entry('a'));
  const service = services.get(key)!;
  t.deepEqual(service.addresses, ['240.0.0.1']);
  t.deepEqual(service.ports, [{ name: 'http', port: 80, protocol: 'TCP', targetPort: 80, appProtocol: 'http' }]);
  t.deepEqual(service.entry, { key: 'shop/a', resolution: 'STATIC' });
  const [slice] = services.slices.of(key);
  t.deepEqual(slice!.ports, [{ name: 'http', port: 80, protocol: 'TCP' }]);
  t.deepEqual(
    slice!.endpoints.map(({ address, zone, weight }) => [address, zone, weight]),
    [['192.0.2.1', 'z', 2]],
  );
});

test('entries of one host are one Service, whatever came first; the oldest decides', (t) => {
  const old = entry('z', {}, 1);
  const young = entry('a', { addresses: ['240.0.0.2'], endpoints: [] }, 2);
  const other = entry('b', { addresses: ['240.0.0.3'], resolution: 'NONE', endpoints: [] }, 3);
  for (const order of [
    [old, young, other],
    [other, young, old],
  ]) {
    const services = made(...order);
    t.deepEqual(services.get(key)!.addresses, ['240.0.0.1', '240.0.0.2', '240.0.0.3']);
    t.deepEqual(services.get(key)!.entry, { key: 'shop/z', resolution: 'STATIC' });
    services.set(old, undefined);
    services.set(young, undefined);
    t.is(services.get(key)!.entry!.resolution, 'NONE');
    t.is(services.slices.of(key).length, 0);
    services.set(other, undefined);
    t.deepEqual([...services.keys()], []);
    t.deepEqual(services.of('api.example.com'), []);
  }
});

test('only the first host has the addresses; the others’ endpoints count', (t) => {
  const two = entry('a', { hosts: ['first.example.com', 'api.example.com'] });
  t.deepEqual([...made(two).keys()], ['shop/first.example.com']);
  const both = made(two, entry('b', { endpoints: [] }, 1));
  t.is(both.slices.of(key).length, 1);
  t.deepEqual(both.get(key)!.addresses, ['240.0.0.1']);
});

test('a host that changes touches what it was and what it is', (t) => {
  const services = made(entry('a'));
  const renamed = entry('a', { hosts: ['new.example.com'] });
  t.deepEqual([...services.set(entry('a'), renamed).keys()], [key, 'shop/new.example.com']);
});

test('no Service without single addresses; a host without a dot cannot be taken for a Service', (t) => {
  t.deepEqual([...made(entry('a', { addresses: [] })).keys()], []);
  t.deepEqual([...made(entry('a', { addresses: ['192.0.2.0/24'] })).keys()], []);
  const short = made(entry('a', { hosts: ['database'] }));
  t.deepEqual([...short.keys()], ['shop/database.']);
  t.is(short.of('database').length, 1);
});

test('names have no EndpointSlices, and no ports of datagrams', (t) => {
  const ports = [
    { number: 80, protocol: 'TLS', name: 'tls', targetPort: undefined },
    { number: 53, protocol: 'UDP', name: 'dns', targetPort: undefined },
  ];
  const services = made(entry('a', { resolution: 'DNS', ports }));
  t.deepEqual(
    services.get(key)!.ports.map(({ port }) => port),
    [80],
  );
  t.is(services.slices.of(key).length, 0);
});
