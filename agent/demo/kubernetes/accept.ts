import { notAcceptable } from './refusal.js';

/** What an answer carries: the objects as they are, or their metadata alone. */
export type Shown = 'whole' | 'partial';

/** What is answered: `as=PartialObjectMetadataList` fits a list, `as=PartialObjectMetadata` everything else. */
export type Answered = 'list' | 'watch' | 'object';

/** The first clause of an Accept header that can be satisfied; 406 if there is none. */
export function acceptable(header: string, answered: Answered): Shown {
  for (const clause of (header === '' ? '*/*' : header).split(',')) {
    const [type = '', ...parameters] = clause.split(';').map((part) => part.trim());
    if (!['application/json', 'application/*', '*/*'].includes(type)) continue;
    const named = new Map(parameters.map((text) => text.split('=', 2) as [string, string]));
    const as = named.get('as');
    if (as === undefined) return 'whole';
    const wanted = answered === 'list' ? 'PartialObjectMetadataList' : 'PartialObjectMetadata';
    if (as === wanted && named.get('g') === 'meta.k8s.io' && named.get('v') === 'v1') return 'partial';
  }
  throw notAcceptable();
}
