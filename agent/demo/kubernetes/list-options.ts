import { badRequest, invalidOption, malformedVersion } from './refusal.js';

/** Where a list in pieces goes on. */
export interface Continue {
  /** Of the first piece; -1: whatever there is now. */
  readonly revision: number;
  /** The first key that may come. */
  readonly start: string;
}

const tokenVersion = 'meta.k8s.io/v1';

/** As the API server writes it (`storage/continue.go`). */
export function continueToken({ revision, start }: Continue): string {
  const slash = revision < 0 ? '' : '/';
  return Buffer.from(JSON.stringify({ v: tokenVersion, rv: revision, start: `${slash}${start}` })).toString(
    'base64url',
  );
}

/** A token that is none is refused with 400. */
export function parseContinue(token: string): Continue {
  try {
    const { v, rv, start } = JSON.parse(Buffer.from(token, 'base64url').toString()) as Record<string, unknown>;
    if (v === tokenVersion && typeof rv === 'number' && typeof start === 'string')
      return { revision: rv, start: start.replace(/^\//, '') };
  } catch {}
  throw badRequest('invalid continue token: continue key is not valid: it cannot be decoded');
}

export interface ListOptions {
  readonly watch: boolean;
  /** 0: no limit. */
  readonly limit: number;
  readonly continued: Continue | undefined;
  /** Undefined: not said, which is the newest. */
  readonly revision: number | undefined;
  readonly match: 'Exact' | 'NotOlderThan' | undefined;
  readonly initialEvents: boolean | undefined;
  readonly bookmarks: boolean;
  /** Of a watch; 0: not said. */
  readonly timeoutMs: number;
  readonly labels: string;
  readonly fields: string;
}

const truth = (text: string | null): boolean | undefined =>
  text === null || text === '' ? undefined : text === 'true' || text === '1';

function revisionOf(text: string): number | undefined {
  if (text === '') return undefined;
  if (!/^\d+$/.test(text)) throw malformedVersion(text);
  return Number(text);
}

function numberOf(query: URLSearchParams, name: string): number {
  const text = query.get(name) ?? '';
  if (!/^\d*$/.test(text)) throw badRequest(`Invalid value: "${text}": ${name} must be a number`);
  return Number(text);
}

/** The rules of `metainternalversion/validation.ValidateListOptions`. */
function check(options: ListOptions, matchText: string): void {
  const { watch, match, initialEvents, revision, continued } = options;
  if (matchText !== '' && match === undefined)
    throw invalidOption('resourceVersionMatch', `resourceVersionMatch must be one of Exact, NotOlderThan`);
  if (!watch) {
    if (initialEvents !== undefined)
      throw invalidOption('sendInitialEvents', 'sendInitialEvents is forbidden for list');
    if (match !== undefined && revision === undefined)
      throw invalidOption(
        'resourceVersionMatch',
        'resourceVersionMatch is forbidden unless resourceVersion is provided',
      );
    if (match !== undefined && continued !== undefined)
      throw invalidOption('resourceVersionMatch', 'resourceVersionMatch is forbidden when continue is provided');
    if (match === 'Exact' && revision === 0)
      throw invalidOption('resourceVersionMatch', 'resourceVersionMatch "exact" is forbidden for resourceVersion "0"');
    return;
  }
  if (initialEvents === undefined && match !== undefined)
    throw invalidOption(
      'resourceVersionMatch',
      'resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided',
    );
  if (initialEvents !== undefined && match !== 'NotOlderThan')
    throw invalidOption(
      'resourceVersionMatch',
      'sendInitialEvents requires setting resourceVersionMatch to NotOlderThan',
    );
}

export const isWatch = (query: URLSearchParams): boolean => truth(query.get('watch')) ?? false;

/** The query of a list or a watch; a bad one is refused with 400, 422 or (a malformed version) 500. */
export function listOptions(query: URLSearchParams): ListOptions {
  const matchText = query.get('resourceVersionMatch') ?? '';
  const token = query.get('continue') ?? '';
  const options: ListOptions = {
    watch: isWatch(query),
    limit: numberOf(query, 'limit'),
    continued: token === '' ? undefined : parseContinue(token),
    revision: revisionOf(query.get('resourceVersion') ?? ''),
    match: matchText === 'Exact' || matchText === 'NotOlderThan' ? matchText : undefined,
    initialEvents: truth(query.get('sendInitialEvents')),
    bookmarks: truth(query.get('allowWatchBookmarks')) ?? false,
    timeoutMs: numberOf(query, 'timeoutSeconds') * 1000,
    labels: query.get('labelSelector') ?? '',
    fields: query.get('fieldSelector') ?? '',
  };
  check(options, matchText);
  return options;
}
