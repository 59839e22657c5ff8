import { mappingOf, mappingsOf, numberOf, textOf } from './checked.js';
import { at, type Raw } from './fields.js';
import { child, type Findings, quote } from './findings.js';
import { isName, nameForms } from './names.js';
import type { Destination, WeightedDestination } from './virtual-service.js';

/** The entries of `route`, each with the mapping it was read from. */
export function readWeights(
  found: Findings,
  raw: Raw,
  path: string,
): readonly (WeightedDestination & { readonly raw: Raw })[] {
  const entries = mappingsOf(raw, 'route');
  const weights = entries.map((entry) => (entries.length === 1 ? 1 : (numberOf(entry, 'weight') ?? 0)));
  if (entries.length > 1 && weights.every((weight) => weight === 0)) {
    found.error('WEFT0207', `${path}.route`, 'the weights of several destinations must not all be 0');
  }
  return entries.map((entry, index) => {
    const place = `${at(`${path}.route`, index)}.destination`;
    return {
      destination: readDestination(found, mappingOf(entry, 'destination')!, place),
      weight: weights[index]!,
      raw: entry,
    };
  });
}

export function readDestination(found: Findings, raw: Raw, path: string): Destination {
  const host = textOf(raw, 'host') ?? '';
  if (host === '*') found.error('WEFT0218', child(path, 'host'), '* is no destination');
  const subset = textOf(raw, 'subset');
  if (subset !== undefined && !isName('label1123', subset)) {
    found.error('WEFT0204', child(path, 'subset'), `must be ${nameForms.label1123}, not ${quote(subset)}`);
  }
  return { host, subset, port: numberOf(mappingOf(raw, 'port'), 'number') };
}
