import type { Metadata } from './mesh.js';

/**
 * v1 Secret of type kubernetes.io/tls or Opaque with a certificate. Each part is PEM text, undefined when absent. None of it
 * is ever shown: not in a problem, a difference or an item of the API.
 */
export interface Secret {
  readonly kind: 'Secret';
  readonly meta: Metadata;
  /** `tls.crt`, or `cert`: the chain, the leaf first. */
  readonly certificate: string | undefined;
  /** `tls.key`, or `key`. */
  readonly key: string | undefined;
  /** `ca.crt`, or `cacert`. */
  readonly ca: string | undefined;
}
