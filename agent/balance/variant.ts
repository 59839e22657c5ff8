import type { PolicyVariant } from './cluster.js';

/** Who a variant is for, as far as it is asked. */
export interface VariantClient {
  readonly namespace: string;
  readonly labels: Readonly<Record<string, string>>;
}

/** Index of the variant that a client has: the first that fits, the last fits everybody. `client`: undefined for one from outside. */
export function variantFor(variants: readonly PolicyVariant[], client: VariantClient | undefined): number {
  if (variants.length === 1) return 0;
  const index = variants.findIndex(({ when }) => fits(when, client));
  return index < 0 ? variants.length - 1 : index;
}

function fits({ namespaces, labels }: PolicyVariant['when'], client: VariantClient | undefined): boolean {
  if (namespaces === undefined && labels === undefined) return true;
  if (client === undefined || (namespaces !== undefined && !namespaces.includes(client.namespace))) return false;
  return labels === undefined || Object.entries(labels).every(([name, value]) => client.labels[name] === value);
}
