import test from 'ava';
import { type Explanation, explain, type NameView, type TableView } from '../../agent/compile/explain.js';
import { compileService } from '../../agent/compile/frontends.js';
import type { CompileInput } from '../../agent/compile/input.js';
import { ringOf, sourceHash } from '../../agent/compile/maglev.js';
import type { FrontendPlan, GatewayUse, Overrides } from '../../agent/compile/plan.js';
import { slotsOf, weightTotal } from '../../agent/compile/slots.js';
import { strideOf } from '../../agent/compile/stride.js';
import { keyOf, type LoadBalancer, type MeshObject, type Protocol } from '../../agent/model/mesh.js';
import { type AffinityRow, type BackendRow, type FrontendRow, Policy } from '../../agent/tables/layout.gen.js';
import { contextOf, http, meshOf, node, pod, policy, rule, service } from './mesh.js';

const policies: Readonly<Record<LoadBalancer, number>> = {
  LEAST_REQUEST: Policy.LEAST_REQUEST,
  ROUND_ROBIN: Policy.ROUND_ROBIN,
  RANDOM: Policy.RANDOM,
  SOURCE_IP: Policy.MAGLEV,
  PASSTHROUGH: Policy.PASSTHROUGH,
};

interface Conditions {
  readonly overrides?: Partial<Overrides>;
  /** By backend id. */
  readonly inflight?: Readonly<Record<number, number>>;
  readonly serviceInflight?: number;
  readonly cursor?: bigint;
  readonly affinity?: AffinityRow;
  /** Ids whose row is missing. */
  readonly gone?: readonly number[];
  /** Seconds. */
  readonly now?: bigint;
  /** Of the Service; default none. */
  readonly gateway?: GatewayUse;
  /** When the gateway last said that it serves, in seconds; default never. */
  readonly gatewayServed?: bigint;
  readonly gatewayPort?: number;
}

/** Rows of one Service's plans: backends have the ids 1, 2, … in their order. */
class Tables implements TableView {
  readonly #plans: readonly FrontendPlan[];
  readonly #conditions: Conditions;

  constructor(plans: readonly FrontendPlan[], conditions: Conditions) {
    this.#plans = plans;
    this.#conditions = conditions;
  }

  #backends(plan: FrontendPlan): { backend: number; weight: number; name: string }[] {
    return plan.backends.map(({ weight, address, port }) => ({
      weight,
      backend: this.#all().findIndex((each) => each.address === address && each.port === port) + 1,
      name: `${address}:${port}`,
    }));
  }

  #all(): readonly { address: string; port: number }[] {
    return this.#plans.flatMap((plan) => plan.backends);
  }

  frontend(address: string, port: number, protocol: Protocol): FrontendRow | undefined {
    const index = this.#plans.findIndex(
      (plan) => plan.addresses.includes(address) && plan.port === port && plan.protocol === protocol,
    );
    const plan = this.#plans[index];
    if (plan === undefined) return undefined;
    const slots = slotsOf(this.#backends(plan));
    const weight = weightTotal(slots);
    return {
      service: index + 1,
      policy: policies[plan.policy],
      gateway: { none: 0, bypass: 1, closed: 2 }[plan.gateway],
      slotBase: index * 1000,
      slotCount: slots.length,
      weightTotal: weight,
      stride: strideOf(weight),
      ringBase: index * 1_000_000,
      ringSize: plan.tableSize,
      affinitySeconds: plan.affinitySeconds,
      maxConnections: plan.maxConnections,
    };
  }

  slots(base: number) {
    return slotsOf(this.#backends(this.#plans[base / 1000]!));
  }

  ring(base: number, size: number) {
    const plan = this.#plans[Math.floor(base / 1_000_000)]!;
    const offset = base % 1_000_000;
    return ringOf(this.#backends(plan), plan.tableSize).subarray(offset, offset + size);
  }

  backend(id: number): BackendRow | undefined {
    const found = this.#all()[id - 1];
    if (found === undefined || this.#conditions.gone?.includes(id)) return undefined;
    return { ...found, protocol: 6, alive: 1, generation: 1 };
  }

  backendState(id: number) {
    return { inflight: this.#conditions.inflight?.[id] ?? 0, opened: 0n, failed: 0n, connectNs: 0n };
  }

  serviceState() {
    return { inflight: this.#conditions.serviceInflight ?? 0, cursor: this.#conditions.cursor ?? 0n };
  }

  pod(netns: bigint) {
    if (netns !== 4026n) return undefined;
    return {
      id: 3,
      hash4: sourceHash('10.0.1.1'),
      hash6: sourceHash('fd00::1:1'),
      gatewayPort: this.#conditions.gatewayPort ?? 0,
      gatewaySix: 0,
      four: '10.0.1.1',
      six: 'fd00::1:1',
    };
  }

  affinity() {
    return this.#conditions.affinity;
  }

  gatewayNs(): bigint {
    return (this.#conditions.gatewayServed ?? 0n) * 1_000_000_000n;
  }

  nowNs(): bigint {
    return (this.#conditions.now ?? 1000n) * 1_000_000_000n;
  }
}

function namesOf(input: CompileInput, plans: readonly FrontendPlan[]): NameView {
  const web = input.service('shop/web');
  return {
    service: (key) => input.service(key),
    entriesOf: () => [],
    serviceAt: (address) => (web?.addresses.includes(address) ? keyOf(web) : undefined),
    plansOf: (key) => plans.filter((plan) => plan.service === key),
    pod: (key) => {
      if (key === 'shop/client') return { netns: 4026n, whyNot: '' };
      if (key === 'shop/early') return { netns: 4027n, whyNot: '' };
      return key === 'shop/plain' ? { netns: undefined, whyNot: 'label weft.dev/mesh is disabled' } : undefined;
    },
  };
}

function ask(
  objects: readonly MeshObject[],
  conditions: Conditions = {},
  query: { from?: string; to?: string; protocol?: Protocol } = {},
) {
  const input = meshOf(...objects);
  const gatewayOf = () => conditions.gateway ?? 'none';
  const plans = compileService('shop/web', input, { ...contextOf(conditions.overrides), gatewayOf });
  const full = { from: 'shop/client', to: 'web:80', protocol: 'TCP' as const, ...query };
  return explain(full, new Tables(plans, conditions), namesOf(input, plans));
}

function explained(...question: Parameters<typeof ask>): Explanation {
  const answer = ask(...question);
  if ('error' in answer) throw new Error(answer.error.message);
  return answer;
}

/** One line a candidate. */
function shares(answer: Explanation): readonly string[] {
  return answer.candidates.map((each) => `${each.backend} ${each.address} ${each.probability} ${each.state}`);
}

const pods = [pod('a', '10.0.0.1'), pod('b', '10.0.0.2'), pod('c', '10.0.0.3', { ready: false })];

test('a whole explanation', (t) => {
  const overrides = { weights: new Map([['shop/web', new Map([['shop/a', 3]])]]) };
  const roundRobin = rule('web', policy({ loadBalancer: 'ROUND_ROBIN' }));
  t.deepEqual(explained([service('web'), roundRobin, ...pods], { overrides, cursor: 1n }), {
    verdict: 'redirect',
    reason: 'picked',
    path: 'l4',
    service: 'shop/web',
    port: 80,
    rule: 'DestinationRule shop/web',
    candidates: [
      { backend: 'shop/a', address: '10.0.0.1:8080', probability: 0.75, state: 'ready' },
      { backend: 'shop/b', address: '10.0.0.2:8080', probability: 0.25, state: 'ready' },
      { backend: 'shop/c', address: '10.0.0.3:8080', probability: 0, state: 'unready' },
    ],
    next: 'shop/b',
    steps: [
      'shop/client is meshed: network namespace cookie 4026, Pod 3',
      'web names Service shop/web, whose address is 10.96.0.10',
      '10.96.0.10:80/TCP is frontend 1',
      'policy ROUND_ROBIN by DestinationRule shop/web',
      'in turn, exactly by weight over 4 picks; the next is shop/b',
      'not used, not ready: shop/c',
    ],
  });
});

test('the default policy takes the fewest in flight', (t) => {
  const answer = explained([service('web'), ...pods], { inflight: { 1: 2, 2: 1 } });
  t.deepEqual(shares(answer), [
    'shop/a 10.0.0.1:8080 0 ready',
    'shop/b 10.0.0.2:8080 1 ready',
    'shop/c 10.0.0.3:8080 0 unready',
  ]);
  t.is(answer.rule, 'default');
  t.true(
    answer.steps.includes('the fewest connections in flight for its weight, of all 2; equals at random by weight'),
  );
});

test('Pods that are not meshed are left alone, whatever they address', (t) => {
  const plain = explained([service('web'), ...pods], {}, { from: 'shop/plain' });
  t.like(plain, { verdict: 'pass', reason: 'not_meshed', service: 'shop/web', port: 80, candidates: [] });
  t.is(plain.steps[0], 'shop/plain is not meshed: label weft.dev/mesh is disabled');
  const early = explained([service('web'), ...pods], {}, { from: 'shop/early' });
  t.is(early.steps[0], 'shop/early is not meshed: the kernel has no row for its network namespace yet');
});

test('what no frontend has is left alone', (t) => {
  const other = explained([service('web'), ...pods], {}, { to: '192.0.2.1:443' });
  t.like(other, { verdict: 'pass', reason: 'no_service', service: '', port: 443 });
  t.deepEqual(other.steps.slice(1), [
    "192.0.2.1 is no Service's address",
    'the kernel has no frontend 192.0.2.1:443/TCP',
    'the connection goes to 192.0.2.1 as it is',
  ]);
  t.like(explained([service('web'), ...pods], {}, { to: 'web:81' }), {
    verdict: 'pass',
    reason: 'no_service',
    port: 81,
  });
  const headless = explained([service('web', { headless: true, addresses: [] })]);
  t.like(headless, { verdict: 'pass', reason: 'no_service', service: 'shop/web' });
  t.is(headless.steps.at(-1), 'there is no address to balance');
});

test('PASSTHROUGH', (t) => {
  const answer = explained([service('web'), rule('web', policy({ loadBalancer: 'PASSTHROUGH' })), ...pods]);
  t.like(answer, { verdict: 'pass', reason: 'passthrough', rule: 'DestinationRule shop/web' });
});

test('nobody usable is a refusal that names the excluded and why', (t) => {
  const objects = [
    service('web', { trafficDistribution: 'PreferSameZone' }),
    node('here', 'a'),
    ...Array.from({ length: 7 }, (_, index) => pod(`p${index}`, `10.0.0.${index}`, { ready: false })),
    pod('z', '10.0.0.9'),
  ];
  const answer = explained(objects, { overrides: { drained: new Set(['shop/z']) } });
  t.like(answer, { verdict: 'refuse', reason: 'no_backend' });
  t.deepEqual(answer.steps.slice(-3), [
    'no backend is usable: the connection is refused',
    'not used, not ready: shop/p0, shop/p1, shop/p2, shop/p3, shop/p4 and 2 more',
    'not used, drained: shop/z',
  ]);
});

test('maxConnections refuses TCP alone', (t) => {
  const ports = [http, { ...http, protocol: 'UDP' as const }];
  const objects = [service('web', { ports }), rule('web', policy({ maxConnections: 4 })), ...pods];
  const tcp = explained(objects, { serviceInflight: 4 });
  t.like(tcp, { verdict: 'refuse', reason: 'max_connections' });
  t.true(tcp.steps.includes('4 connections are in flight and maxConnections is 4: refused'));
  t.is(explained(objects, { serviceInflight: 4 }, { protocol: 'UDP' }).verdict, 'redirect');
  t.true(explained(objects, { serviceInflight: 3 }).steps.includes('3 of at most 4 connections are in flight'));
});

test('sessionAffinity: held, none yet, expired, gone', (t) => {
  const objects = [service('web', { affinitySeconds: 60 }), ...pods];
  const used = (seconds: bigint, backend = 2) => ({
    affinity: { backend, generation: 1, usedNs: (1000n - seconds) * 1_000_000_000n },
  });
  const held = explained(objects, used(59n));
  t.like(held, { verdict: 'redirect', reason: 'affinity' });
  t.deepEqual(shares(held).slice(0, 2), ['shop/a 10.0.0.1:8080 0 ready', 'shop/b 10.0.0.2:8080 1 ready']);
  t.true(held.steps.includes('sessionAffinity (60 s): its last pick, shop/b, again'));
  t.true(explained(objects).steps.includes('sessionAffinity (60 s): no earlier pick of this client'));
  t.true(explained(objects, used(61n)).steps.includes('sessionAffinity (60 s): the last pick, 61 s ago, has expired'));
  t.true(
    explained(objects, used(5n, 3)).steps.includes(
      'sessionAffinity (60 s): the last pick, 5 s ago, is not among the backends any more',
    ),
  );
});

test('consistent hash gives the ring entry of the client, by family', (t) => {
  const dual = ['a', 'b', 'c', 'd'].map((name, index) =>
    pod(name, '', { addresses: [`10.0.0.${index + 1}`, `fd00::${index + 1}`] }),
  );
  const web = service('web', { addresses: ['10.96.0.10', 'fd01::10'] });
  const objects = [web, rule('web', policy({ loadBalancer: 'SOURCE_IP' })), ...dual];
  const input = meshOf(...objects);
  const plans = compileService('shop/web', input, contextOf());
  for (const [index, to, source] of [
    [0, '10.96.0.10', '10.0.1.1'],
    [1, '[fd01::10]:80', 'fd00::1:1'],
  ] as const) {
    const plan = plans[index]!;
    const ring = ringOf(
      plan.backends.map((each, offset) => ({ name: `${each.address}:${each.port}`, backend: offset, weight: 1 })),
      plan.tableSize,
    );
    const expected = plan.backends[ring[sourceHash(source) % plan.tableSize]!]!.name;
    const likely = explained(objects, {}, { to }).candidates.filter((each) => each.probability > 0);
    t.deepEqual(
      likely.map((each) => [each.backend, each.probability]),
      [[expected, 1]],
    );
  }
});

test('a missing backend row is said', (t) => {
  const random = service('web', {}, { annotations: { 'weft.dev/balancing': 'random' } });
  const answer = explained([random, ...pods], { gone: [1] });
  t.true(answer.steps.includes("50.00 % of picks are refused: their backend's row is missing"));
  t.is(answer.candidates.find((each) => each.address === '10.0.0.2:8080')?.probability, 0.5);
  t.is(explained([random, ...pods], { gone: [1, 2] }).reason, 'table_broken');
});

test('a backend that only the kernel has is shown as such', (t) => {
  const objects = [service('web'), ...pods];
  const input = meshOf(...objects);
  const before = compileService('shop/web', input, contextOf());
  const after = before.map((plan) => ({ ...plan, backends: plan.backends.slice(1) }));
  const answer = explain(
    { from: 'shop/client', to: 'web', protocol: 'TCP' },
    new Tables(before, {}),
    namesOf(input, after),
  );
  t.deepEqual('candidates' in answer && shares(answer), [
    'shop/b 10.0.0.2:8080 0.5 ready',
    'shop/c 10.0.0.3:8080 0 unready',
    '10.0.0.1 10.0.0.1:8080 0.5 unplanned',
  ]);
});

test('what is unknown is an error as a value', (t) => {
  const objects = [service('web'), ...pods];
  t.deepEqual(ask(objects, {}, { from: 'shop/nobody' }), {
    error: { code: 'unknown-pod', field: 'from', message: 'there is no Pod shop/nobody' },
  });
  t.deepEqual(ask(objects, {}, { to: 'webb:80' }), {
    error: {
      code: 'unknown-service',
      field: 'to',
      message: 'webb would be Service shop/webb, which does not exist',
    },
  });
});

test('a gateway decides by request; while it is down the connection is balanced or refused, and why is said', (t) => {
  const up = { gateway: 'bypass', gatewayServed: 999n, gatewayPort: 61000 } as const;
  const led = explained([service('web'), ...pods], up);
  t.like(led, { verdict: 'redirect', reason: 'gateway', path: 'gateway', service: 'shop/web', port: 80 });
  t.deepEqual(led.steps.slice(2), [
    '10.96.0.10:80/TCP is frontend 1',
    "the gateway decides by request: connect() leads to its listener in the Pod's network namespace",
  ]);
  const stale = explained([service('web'), ...pods], { ...up, gatewayServed: 997n });
  t.like(stale, { verdict: 'redirect', reason: 'picked', path: 'l4' });
  t.true(stale.steps.includes('the gateway does not serve: the connection is balanced without it'));
  const early = explained([service('web'), ...pods], { ...up, gatewayPort: 0 });
  t.true(early.steps.includes('the gateway has no listener for the Pod yet: the connection is balanced without it'));
  const closed = explained([service('web'), ...pods], { ...up, gateway: 'closed', gatewayServed: 0n });
  t.like(closed, { verdict: 'refuse', reason: 'gateway_down', path: 'gateway' });
  t.is(closed.steps.at(-1), 'the gateway does not serve, and the Service is closed then: the connection is refused');
});
