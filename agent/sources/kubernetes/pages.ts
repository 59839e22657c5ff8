import type { ApiClient } from '../../kubernetes/api.js';
import { isRaw } from '../../model/fields.js';
import { malformed } from './watching.js';

/** Objects a page. */
const limit = '500';
/** ms for one page. */
const patience = 60_000;

export interface Page {
  readonly items: readonly unknown[];
  /** The resourceVersion of the whole list, to watch from. */
  readonly version: string;
}

/**
 * The pages of a list that all show the same moment (`limit` and `continue`). Rejects with ApiError: 410 when that
 * moment is too long ago before the last page is there; what came is then of no use.
 */
export async function* pagesOf(
  client: ApiClient,
  path: string,
  query: Readonly<Record<string, string>>,
  accept: string,
  signal: AbortSignal,
): AsyncGenerator<Page> {
  let asked: Readonly<Record<string, string>> = { ...query, limit };
  for (;;) {
    const answer = await client.call({ method: 'GET', path, query: asked, accept, signal, timeoutMs: patience });
    const { continue: next, items, version } = listOf(answer);
    yield { items, version };
    if (next === '') return;
    const { fieldSelector } = query;
    asked = { ...(fieldSelector === undefined ? {} : { fieldSelector }), limit, continue: next };
  }
}

/** Strict, because what is not in a list is gone. Throws ApiError for what is no list. */
function listOf(answer: unknown): Page & { readonly continue: string } {
  const { items, kind, metadata } = isRaw(answer) ? answer : {};
  // Go writes an empty list as null where it was never made.
  const isList = (Array.isArray(items) || items === null) && (kind === undefined || /List$/.test(String(kind)));
  const { continue: next, resourceVersion: version } = isRaw(metadata) ? metadata : {};
  if (!isList || typeof version !== 'string' || version === '') throw malformed('the answer is no list');
  return { items: items ?? [], version, continue: typeof next === 'string' ? next : '' };
}
