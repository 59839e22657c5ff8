import type { HttpMatch, HttpRule } from '../snapshot.js';
import { coversMatch } from './covering.js';
import { anyRequest } from './virtual-match.js';

/** A match that can never decide, and the rule that always comes before it. */
export interface Shadow {
  readonly rule: HttpRule;
  /** Index among the rule's matches; undefined: the whole rule. */
  readonly match: number | undefined;
  readonly by: HttpRule;
}

interface Candidate {
  readonly rule: HttpRule;
  readonly match: HttpMatch;
}

/**
 * What earlier rules of a list leave nothing for. An exact path can only be taken by the same one, so that long lists of them
 * cost little.
 */
export function shadowsIn(rules: readonly HttpRule[]): readonly Shadow[] {
  const exact = new Map<string, Candidate[]>();
  const wide: Candidate[] = [];
  const found: Shadow[] = [];
  for (const rule of rules) {
    const matches = rule.matches.length === 0 ? [anyRequest] : rule.matches;
    const shadows: Shadow[] = [];
    for (const [index, match] of matches.entries()) {
      const key = exactPath(match);
      const before = [...(key === undefined ? [] : (exact.get(key) ?? [])), ...wide];
      const by = before.find((each) => (!each.rule.grpcOnly || rule.grpcOnly) && coversMatch(each.match, match));
      if (by !== undefined) shadows.push({ rule, match: index, by: by.rule });
      else if (key === undefined) wide.push({ rule, match });
      else exact.set(key, [...(exact.get(key) ?? []), { rule, match }]);
    }
    const isWhole = shadows.length === matches.length && shadows.every(({ by }) => by !== rule);
    if (isWhole) found.push({ ...shadows[0]!, match: undefined });
    else found.push(...shadows);
  }
  return found;
}

function exactPath({ path, ignoreCase }: HttpMatch): string | undefined {
  return path?.type === 'exact' && !ignoreCase ? path.value : undefined;
}
