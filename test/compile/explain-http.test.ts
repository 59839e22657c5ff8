import test from 'ava';
import type { ExplainedCandidate } from '../../agent/compile/explain.js';
import { explainHttp, type HttpExplanation } from '../../agent/compile/explain-http.js';
import { matched, virtualService } from '../gateway/manifest.js';
import { askedOf, type Compiled, compiled } from '../gateway/outcome.js';
import type { Row } from '../gateway/row.js';
import { rows } from '../gateway/table.js';

/** All endpoints of a cluster alike. */
function sharesOf({ snapshot }: Compiled): (cluster: string) => readonly ExplainedCandidate[] | undefined {
  return (key) => {
    const cluster = snapshot.clusters[key];
    if (cluster === undefined) return undefined;
    const { members } = cluster.variants[0]!;
    const endpoints = members === undefined ? cluster.endpoints : members.map((index) => cluster.endpoints[index]!);
    return endpoints.map(({ name, address, port }) => ({
      backend: name,
      address: `${address}:${port}`,
      probability: 1 / endpoints.length,
      state: 'ready',
    }));
  };
}

function explained(row: Row, mesh: Compiled): HttpExplanation | string {
  const asked = askedOf(row, mesh);
  return typeof asked === 'string' ? asked : explainHttp(asked, sharesOf(mesh));
}

const meshes = new Map<string, Promise<Compiled>>();

for (const row of rows) {
  test(`explains: ${row.name}`, async (t) => {
    let mesh = meshes.get(row.manifests);
    if (mesh === undefined) {
      mesh = compiled(row.manifests);
      meshes.set(row.manifests, mesh);
    }
    const { expect } = row;
    const answer = explained(row, await mesh);
    if (typeof answer === 'string') {
      t.is(answer, expect.l4 ? 'l4' : expect.status === 301 ? 'redirect' : 'unknown');
      return;
    }
    if (expect.rule !== undefined) t.is(answer.rule, expect.rule);
    if (expect.status !== undefined) t.is(answer.status, expect.status);
    const answers = Object.entries(expect.shares ?? {}).filter(([key]) => key.startsWith('status '));
    const failing = answers.reduce((sum, [, share]) => sum + share, 0);
    const reached = answer.candidates.reduce((sum, { probability }) => sum + probability, 0);
    if (expect.shares !== undefined) t.true(Math.abs(reached + failing - 1) < 1e-9);
    t.true(answer.steps.length > 0);
  });
}

const row: Row = { name: '', manifests: '', to: 'reviews:9080', expect: {} };

test('says why each rule before did not match', async (t) => {
  const mesh = await compiled(
    matched('uri: { prefix: /v2 }\n    headers: { x: { exact: "1" } }\n  - method: { exact: POST }'),
  );
  const answer = explained({ ...row, request: { path: '/v2/x' } }, mesh) as HttpExplanation;
  t.deepEqual(answer.steps, [
    'VirtualService default/reviews http[0] does not match: headers["x"] is absent, wanted: is "1"; method is "GET", wanted: is "POST"',
    'VirtualService default/reviews http[1] takes every request: reviews.default.svc.cluster.local:9080|v1; 2 retries',
  ]);
  t.deepEqual(
    answer.candidates.map(({ backend, probability }) => [backend, probability]),
    [['default/reviews-v1', 1]],
  );
});

test('an endpoint of several destinations is there once, and a share without a cluster is told', async (t) => {
  const mesh = await compiled(
    virtualService(`- route:
  - { destination: { host: reviews, subset: v1 }, weight: 40 }
  - { destination: { host: reviews }, weight: 30 }
  - { destination: { host: nobody }, weight: 30 }`),
  );
  const answer = explained(row, mesh) as HttpExplanation;
  const shares = new Map(answer.candidates.map(({ backend, probability }) => [backend, probability]));
  t.is(shares.size, 3);
  t.true(Math.abs(shares.get('default/reviews-v1')! - 0.5) < 1e-9);
  t.true(answer.steps.some((step) => step.endsWith('does not exist: 30 % of its requests get 503')));
  t.is(answer.status, undefined);
});

test('without a match: 404, and why', async (t) => {
  const mesh = await compiled(
    virtualService('- match: [{ uri: { exact: /a } }]\n  route: [{ destination: { host: reviews } }]'),
  );
  const answer = explained(row, mesh) as HttpExplanation;
  t.is(answer.status, 404);
  t.deepEqual(answer.steps, [
    'VirtualService default/reviews http[0] does not match: path is "/", wanted: is "/a"',
    'no rule of VirtualService default/reviews matches: 404',
  ]);
});
