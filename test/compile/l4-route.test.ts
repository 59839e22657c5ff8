import test from 'ava';
import { type ConnectionView, destinationOf, matchTcp, matchTls } from '../../agent/compile/l4-route.js';
import type { ClientView } from '../../agent/compile/route.js';
import type { L4Rule, TcpRule, TlsRule } from '../../agent/compile/snapshot.js';

const l4: L4Rule = {
  name: 'rule',
  namespaces: undefined,
  destinationSubnets: [],
  port: undefined,
  sourceLabels: undefined,
  sourceNamespace: undefined,
  gateways: undefined,
  destinations: [],
};
const view: ConnectionView = { sni: 'a.example', source: '10.0.0.7', destination: '10.96.0.1', port: 443 };
const client: ClientView = { namespace: 'shop', labels: { app: 'cart', version: 'v1' }, gateway: 'mesh' };

const tcp = (change: Partial<TcpRule>): TcpRule => ({ ...l4, sourceSubnets: [], ...change });
const tls = (change: Partial<TlsRule>): TlsRule => ({ ...l4, sniHosts: ['a.example'], ...change });

/** One row where a condition holds, and one where it must not. */
const rows: readonly (readonly [field: string, holds: Partial<TcpRule>, fails: Partial<TcpRule>])[] = [
  ['port', { port: 443 }, { port: 80 }],
  ['sourceNamespace', { sourceNamespace: 'shop' }, { sourceNamespace: 'other' }],
  ['exportTo', { namespaces: ['other', 'shop'] }, { namespaces: ['other'] }],
  ['gateways', { gateways: ['edge/public', 'mesh'] }, { gateways: ['edge/public'] }],
  ['sourceLabels', { sourceLabels: { app: 'cart' } }, { sourceLabels: { app: 'cart', version: 'v2' } }],
  ['destinationSubnets', { destinationSubnets: ['10.0.0.0/9'] }, { destinationSubnets: ['10.128.0.0/9'] }],
  ['destinationSubnets, one address', { destinationSubnets: ['10.96.0.1'] }, { destinationSubnets: ['10.96.0.2'] }],
  ['destinationSubnets, any', { destinationSubnets: ['0.0.0.0/0'] }, { destinationSubnets: ['::/0'] }],
  ['sourceSubnet', { sourceSubnets: ['10.0.0.4/30'] }, { sourceSubnets: ['10.0.0.8/30'] }],
  ['a subnet that is none', { sourceSubnets: ['x', '10.0.0.7/32'] }, { sourceSubnets: ['10.0.0.7/33'] }],
];

for (const [field, holds, fails] of rows) {
  test(`${field} decides`, (t) => {
    t.truthy(matchTcp([tcp(holds)], view, client));
    t.is(matchTcp([tcp(fails)], view, client), undefined);
    if (!('sourceSubnets' in holds)) {
      t.truthy(matchTls([tls(holds)], view, client));
      t.is(matchTls([tls(fails)], view, client), undefined);
    }
  });
}

test('IPv6 subnets, and IPv4 in mapped form', (t) => {
  const six = { ...view, source: 'fd00::1:2', destination: '::ffff:10.96.0.1' };
  t.truthy(
    matchTcp([tcp({ sourceSubnets: ['fd00::/96'], destinationSubnets: ['10.96.0.0/12'] })], six, client) ?? null,
  );
  t.truthy(matchTcp([tcp({ sourceSubnets: ['fd00::/108'] })], six, client));
  t.is(matchTcp([tcp({ sourceSubnets: ['fd00::/112'] })], six, client), undefined);
});

test('an unknown destination is in no subnet', (t) => {
  t.is(matchTcp([tcp({ destinationSubnets: ['0.0.0.0/0'] })], { ...view, destination: undefined }, client), undefined);
});

test('names: exact, wildcards, and the first rule that fits', (t) => {
  const wild = tls({ name: 'wild', sniHosts: ['*.example'] });
  const exact = tls({ name: 'exact' });
  t.is(matchTls([wild, exact], view, client)!.name, 'wild');
  t.is(matchTls([exact, wild], view, client)!.name, 'exact');
  t.is(matchTls([exact, wild], { ...view, sni: 'b.example' }, client)!.name, 'wild');
  t.is(matchTls([exact, wild], { ...view, sni: 'example' }, client), undefined);
  t.is(matchTls([tls({ sniHosts: ['*'] })], { ...view, sni: '' }, client)?.name, 'rule');
});

test('destinations by weight', (t) => {
  const rule = tcp({
    destinations: [
      { cluster: 'a', weight: 1 },
      { cluster: 'never', weight: 0 },
      { cluster: 'b', weight: 3 },
    ],
  });
  t.deepEqual(
    [0, 0.24, 0.25, 0.5, 0.999].map((random) => destinationOf(rule, random)),
    ['a', 'a', 'b', 'b', 'b'],
  );
  t.is(destinationOf(tcp({ destinations: [{ cluster: 'only', weight: 0 }] }), 0.5), 'only');
  t.is(
    destinationOf(
      tcp({
        destinations: [
          { cluster: 'a', weight: 0 },
          { cluster: 'b', weight: 0 },
        ],
      }),
      0,
    ),
    undefined,
  );
  t.is(destinationOf(tcp({}), 0), undefined);
});
