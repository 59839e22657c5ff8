import { mappingsOf, textOf } from './checked.js';
import { at, type Raw } from './fields.js';
import { type Findings, quote } from './findings.js';
import { checkHeaderName } from './parse-match.js';

/** An entry of a list whose entries have names. */
export interface NamedEntry {
  /** As written. */
  readonly name: string;
  readonly raw: Raw;
  /** Of the entry. */
  readonly path: string;
}

/**
 * The entries of a list that count: of several with equivalent names the first one, the others are reported and ignored (Gateway API,
 * `name` of HTTPHeaderMatch, HTTPQueryParamMatch, GRPCHeaderMatch and HTTPHeader). Names of headers are equivalent whatever their case.
 */
export function firstOfEachName(
  found: Findings,
  holder: Raw,
  path: string,
  key: 'headers' | 'queryParams' | 'set' | 'add',
): readonly NamedEntry[] {
  const isHeader = key !== 'queryParams';
  const names = new Set<string>();
  return mappingsOf(holder, key).flatMap((raw, index) => {
    const place = at(`${path}.${key}`, index);
    const name = textOf(raw, 'name') ?? '';
    if (isHeader || name === '') checkHeaderName(found, name, `${place}.name`);
    const identity = isHeader ? name.toLowerCase() : name;
    if (names.has(identity)) {
      const message = `${quote(name)} is ignored: an entry before it has this name`;
      found.warning('WEFT0303', place, message, 'rename or remove the entry');
      return [];
    }
    names.add(identity);
    return [{ name, raw, path: place }];
  });
}
