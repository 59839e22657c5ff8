/** How a text is compared. `regex` is RE2 (regex.ts) and must match the whole text; `present`: any value will do. */
export type StringMatch =
  | { readonly type: 'exact' | 'prefix' | 'regex'; readonly value: string }
  | { readonly type: 'present' };

/** Name (headers: in lower case) and what its value must be. */
export type NamedMatch = readonly [name: string, match: StringMatch];

/** Names (as written) and values in the order written. `set` replaces, `add` appends, `remove` has names in lower case. */
export interface HeaderOperations {
  readonly set: readonly (readonly [name: string, value: string])[];
  readonly add: readonly (readonly [name: string, value: string])[];
  readonly remove: readonly string[];
}

/** `rewrite` replaces every match of the RE2 `match`; \0 to \9 stand for its groups. */
export interface RegexRewrite {
  readonly match: string;
  readonly rewrite: string;
}
