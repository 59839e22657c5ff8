import { compileRegex } from '../../model/regex.js';
import { withoutFinalSlash } from '../route.js';
import type { HttpMatch, PathMatch, StringMatch } from '../snapshot.js';

/**
 * Whether every request that `inner` matches is matched by `outer` too. Only what is certain counts: of two different regexes nobody can
 * say.
 */
export function coversMatch(outer: HttpMatch, inner: HttpMatch): boolean {
  return (
    coversPath(outer, inner) &&
    (['method', 'authority', 'scheme'] as const).every((field) => coversText(outer[field], inner[field])) &&
    coversNamed(outer.headers, inner.headers) &&
    coversNamed(outer.query, inner.query) &&
    outer.withoutHeaders.every((unwanted) => isExcluded(unwanted, inner)) &&
    (outer.port === undefined || outer.port === inner.port) &&
    coversSource(outer, inner)
  );
}

/** What a match says about the source is not asked of traffic by a Gateway that it names (route.ts). */
function coversSource(outer: HttpMatch, inner: HttpMatch): boolean {
  const { gateways, sourceLabels = {}, sourceNamespace } = outer;
  const asks = sourceNamespace !== undefined || Object.keys(sourceLabels).length > 0;
  const unasked = gateways === undefined && (inner.gateways?.some((gateway) => gateway !== 'mesh') ?? false);
  return (
    !(asks && unasked) &&
    (gateways === undefined || (inner.gateways?.every((gateway) => gateways.includes(gateway)) ?? false)) &&
    (sourceNamespace === undefined || sourceNamespace === inner.sourceNamespace) &&
    Object.entries(sourceLabels).every(([name, value]) => inner.sourceLabels?.[name] === value)
  );
}

function coversPath(outer: HttpMatch, inner: HttpMatch): boolean {
  const [wide, narrow] = [outer.path, inner.path];
  if (wide === undefined || wide.type === 'present') return true;
  if (narrow === undefined || narrow.type === 'present') return everyPath(wide);
  if (!inner.ignoreCase || narrow.type === 'regex') return coversWritten(cased(wide, outer), cased(narrow, outer));
  // In any case: the wider one must be so too, or not depend on it.
  if (!outer.ignoreCase && hasLetters(wide)) return false;
  return coversWritten(cased(wide, outer), cased(narrow, outer));
}

/** Whether a match takes whatever begins with a slash. */
function everyPath(match: PathMatch): boolean {
  return (match.type === 'prefix' || match.type === 'elements') && match.value === '/';
}

function hasLetters(match: PathMatch): boolean {
  return match.type !== 'present' && match.value.toLowerCase() !== match.value.toUpperCase();
}

/** In lower case where `ignoreCase` counts, so that texts can be compared. */
function cased(match: PathMatch, { ignoreCase }: HttpMatch): PathMatch {
  return ignoreCase && match.type !== 'regex' && match.type !== 'present'
    ? { ...match, value: match.value.toLowerCase() }
    : match;
}

function coversWritten(wide: PathMatch, narrow: PathMatch): boolean {
  if (everyPath(wide)) return true;
  if (wide.type === 'elements') return isBelow(narrow, withoutFinalSlash(wide.value));
  if (narrow.type === 'elements') {
    return wide.type === 'prefix' && withoutFinalSlash(narrow.value).startsWith(wide.value);
  }
  return coversText(wide, narrow);
}

/** Whether what a match takes is all `path` or below it. */
function isBelow(match: PathMatch, path: string): boolean {
  switch (match.type) {
    case 'exact':
      return match.value === path || match.value.startsWith(`${path}/`);
    case 'elements':
      return `${withoutFinalSlash(match.value)}/`.startsWith(`${path}/`);
    case 'prefix':
      return match.value.startsWith(`${path}/`);
    default:
      return false;
  }
}

function coversText(wide: StringMatch | undefined, narrow: StringMatch | undefined): boolean {
  if (wide === undefined) return true;
  if (narrow === undefined) return false;
  if (wide.type === 'present') return true;
  if (narrow.type === 'present') return wide.type === 'regex' && wide.value === '.*';
  switch (wide.type) {
    case 'exact':
      return narrow.type === 'exact' && narrow.value === wide.value;
    case 'prefix':
      return narrow.type !== 'regex' && narrow.value.startsWith(wide.value);
    case 'regex':
      if (wide.value === '.*' || (narrow.type === 'regex' && narrow.value === wide.value)) return true;
      return narrow.type === 'exact' && matchesRegex(wide.value, narrow.value);
  }
}

function matchesRegex(regex: string, text: string): boolean {
  const compiled = compileRegex(regex);
  return compiled.ok && compiled.matcher.matches(text);
}

type Named = HttpMatch['headers'];

function coversNamed(wide: Named, narrow: Named): boolean {
  return wide.every(([name, match]) => {
    const own = narrow.filter(([each]) => each === name);
    return own.some(([, each]) => coversText(match, each));
  });
}

/** Whether a request that `inner` matches never has what `unwanted` names. */
function isExcluded([name, unwanted]: Named[number], inner: HttpMatch): boolean {
  return inner.withoutHeaders.some(([each, other]) => {
    if (each !== name) return false;
    if (other.type === 'present')
      return unwanted.type === 'present' || (unwanted.type !== 'regex' && unwanted.value !== '');
    return unwanted.type !== 'present' && coversText(other, unwanted);
  });
}
