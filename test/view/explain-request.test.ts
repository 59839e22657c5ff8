import test from 'ava';
import type { ExplainQuery, Explanation } from '../../agent/api/items.js';
import type { Cluster, ClusterPolicy, HashKey } from '../../agent/balance/cluster.js';
import { hashText } from '../../agent/balance/hash.js';
import { sourceHash } from '../../agent/compile/maglev.js';
import type { EndpointState } from '../../agent/gateway/upstream/attempt.js';
import { UpstreamPools } from '../../agent/gateway/upstream/pools.js';
import { RequestLedger } from '../../agent/supervisor/request-ledger.js';
import { explainRequest } from '../../agent/view/explain-request.js';
import { FakeClock } from '../gateway/upstream/fake-clock.js';
import { FakeNetwork } from '../gateway/upstream/fake-connections.js';
import { query as attempt, cluster, Ear, endpoint, policy, snapshot, webKey } from '../gateway/upstream/scene.js';

const connection: Explanation = {
  verdict: 'redirect',
  reason: 'gateway',
  path: 'gateway',
  service: 'shop/web',
  port: 80,
  rule: '',
  candidates: [],
  next: '',
  steps: [],
};

const client = { namespace: 'shop', labels: {}, addresses: ['10.1.0.9'], workload: endpoint(1).workload };

const three = [endpoint(1), endpoint(2), endpoint(3)];

function hashed(key: HashKey, type: 'ringHash' | 'maglev' = 'ringHash'): ClusterPolicy {
  const algorithm =
    type === 'ringHash' ? ({ type, minimumRingSize: 1024 } as const) : ({ type, tableSize: 5003 } as const);
  return policy({ source: 'DestinationRule shop/web', balancing: { type: 'hash', key, algorithm } });
}

/** Explains a request of shop/client to web; `reports`: what each worker says of the endpoints. */
function explained(
  web: Cluster,
  fields: Partial<ExplainQuery> = {},
  reports: readonly (readonly Partial<EndpointState>[])[] = [],
  detection: 'http' | 'opaque' = 'http',
): Explanation {
  const target = {
    ...{ service: 'shop/web', host: 'web.shop.svc.cluster.local', port: 80, family: 4 as const, detection },
    ...{ addresses: ['10.96.0.1'], cluster: web.key, http: { sets: [] }, tls: [], tcp: [] },
  };
  const config = { ...snapshot(web), targets: { 'shop/web:80/TCP/4': target }, clients: { 'shop/client': client } };
  const requests = new RequestLedger();
  for (const [worker, endpoints] of reports.entries()) {
    requests.take(worker, {
      ...{ sums: { series: [], overflowed: 0 }, connections: 0, inFlight: 0, rssBytes: 0, bounds: {} },
      endpoints: endpoints.map((each) => ({ ...stateOf(), ...each })),
    });
  }
  const query = { from: 'shop/client', to: 'web', protocol: 'TCP', method: '', path: '/', headers: [] } as const;
  const supervisor = { pids: [], restarts: 0, snapshot: config, follow: () => undefined };
  return explainRequest({ supervisor, requests }, { ...query, ...fields }, connection);
}

function stateOf(): EndpointState {
  return {
    ...{ cluster: webKey, address: '10.0.0.1:8080', name: 'shop/web-1', inFlight: 0, latencyMs: 0, connections: 0 },
    ...{ ejected: false, ejection: '', ejections: 0 },
  };
}

const sharesOf = ({ candidates }: Explanation) => candidates.map(({ probability }) => Number(probability.toFixed(2)));

/** Where a worker sends a request with this hash. */
function reachedBy(web: Cluster, hash: number): string {
  const clock = new FakeClock();
  const network = new FakeNetwork();
  const upstreams = new UpstreamPools({ clock, random: () => 0, codecs: network.codecs, sockets: network.maker });
  const ear = new Ear();
  const config = snapshot(web);
  upstreams.update(config);
  upstreams.begin(attempt(config, { hash, client }), true, ear);
  return ear.endpoint!.name;
}

for (const [method, status] of [
  ['PUTX', 400],
  ['G T', 400],
  ['get', 400],
  ['CONNECT', 405],
] as const) {
  test(`the method ${method} is refused: ${status}`, (t) => {
    t.like(explained(cluster(three), { method }), {
      verdict: 'refuse',
      status,
      candidates: [],
      steps: [`the method ${JSON.stringify(method)} is refused over HTTP/1.1: ${status}`],
    });
  });
}

test('a path that is none is refused, a known method is not', (t) => {
  t.like(explained(cluster(three), { path: '/%0' }), { verdict: 'refuse', status: 400 });
  for (const method of ['', 'GET', 'PROPFIND', 'PATCH'])
    t.like(explained(cluster(three), { method }), { verdict: 'redirect' });
});

test('the last step names the policy', (t) => {
  t.is(explained(cluster(three)).steps.at(-1), 'policy ROUND_ROBIN by default');
  const adaptive = policy({ source: 'DestinationRule shop/web', balancing: { type: 'adaptive' } });
  t.is(explained(cluster(three, {}, adaptive)).steps.at(-1), 'policy ADAPTIVE by DestinationRule shop/web');
  const least = policy({ balancing: { type: 'least-request' } });
  t.is(explained(cluster(three, {}, least), {}, [], 'opaque').steps.at(-1), 'policy LEAST_REQUEST by default');
});

for (const type of ['ringHash', 'maglev'] as const) {
  test(`${type}: a request with the key goes where workers send it`, (t) => {
    const web = cluster(three, {}, hashed({ type: 'header', name: 'X-User' }, type));
    const seen = new Set<string>();
    for (let user = 0; user < 32; user++) {
      const headers = [{ name: 'x-user', value: `user-${user}` }];
      const found = explained(web, { headers });
      const wanted = reachedBy(web, hashText(`user-${user}`));
      t.deepEqual(
        found.candidates.filter(({ probability }) => probability > 0).map(({ backend }) => backend),
        [wanted],
      );
      t.true(
        found.steps.at(-1)!.endsWith(` of header X-User by DestinationRule shop/web: this one belongs to ${wanted}`),
      );
      seen.add(wanted);
    }
    t.is(seen.size, 3);
  });
}

test('each kind of key that a request can have', (t) => {
  const query = cluster(three, {}, hashed({ type: 'query', name: 'user' }));
  t.regex(
    explained(query, { path: '/?user=7' }).steps.at(-1)!,
    /RING_HASH of query parameter user by .*: this one belongs/,
  );
  const cookie = cluster(three, {}, hashed({ type: 'cookie', name: 'id', path: '/', ttlMs: 1000, attributes: [] }));
  const headers = [{ name: 'Cookie', value: 'a=b; id=7' }];
  t.deepEqual(sharesOf(explained(cookie, { headers })).toSorted(), [0, 0, 1]);
  t.regex(explained(cookie).steps.at(-1)!, /there is none, so that any of these is picked, and a cookie made for it$/);
  t.true(sharesOf(explained(cookie)).every((share) => share > 0));
  const source = cluster(three, {}, hashed({ type: 'sourceIp' }));
  const owner = reachedBy(source, sourceHash('10.1.0.9'));
  for (const detection of ['http', 'opaque'] as const) {
    const found = explained(source, {}, [], detection);
    t.true(
      found.steps.at(-1)!.endsWith(`of the client's address by DestinationRule shop/web: this one belongs to ${owner}`),
    );
    t.is(found.candidates.find(({ probability }) => probability === 1)?.backend, owner);
  }
});

test('two workers, one of which does without the owner of the key', (t) => {
  const web = cluster(three, {}, hashed({ type: 'header', name: 'x-user' }));
  const ask = { headers: [{ name: 'x-user', value: 'me' }] };
  const owner = explained(web, ask).candidates.findIndex(({ probability }) => probability === 1);
  const out = { address: `10.0.0.${owner + 1}:8080`, name: `shop/web-${owner + 1}` };
  const ejected = { ...out, ejected: true, ejection: 'consecutive-5xx' };
  const found = explained(web, ask, [[out], [ejected]]);
  t.deepEqual(sharesOf(found).toSorted(), [0, 0.5, 0.5]);
  t.like(found.candidates[owner], { probability: 0.5, state: 'ejected' });
});

test('a DNS name is the addresses that workers know, with what they say of them', (t) => {
  const named = endpoint(1, { name: 'api.example.com:443', address: 'api.example.com', port: 443 });
  const web = cluster([named], { resolution: 'dns' });
  t.deepEqual(
    explained(web).candidates.map(({ address, state }) => [address, state]),
    [['api.example.com:443', 'ready']],
  );
  const known = (address: string) => ({ address, name: named.name });
  const bad = { ...known('203.0.113.2:443'), ejected: true, ejection: 'consecutive-5xx' };
  t.deepEqual(
    explained(web, {}, [[known('203.0.113.1:443'), bad, known('[2001:db8::1]:443')]]).candidates.map(
      ({ address, probability, state }) => [address, probability, state],
    ),
    [
      ['203.0.113.1:443', 0.5, 'ready'],
      ['203.0.113.2:443', 0, 'ejected'],
      ['[2001:db8::1]:443', 0.5, 'ready'],
    ],
  );
});
