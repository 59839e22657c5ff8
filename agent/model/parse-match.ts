import { entriesOf, mappingOf, textOf, textsOf } from './checked.js';
import type { Raw } from './fields.js';
import { at } from './fields.js';
import { child, type Findings, quote } from './findings.js';
import { headerCommands, unknownCommands } from './header-commands.js';
import { isAuthority, isAuthorityName, isHeaderValue, isToken } from './http-names.js';
import type { HeaderOperations, NamedMatch, RegexRewrite, StringMatch } from './matches.js';
import { compileRegex, rewriteError } from './regex.js';
import { mapOf, object, type Shape, string, strings } from './schema.js';

/** Parts of rules that several kinds have in common. */

export const stringMatch: Shape = object({ exact: string, prefix: string, regex: string });
const operations = object({ set: mapOf(string), add: mapOf(string), remove: strings });
export const headerChanges: Shape = object({ request: operations, response: operations });
export const regexRewrite: Shape = object({ match: string, rewrite: string });

const kinds = ['exact', 'prefix', 'regex'] as const;

/** Of a StringMatch whose shape was checked; `present` for an empty one. */
export function readMatch(found: Findings, raw: Raw, path: string): StringMatch {
  const said = kinds.filter((kind) => typeof raw[kind] === 'string');
  if (said.length > 1) found.error('WEFT0212', path, `has several of ${said.join(', ')}`);
  const type = said[0];
  if (type === undefined) return { type: 'present' };
  const value = raw[type] as string;
  if (type === 'prefix' && value === '') found.error('WEFT0208', child(path, type), 'an empty prefix matches anything');
  if (type === 'regex') checkRegex(found, value, child(path, type));
  return { type, value };
}

/** Undefined when absent, and when empty: any value, even none, will do. */
export function readOptionalMatch(found: Findings, raw: Raw, path: string, key: string): StringMatch | undefined {
  const value = mappingOf(raw, key);
  const match = value && readMatch(found, value, child(path, key));
  return match?.type === 'present' ? undefined : match;
}

/** Matches by name; `header` checks the names and gives them in lower case. */
export function readNamedMatches(
  found: Findings,
  raw: Raw,
  path: string,
  key: string,
  header: boolean,
): readonly NamedMatch[] {
  const matches: NamedMatch[] = [];
  for (const [name, value] of entriesOf<Raw>(raw, key)) {
    const place = child(child(path, key), name);
    if (header) checkHeaderName(found, name, place);
    matches.push([header ? name.toLowerCase() : name, readMatch(found, value, place)]);
  }
  return matches;
}

/** Whether it is an RE2; else a finding. */
export function checkRegex(found: Findings, text: string, path: string): boolean {
  const compiled = compileRegex(text);
  if (!compiled.ok) found.error('WEFT0219', path, `${quote(text)}: ${compiled.error}`);
  return compiled.ok;
}

/** `match` and `rewrite` at `path.key`, both required. */
export function readRewrite(found: Findings, raw: Raw | undefined, path: string): RegexRewrite | undefined {
  if (raw === undefined) return undefined;
  const rewrite = { match: textOf(raw, 'match') ?? '', rewrite: textOf(raw, 'rewrite') ?? '' };
  for (const key of ['match', 'rewrite'] as const) {
    if (rewrite[key] === '') found.error('WEFT0208', child(path, key), 'is required');
  }
  if (rewrite.match === '' || !checkRegex(found, rewrite.match, child(path, 'match'))) return rewrite;
  const compiled = compileRegex(rewrite.match);
  const error = compiled.ok ? rewriteError(rewrite, compiled.matcher) : undefined;
  if (error !== undefined) found.error('WEFT0219', child(path, 'rewrite'), error);
  return rewrite;
}

export function checkHeaderName(found: Findings, name: string, path: string): void {
  if (isToken(name)) return;
  const meant = name.startsWith(':') ? `${quote(name)} is a pseudo header` : `${quote(name)} is no header name`;
  found.error('WEFT0220', path, meant);
}

export function checkHeaderValue(found: Findings, value: string, path: string): void {
  if (!isHeaderValue(value)) found.error('WEFT0220', path, 'the value has a control character');
  for (const written of unknownCommands(value)) {
    const message = `${written} is no command that Weft knows: it stays as it is written`;
    found.warning('WEFT0303', path, message, `name one of ${headerCommands.join(', ')}, or REQ(…), RESP(…)`);
  }
}

export interface HeaderSides {
  readonly request: HeaderOperations | undefined;
  readonly response: HeaderOperations | undefined;
}

/** `headers` of a route or destination of VirtualService; undefined without changes. */
export function readHeaderChanges(found: Findings, raw: Raw, path: string): HeaderSides | undefined {
  const headers = mappingOf(raw, 'headers');
  if (headers === undefined) return undefined;
  const place = child(path, 'headers');
  const request = readOperations(found, mappingOf(headers, 'request'), `${place}.request`, true);
  const response = readOperations(found, mappingOf(headers, 'response'), `${place}.response`, false);
  return request === undefined && response === undefined ? undefined : { request, response };
}

/** A request's authority may be set, as Host or :authority, but neither removed nor set in a response. */
function readOperations(
  found: Findings,
  raw: Raw | undefined,
  path: string,
  ofRequest: boolean,
): HeaderOperations | undefined {
  if (raw === undefined) return undefined;
  const pairs = (key: 'set' | 'add') => {
    const entries = entriesOf<string>(raw, key);
    for (const [name, value] of entries) {
      const place = child(child(path, key), name);
      if (ofRequest && isAuthorityName(name)) {
        if (!isAuthority(value)) found.error('WEFT0220', place, `${quote(value)} is no HOST or HOST:PORT`);
      } else if (isAuthorityName(name)) found.error('WEFT0220', place, 'a response has no authority');
      else checkHeaderName(found, name, place);
      checkHeaderValue(found, value, place);
    }
    return entries;
  };
  const operations = { set: pairs('set'), add: pairs('add'), remove: readRemoved(found, raw, path) };
  const empty = operations.set.length + operations.add.length + operations.remove.length === 0;
  return empty ? undefined : operations;
}

/** The list `remove`, in lower case. */
export function readRemoved(found: Findings, raw: Raw, path: string): readonly string[] {
  return textsOf(raw, 'remove').map((name, index) => {
    const place = at(child(path, 'remove'), index);
    if (isAuthorityName(name)) found.error('WEFT0220', place, 'a request needs its authority');
    else checkHeaderName(found, name, place);
    return name.toLowerCase();
  });
}
