import { isAuthorityName } from '../../model/http-names.js';
import type { HeaderOperations } from '../../model/matches.js';
import type { HeaderChange, HeaderChanges } from '../snapshot.js';

export const noChange: HeaderChange = { remove: [], set: [], add: [] };
export const noChanges: HeaderChanges = { request: noChange, response: noChange };

/** Without the authority, which `authorityOf` gives. */
export function headerChanges(
  written:
    | { readonly request: HeaderOperations | undefined; readonly response: HeaderOperations | undefined }
    | undefined,
): HeaderChanges {
  if (written === undefined) return noChanges;
  return { request: headerChange(written.request), response: headerChange(written.response) };
}

export function headerChange(written: HeaderOperations | undefined): HeaderChange {
  if (written === undefined) return noChange;
  const others = (pairs: readonly (readonly [string, string])[]) => pairs.filter(([name]) => !isAuthorityName(name));
  return { remove: written.remove, set: others(written.set), add: others(written.add) };
}

/** Several filters of one kind, in their order. */
export function joinChanges(changes: readonly HeaderChange[]): HeaderChange {
  if (changes.length <= 1) return changes[0] ?? noChange;
  return {
    remove: changes.flatMap(({ remove }) => remove),
    set: changes.flatMap(({ set }) => set),
    add: changes.flatMap(({ add }) => add),
  };
}

/** What `host` or `:authority` is set to, `set` before `add` (Istio's TranslateHeadersOperations); empty without. */
export function authorityOf(written: HeaderOperations | undefined): string {
  const named = (pairs: HeaderOperations['set'] = []) => pairs.findLast(([name]) => isAuthorityName(name))?.[1];
  return named(written?.set) ?? named(written?.add) ?? '';
}
