import test from 'ava';
import { compileService } from '../../agent/compile/frontends.js';
import type { CompileContext } from '../../agent/compile/input.js';
import type { FrontendPlan } from '../../agent/compile/plan.js';
import type { MeshObject } from '../../agent/model/mesh.js';
import { contextOf, http, meshOf, pod, policy, rule, service } from './mesh.js';

function compile(...objects: readonly MeshObject[]): readonly FrontendPlan[] {
  return compileService('shop/web', meshOf(...objects), contextOf());
}

function policies(...objects: readonly MeshObject[]): readonly string[] {
  return compile(...objects).map((plan) => `${plan.key} ${plan.policy} ${plan.policySource}`);
}

const admin = { ...http, name: 'admin', port: 90, targetPort: 9090 };
const dns = { ...http, name: 'dns', port: 53, targetPort: 53, protocol: 'UDP' as const };

test('one plan for each port and family, with backends of that family', (t) => {
  const plans = compile(
    service('web', { addresses: ['10.96.0.10', 'fd01::10', '192.0.2.7'], ports: [http, dns], affinitySeconds: 60 }),
    pod('a', '10.0.0.1', { addresses: ['10.0.0.1', 'fd00::1'] }),
    pod('b', '10.0.0.2'),
  );
  t.deepEqual(
    plans.map((plan) => [plan.key, plan.addresses, plan.backends.map((each) => `${each.address} ${each.port}`)]),
    [
      ['shop/web:80/TCP/4', ['10.96.0.10', '192.0.2.7'], ['10.0.0.1 8080', '10.0.0.2 8080']],
      ['shop/web:80/TCP/6', ['fd01::10'], ['fd00::1 8080']],
      ['shop/web:53/UDP/4', ['10.96.0.10', '192.0.2.7'], ['10.0.0.1 53', '10.0.0.2 53']],
      ['shop/web:53/UDP/6', ['fd01::10'], ['fd00::1 53']],
    ],
  );
  t.deepEqual(
    { ...plans[0], backends: plans[0]?.backends },
    {
      key: 'shop/web:80/TCP/4',
      service: 'shop/web',
      port: 80,
      portName: 'http',
      protocol: 'TCP',
      family: 4,
      addresses: ['10.96.0.10', '192.0.2.7'],
      policy: 'LEAST_REQUEST',
      policySource: 'default',
      affinitySeconds: 60,
      maxConnections: 0,
      tableSize: 0,
      onRemoval: 'drain',
      gateway: 'none',
      backends: ['a', 'b'].map((name, index) => ({
        name: `shop/${name}`,
        address: `10.0.0.${index + 1}`,
        port: 8080,
        node: 'here',
        zone: '',
        state: 'ready',
        weight: 1,
      })),
    },
  );
});

test('headless, ExternalName, addressless and unknown Services have no plan', (t) => {
  t.deepEqual(compile(service('web', { headless: true, addresses: [] })), []);
  t.deepEqual(compile(service('web', { type: 'ExternalName' })), []);
  t.deepEqual(compile(service('web', { addresses: [] })), []);
  t.deepEqual(compile(service('other')), []);
});

test('a Service without endpoints has a plan without backends', (t) => {
  t.deepEqual(
    compile(service('web')).map((plan) => plan.backends),
    [[]],
  );
});

test('the DestinationRule decides, a port-level policy instead of the general one', (t) => {
  const web = service('web', { ports: [http, admin, dns] }, { annotations: { 'weft.dev/balancing': 'random' } });
  const general = policy({ loadBalancer: 'ROUND_ROBIN', maxConnections: 100 });
  const own = rule('web', general, [
    [90, policy({ loadBalancer: 'PASSTHROUGH' })],
    [53, policy({ maxConnections: 7 })],
  ]);
  t.deepEqual(policies(web, own), [
    'shop/web:80/TCP/4 ROUND_ROBIN DestinationRule shop/web',
    'shop/web:90/TCP/4 PASSTHROUGH DestinationRule shop/web',
    'shop/web:53/UDP/4 RANDOM annotation weft.dev/balancing',
  ]);
  t.deepEqual(
    compile(web, own).map((plan) => plan.maxConnections),
    [100, 0, 7],
  );
});

test('weft.dev/balancing decides where no rule does', (t) => {
  const annotated = (value: string) =>
    policies(service('web', {}, { annotations: { 'weft.dev/balancing': value } }))[0];
  t.is(annotated('round-robin'), 'shop/web:80/TCP/4 ROUND_ROBIN annotation weft.dev/balancing');
  t.is(annotated('random'), 'shop/web:80/TCP/4 RANDOM annotation weft.dev/balancing');
  t.is(annotated('least-request'), 'shop/web:80/TCP/4 LEAST_REQUEST annotation weft.dev/balancing');
  t.is(annotated('adaptive'), 'shop/web:80/TCP/4 LEAST_REQUEST annotation weft.dev/balancing');
  t.is(annotated('fastest'), 'shop/web:80/TCP/4 LEAST_REQUEST default');
});

test('consistent hash has a table size: its own, else by the number of endpoints, usable or not', (t) => {
  const web = service('web');
  const pods = Array.from({ length: 11 }, (_, index) => pod(`p${index}`, `10.0.0.${index}`, { ready: index > 3 }));
  const size = (tableSize: number | undefined) =>
    compile(web, ...pods, rule('web', policy({ loadBalancer: 'SOURCE_IP', tableSize })))[0]?.tableSize;
  t.is(size(65_537), 65_537);
  t.is(size(undefined), 2039);
  t.is(compile(web, rule('web', policy({ tableSize: 65_537 })))[0]?.tableSize, 0);
});

test('weft.dev/on-removal', (t) => {
  const onRemoval = (value: string) =>
    compile(service('web', {}, { annotations: { 'weft.dev/on-removal': value } }))[0]?.onRemoval;
  t.is(onRemoval('reset'), 'reset');
  t.is(onRemoval('drain'), 'drain');
});

test('TCP ports lead to the gateway as the context says', (t) => {
  const uses = new Map<number, 'bypass' | 'closed'>([
    [80, 'bypass'],
    [53, 'closed'],
  ]);
  const asked: string[] = [];
  const context: CompileContext = {
    ...contextOf(),
    gatewayOf: (name, port) => {
      asked.push(`${name} ${port}`);
      return uses.get(port) ?? 'none';
    },
  };
  const mesh = meshOf(service('web', { ports: [http, admin, dns] }));
  t.deepEqual(
    compileService('shop/web', mesh, context).map((plan) => [plan.port, plan.gateway]),
    [
      [80, 'bypass'],
      [90, 'none'],
      [53, 'none'],
    ],
  );
  t.deepEqual(asked, ['shop/web 80', 'shop/web 90']);
});
