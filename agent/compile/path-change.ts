import { compileRegex, type RegexMatcher } from '../model/regex.js';
import { withoutFinalSlash } from './route.js';
import type { HttpMatch, PathChange } from './snapshot.js';

const regexes = new WeakMap<PathChange, RegexMatcher | undefined>();

/**
 * The path (without query) after a rewrite or for a redirect. `match` is the one that the request matched. `prefix` replaces:
 * what the match's prefix covered, textually (Envoy's prefix_rewrite); by path elements where the match is by elements
 * (Gateway API, HTTPPathModifier); the whole path where the match is exact or a regex; and `/` where the match names no path,
 * as Istio's default match is the prefix `/`.
 */
export function changePath(change: PathChange, match: HttpMatch | undefined, path: string): string {
  switch (change.type) {
    case 'full':
      return change.value;
    case 'regex':
      return regexOf(change)?.replaceAll(path, change.value) ?? path;
    case 'prefix': {
      const wanted = match?.path;
      if (wanted?.type === 'exact' || wanted?.type === 'regex') return change.value;
      if (wanted?.type !== 'elements')
        return change.value + path.slice(wanted?.type === 'prefix' ? wanted.value.length : 1);
      const rest = path.slice(withoutFinalSlash(wanted.value).length);
      return withoutFinalSlash(change.value) + rest || '/';
    }
  }
}

function regexOf(change: PathChange & { type: 'regex' }): RegexMatcher | undefined {
  if (!regexes.has(change)) {
    const regex = compileRegex(change.match);
    regexes.set(change, regex.ok ? regex.matcher : undefined);
  }
  return regexes.get(change);
}
