import test from 'ava';
import type { IngressListener, IngressServer, VirtualHost } from '../../agent/compile/snapshot.js';
import { hostFit, hostOfAuthority, ingressHostOf, serverOf, virtualHostOf } from '../../agent/compile/virtual-host.js';

function virtualHost(...domains: string[]): VirtualHost {
  return { domains, table: { sets: [] } };
}

function server(
  name: string,
  hosts: readonly string[],
  virtualHosts: readonly VirtualHost[],
  redirect = false,
): IngressServer {
  return {
    name,
    gateway: 'default/gw',
    hosts,
    httpsRedirect: redirect,
    tls: undefined,
    virtualHosts,
    tlsRules: [],
    tcpRules: [],
  };
}

function listener(...servers: IngressServer[]): IngressListener {
  return { port: 80, binds: [], protocol: 'http', servers };
}

test('the host of an authority', (t) => {
  t.is(hostOfAuthority('Example.COM'), 'example.com');
  t.is(hostOfAuthority('example.com:8080'), 'example.com');
  t.is(hostOfAuthority('example.com.:80'), 'example.com');
  t.is(hostOfAuthority('[::1]:80'), '[::1]');
  t.is(hostOfAuthority('[::1]'), '[::1]');
  t.is(hostOfAuthority(''), '');
});

test('a wildcard stands for one label or more', (t) => {
  t.true(hostFit('*.example.com', 'a.example.com') > 0);
  t.true(hostFit('*.example.com', 'a.b.example.com') > 0);
  t.is(hostFit('*.example.com', 'example.com'), 0);
  t.is(hostFit('*.example.com', '.example.com'), 0);
  t.is(hostFit('example.com', 'a.example.com'), 0);
  t.true(hostFit('*', '') > 0);
});

test('a name before longer wildcards before *', (t) => {
  const hosts = [
    virtualHost('*'),
    virtualHost('*.com'),
    virtualHost('*.example.com'),
    virtualHost('x', 'a.example.com'),
  ];
  t.is(virtualHostOf(hosts, 'a.example.com'), hosts[3]);
  t.is(virtualHostOf(hosts, 'b.example.com'), hosts[2]);
  t.is(virtualHostOf(hosts, 'b.com'), hosts[1]);
  t.is(virtualHostOf(hosts, 'b'), hosts[0]);
  t.is(virtualHostOf(hosts.slice(1), 'b'), undefined);
});

test('of several servers the one with the closest virtual host', (t) => {
  const all = server('all', ['*'], [virtualHost('a.example.com')]);
  const some = server('some', ['*.example.com'], [virtualHost('b.example.com')]);
  t.is(ingressHostOf(listener(all, some), 'a.example.com')?.server, all);
  t.is(ingressHostOf(listener(all, some), 'b.example.com')?.server, some);
  t.is(ingressHostOf(listener(all, some), 'c.example.com'), undefined);
});

test('a server that redirects to https serves its hosts', (t) => {
  const redirect = server('redirect', ['a.example.com'], [], true);
  const all = server('all', ['*'], [virtualHost('*')]);
  t.is(ingressHostOf(listener(all, redirect), 'a.example.com')?.server, redirect);
  t.is(ingressHostOf(listener(all, redirect), 'b.example.com')?.server, all);
  t.is(serverOf(listener(all, redirect), 'a.example.com'), redirect);
  t.is(serverOf(listener(redirect), 'b.example.com'), undefined);
});
