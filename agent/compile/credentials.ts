import { isOfApiServer, type Metadata } from '../model/mesh.js';
import type { Secret } from '../model/secret.js';

export type PemReading =
  | { readonly ok: true; readonly text: string }
  /** Why: a sentence without the path. */
  | { readonly ok: false; readonly error: string };

/** Where certificates and keys come from. */
export interface Credentials {
  /** A file of the node. */
  readonly readPem: (path: string) => PemReading;
  /** By NS/NAME. */
  readonly secret: (key: string) => Secret | undefined;
}

/**
 * As an object may use them. One of an API server names no files: the agent reads as root, and through the node's /proc it reaches kubelet's own keys, which
 * are not to serve whoever may write a rule in some namespace.
 */
export function credentialsFor({ origin }: Metadata, credentials: Credentials): Credentials {
  if (!isOfApiServer(origin)) return credentials;
  const error = 'an object of an API server names no files of the node: use a Secret (credentialName)';
  return { ...credentials, readPem: () => ({ ok: false, error }) };
}

/** Why a certificate cannot be had: the field that names it, below the TLS settings. */
export interface Unusable {
  readonly field: string;
  readonly message: string;
  /** The object that it names is not there, which the check of references tells (WEFT0402). */
  readonly dangling?: true;
}

export function pemOf(path: string, field: string, credentials: Credentials): string | Unusable {
  const reading = credentials.readPem(path);
  return reading.ok ? reading.text : { field, message: `the file ${path} cannot be read: ${reading.error}` };
}

export function secretOf(key: string, field: string, credentials: Credentials): Secret | Unusable {
  return credentials.secret(key) ?? { field, message: `there is no Secret ${key}`, dangling: true };
}
