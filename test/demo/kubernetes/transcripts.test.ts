import type { ExecutionContext } from 'ava';
import type { ApiServer } from '../../../agent/demo/kubernetes/api-server.js';
import type { KubernetesObject } from '../../../agent/demo/kubernetes/stored.js';
import { readTranscript, transcriptTest } from '../../kubernetes/transcripts.js';
import { ask, eventsOf, startServer } from './client.js';

/*
 * The API in memory beside a real one: given the same objects it must answer the same, but for the numbers of versions.
 */

type Json = Readonly<Record<string, unknown>>;

const kinds = [
  { plural: 'services', kind: 'Service', apiVersion: 'v1' },
  { plural: 'pods', kind: 'Pod', apiVersion: 'v1' },
  { plural: 'nodes', kind: 'Node', apiVersion: 'v1' },
  { plural: 'endpointslices', kind: 'EndpointSlice', apiVersion: 'discovery.k8s.io/v1' },
  { plural: 'virtualservices', kind: 'VirtualService', apiVersion: 'networking.istio.io/v1' },
  { plural: 'destinationrules', kind: 'DestinationRule', apiVersion: 'networking.istio.io/v1' },
  { plural: 'httproutes', kind: 'HTTPRoute', apiVersion: 'gateway.networking.k8s.io/v1' },
];

const bodyOf = (name: string): string => readTranscript(`${name}.txt`).body.toString();

/** Without what counts writes, which is another number in another cluster. */
function masked(value: unknown): unknown {
  const text = JSON.stringify(value, (name, inner) => {
    if (name === 'resourceVersion') return 'R';
    if (name !== 'continue' || inner === '') return inner;
    const token = JSON.parse(Buffer.from(String(inner), 'base64url').toString());
    return { ...token, rv: token.rv < 0 ? token.rv : 'R', start: token.start.replace(/^\//, '') };
  });
  return JSON.parse(text);
}

function seed(server: ApiServer): void {
  for (const { plural, kind, apiVersion } of kinds) {
    const { items } = JSON.parse(bodyOf(`10-list-${plural}`)) as { readonly items: readonly KubernetesObject[] };
    for (const item of items) server.apply({ ...item, kind, apiVersion });
  }
}

/** Asks what the transcript asked; status, content type and body must be the transcript's. `target` where tokens or versions are others. */
async function same(t: ExecutionContext, server: ApiServer, name: string, target?: string, accept = ''): Promise<Json> {
  const real = readTranscript(`${name}.txt`);
  const answer = await ask(server, target ?? real.target, {
    method: real.method,
    headers: accept === '' ? {} : { Accept: accept },
  });
  t.is(answer.status, real.status, name);
  const type = real.headers.find(([field]) => field === 'Content-Type')?.[1];
  t.is(answer.headers['content-type'], type, name);
  if (!type?.includes('json')) {
    t.is(answer.text, real.body.toString(), name);
    return {};
  }
  const told = JSON.parse(answer.text) as Json;
  t.deepEqual(masked(told), masked(JSON.parse(real.body.toString())), name);
  return told;
}

transcriptTest('lists are those of the transcripts', async (t) => {
  const server = await startServer(t);
  seed(server);
  for (const { plural } of kinds) {
    await same(t, server, `10-list-${plural}`);
    await same(t, server, `11-list-${plural}-rv0`);
  }
  await same(t, server, '12-list-endpointslices-labelselector');
  await same(t, server, '12-list-pods-fieldselector-node');
  await same(t, server, '12-list-services-namespaced-empty');
  const partial = 'application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1';
  await same(t, server, '12-list-services-partialmetadata', undefined, partial);
  const at = String(server.revision);
  const again = (name: string): string => readTranscript(`${name}.txt`).target.replace('=580', `=${at}`);
  await same(t, server, '13-list-services-rv-exact', again('13-list-services-rv-exact'));
  await same(t, server, '13-list-services-rv-notolderthan', again('13-list-services-rv-notolderthan'));
});

transcriptTest('lists in pieces are those of the transcripts, whatever is written meanwhile', async (t) => {
  const server = await startServer(t);
  seed(server);
  for (const [name, limit] of [
    ['20-chunk-services', 4],
    ['21-chunk-virtualservices', 3],
  ] as const) {
    let told = await same(t, server, `${name}-1`);
    const [path] = readTranscript(`${name}-1.txt`).target.split('?');
    for (const piece of [2, 3]) {
      const { continue: token } = told.metadata as { readonly continue: string };
      const object = name.includes('virtual')
        ? { apiVersion: 'networking.istio.io/v1', kind: 'VirtualService', spec: {} }
        : { apiVersion: 'v1', kind: 'Service', spec: {} };
      server.apply({ ...object, metadata: { namespace: 'bookinfo', name: `productpage-v${piece * 5}` } });
      told = await same(t, server, `${name}-${piece}`, `${path}?limit=${limit}&continue=${token}`);
    }
  }
});

transcriptTest('a version that is forgotten is told as in the transcripts', async (t) => {
  const server = await startServer(t);
  seed(server);
  const first = await ask(server, '/api/v1/services?limit=2');
  const { continue: token } = JSON.parse(first.text).metadata;
  const old = server.revision;
  server.expire();
  const gone = await same(t, server, '73-410-continue-services', `/api/v1/services?limit=2&continue=${token}`);
  const { continue: rest } = gone.metadata as { readonly continue: string };
  const inconsistent = await ask(server, `/api/v1/services?limit=2&continue=${rest}`);
  const { items, metadata } = JSON.parse(inconsistent.text);
  t.deepEqual(
    items.map((item: KubernetesObject) => item.metadata.name),
    ['productpage', 'productpage-v1'],
  );
  t.is(metadata.remainingItemCount, 7);
  await same(
    t,
    server,
    '74-410-list-exact',
    `/api/v1/services?resourceVersion=${old}&resourceVersionMatch=Exact&limit=2`,
  );
  const watch = await ask(server, `/api/v1/services?watch=1&resourceVersion=${old}`);
  const text = watch.text.replace(`${old} (${server.revision})`, '716 (729)');
  t.deepEqual([watch.status, ...eventsOf(text)], [200, ...eventsOf(bodyOf('72-410-watch-services'))]);
});

transcriptTest('refusals are those of the transcripts', async (t) => {
  const server = await startServer(t);
  seed(server);
  server.apply({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'bookinfo' } });
  for (const name of [
    '41-422-sendinitialevents-without-match',
    '52-404-missing-crd-unknown-group',
    '52-404-object',
    '52-404-version-not-served',
    '53-500-bad-rv-watch',
    '55-405-method',
  ])
    await same(t, server, name);
  t.is((await ask(server, '/api/v1/services?limit=2&continue=zzz')).status, 400);
  const future = JSON.parse(bodyOf('54-504-future-rv-list'));
  const told = await ask(server, readTranscript('54-504-future-rv-list.txt').target);
  const text = told.text.replace(`current: ${server.revision}`, 'current: 704');
  t.deepEqual([told.status, told.headers['retry-after'], JSON.parse(text)], [504, '1', future]);
  const exists = await ask(server, '/api/v1/namespaces', { method: 'POST', body: { metadata: { name: 'bookinfo' } } });
  t.deepEqual([exists.status, JSON.parse(exists.text)], [409, JSON.parse(bodyOf('56-409-exists'))]);
  server.removeCrd('workloadgroups.networking.istio.io');
  await same(t, server, '61-404-missing-crd-known-group');
  await same(t, server, '61-404-missing-crd-known-group-watch');
});

transcriptTest('who may not is told as in the transcripts', async (t) => {
  const server = await startServer(t);
  const user = 'system:serviceaccount:weft-system:weft';
  const refused = async (name: string, headers: Readonly<Record<string, string>> = {}): Promise<void> => {
    const real = readTranscript(`${name}.txt`);
    const answer = await ask(server, real.target, { headers });
    const text = real.body.toString().replace(/mesh-agent|nobody/, user);
    t.deepEqual([answer.status, JSON.parse(answer.text)], [real.status, JSON.parse(text)], name);
  };
  await refused('50-401-bad-token', { Authorization: 'Bearer bad' });
  await refused('50-401-bad-token-watch', { Authorization: 'Bearer bad' });
  server.setForbidden('secrets');
  await refused('51-403-agent-secrets');
  server.setForbidden('services', ['watch']);
  await refused('51-403-nobody-watch');
  t.is((await ask(server, '/api/v1/services')).status, 200);
  server.setForbidden('services', []);
  t.is((await ask(server, '/api/v1/services?watch=1&timeoutSeconds=1')).status, 200);
});

/** Applies what a watch told. */
function replay(server: ApiServer, plural: string, text: string): void {
  for (const { type, object } of eventsOf(text)) {
    if (type === 'BOOKMARK') continue;
    const { metadata, apiVersion } = object as unknown as KubernetesObject;
    const group = apiVersion.includes('/') ? `.${apiVersion.split('/')[0]}` : '';
    if (type === 'DELETED') server.delete(`${plural}${group}`, metadata.namespace ?? '', metadata.name);
    else server.apply(object as unknown as KubernetesObject);
  }
}

transcriptTest('streaming lists and watches without a version are those of the transcripts', async (t) => {
  for (const plural of ['services', 'endpointslices', 'virtualservices', 'destinationrules']) {
    const server = await startServer(t);
    const name = `40-sendinitialevents-${plural}`;
    const { target } = readTranscript(`${name}.txt`);
    replay(server, plural, bodyOf(name));
    const answer = await ask(server, target, { enough: (text) => text.includes('BOOKMARK') && text.endsWith('\n') });
    t.deepEqual(eventsOf(answer.text).map(masked), eventsOf(bodyOf(name)).map(masked), plural);
  }
});

transcriptTest('a replayed watch tells what the real one told', async (t) => {
  for (const { plural, kind, apiVersion } of kinds) {
    const server = await startServer(t);
    const text = bodyOf(`30-watch-${plural}`);
    const { items } = JSON.parse(bodyOf(`10-list-${plural}`)) as { readonly items: readonly KubernetesObject[] };
    for (const item of items) server.apply({ ...item, kind, apiVersion });
    const before = server.revision;
    replay(server, plural, text);
    const wanted = eventsOf(text).filter(({ type }) => type !== 'BOOKMARK');
    const { target } = readTranscript(`30-watch-${plural}.txt`);
    const whole = (told: string): boolean => told.endsWith('\n') && told.split('\n').length > wanted.length;
    const answer = await ask(server, target.replace(/resourceVersion=\d+/, `resourceVersion=${before}`), {
      enough: whole,
    });
    t.deepEqual(eventsOf(answer.text).map(masked), wanted.map(masked), plural);
  }
});
