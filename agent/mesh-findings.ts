import { compileSnapshot } from './compile/compile-snapshot.js';
import { noOverrides } from './compile/plan.js';
import { defaultGatewayLabels } from './config.js';
import type { Catalog } from './model/catalog.js';
import { checkReferences, type ObjectFinding } from './model/references.js';

/**
 * What is wrong between the objects of manifests, by themselves: their references, and what compiling their rules finds. Files that rules name are
 * of the node that will run them, and are not looked at.
 */
export function findingsOf(catalog: Catalog): readonly ObjectFinding[] {
  const scope = { directoryMode: true, gatewayLabels: defaultGatewayLabels };
  const { findings } = compileSnapshot(catalog, {
    ...scope,
    node: '',
    accessLog: false,
    overrides: () => noOverrides,
    readPem: () => ({ ok: true, text: '' }),
  });
  return [...checkReferences(catalog, scope), ...findings];
}
