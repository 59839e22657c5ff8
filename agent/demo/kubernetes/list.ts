import type { Collection } from './collection.js';
import { continueToken, type ListOptions } from './list-options.js';
import { badRequest, expiredContinue, expiredList, tooLargeVersion } from './refusal.js';
import type { Selects } from './selection.js';
import type { Form, Stored } from './stored.js';

/** The piece of a list that one request is answered with. */
export interface Page {
  readonly revision: number;
  readonly items: readonly Stored[];
  /** The token for the next piece; empty: this is the last. */
  readonly next: string;
  /** Undefined where a selector makes it unknown. */
  readonly remaining: number | undefined;
}

interface Start {
  readonly revision: number;
  readonly from: string;
}

/** At which revision and from which key to list; `now` is the newest revision. */
function startOf({ floor }: Collection, options: ListOptions, now: number): Start {
  const { continued, revision, match, limit } = options;
  if (continued) {
    if (revision !== undefined && revision !== 0)
      throw badRequest('specifying resource version is not allowed when using continue');
    const { revision: at, start } = continued;
    if (at < 0) return { revision: now, from: start };
    if (at < floor) throw expiredContinue(continueToken({ revision: -1, start }));
    if (at > now) throw tooLargeVersion(at, now);
    return { revision: at, from: start };
  }
  if (revision === undefined || revision === 0) return { revision: now, from: '' };
  if (revision > now) throw tooLargeVersion(revision, now);
  const exact = match === 'Exact' || (match === undefined && limit > 0);
  if (exact && revision < floor) throw expiredList();
  return { revision: exact ? revision : now, from: '' };
}

/** Pieces as the API server cuts them: all of one revision, in the order of keys. A limit at version 0 is not kept. */
export function pageOf(collection: Collection, options: ListOptions, selects: Selects, now: number): Page {
  const { revision, from } = startOf(collection, options, now);
  const limit = options.revision === 0 || options.limit === 0 ? Number.POSITIVE_INFINITY : options.limit;
  const rest = collection.at(revision).filter((object) => object.key >= from && selects(object));
  if (rest.length <= limit) return { revision, items: rest, next: '', remaining: undefined };
  const items = rest.slice(0, limit);
  const next = continueToken({ revision, start: `${items.at(-1)!.key}\0` });
  const selective = options.labels !== '' || options.fields !== '';
  return { revision, items, next, remaining: selective ? undefined : rest.length - limit };
}

/** The JSON of a list, in parts of some 100 KB. */
export function* listText(
  { resource }: Collection,
  { revision, items, next, remaining }: Page,
  form: Form,
): Generator<string> {
  const metadata = {
    resourceVersion: String(revision),
    ...(next !== '' || (resource.custom && !form.partial) ? { continue: next } : {}),
    ...(remaining === undefined ? {} : { remainingItemCount: remaining }),
  };
  const [kind, apiVersion] = form.partial
    ? ['PartialObjectMetadataList', 'meta.k8s.io/v1']
    : [`${resource.kind}List`, form.apiVersion];
  let text = `{"kind":"${kind}","apiVersion":"${apiVersion}","metadata":${JSON.stringify(metadata)},"items":[`;
  const bare = !resource.custom && !form.partial;
  for (const [index, object] of items.entries()) {
    text += (index === 0 ? '' : ',') + (bare ? object.item() : object.text(form));
    if (text.length < 100_000) continue;
    yield text;
    text = '';
  }
  yield `${text}]}\n`;
}
