import test from 'ava';
import { type ApiClient, ApiError } from '../../../agent/kubernetes/api.js';
import { type Page, pagesOf } from '../../../agent/sources/kubernetes/pages.js';

/** All pages of a list that is answered with `answer`. */
async function read(answer: unknown): Promise<readonly Page[]> {
  const client: ApiClient = {
    server: 'https://model:443',
    call: async () => answer,
    lines: () => Promise.reject(new ApiError('a list is no stream')),
    close: () => undefined,
  };
  const pages: Page[] = [];
  const { signal } = new AbortController();
  for await (const page of pagesOf(client, '/api/v1/services', {}, 'application/json', signal)) pages.push(page);
  return pages;
}

const metadata = { resourceVersion: '7' };

for (const [what, answer] of [
  ['a list', { kind: 'ServiceList', metadata, items: [] }],
  ['metadata alone', { kind: 'PartialObjectMetadataList', metadata, items: [] }],
  ['null for nothing', { kind: 'ServiceList', metadata, items: null }],
] as const) {
  test(`an empty list is ${what}`, async (t) => {
    t.deepEqual(await read(answer), [{ items: [], version: '7' }]);
  });
}

/** Each of them, taken for a list, would be an empty one: everything that is kept would be gone. */
for (const [what, answer] of [
  ['nothing', undefined],
  ['a text', 'healthy'],
  ['a Status', { kind: 'Status', metadata: {}, status: 'Success' }],
  ['an object', { kind: 'Service', metadata: { name: 'web', resourceVersion: '7' }, spec: {} }],
  ['a list without items', { kind: 'ServiceList', metadata }],
  ['a list whose items are none', { kind: 'ServiceList', metadata, items: {} }],
  ['a list of no version', { kind: 'ServiceList', metadata: { resourceVersion: '' }, items: [] }],
  ['items of something else', { kind: 'Table', metadata, items: [] }],
] as const) {
  test(`no list is ${what}`, async (t) => {
    const error = await t.throwsAsync(read(answer), { instanceOf: ApiError });
    t.is(error.reason, 'Malformed');
  });
}
