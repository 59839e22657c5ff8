import { fieldOf, isRaw, type Raw } from './fields.js';
import { child, type Findings } from './findings.js';
import type { Metadata } from './mesh.js';
import type { Secret } from './secret.js';

/** Of each part the keys that have it: those of kubernetes.io/tls, then those of Istio's generic Secrets. */
const keys = {
  certificate: ['tls.crt', 'cert'],
  key: ['tls.key', 'key'],
  ca: ['ca.crt', 'cacert'],
} as const;

const types: ReadonlySet<unknown> = new Set([undefined, '', 'Opaque', 'kubernetes.io/tls']);

/** v1 Secret; undefined when it is of another type or holds no certificate. No finding quotes what it holds. */
export function parseSecret(found: Findings, raw: Raw, meta: Metadata): Secret | undefined {
  const type = fieldOf(raw, 'type');
  if (!types.has(type)) return undefined;
  for (const holder of ['data', 'stringData']) {
    const entries = fieldOf(raw, holder);
    if (entries !== undefined && !isRaw(entries)) found.error('WEFT0205', holder, 'must be a mapping');
  }
  const part = (names: readonly string[], label: RegExp) => readPart(found, raw, names, label);
  const certificate = part(keys.certificate, /^CERTIFICATE$/);
  const key = part(keys.key, /PRIVATE KEY$/);
  const ca = part(keys.ca, /^CERTIFICATE$/);
  if (type === 'kubernetes.io/tls' && !found.failed) {
    if (certificate === undefined) found.error('WEFT0208', child('data', 'tls.crt'), 'is required');
    if (key === undefined) found.error('WEFT0208', child('data', 'tls.key'), 'is required');
  }
  if (certificate === undefined && ca === undefined) return undefined;
  return { kind: 'Secret', meta, certificate, key, ca };
}

/** The first of `names` that is there, stringData before data as the API server merges them. */
function readPart(found: Findings, raw: Raw, names: readonly string[], label: RegExp): string | undefined {
  for (const name of names) {
    for (const holder of ['stringData', 'data'] as const) {
      const entries = fieldOf(raw, holder);
      const value = isRaw(entries) && Object.hasOwn(entries, name) ? fieldOf(entries, name) : undefined;
      if (value === undefined) continue;
      return readPem(found, value, holder === 'data', child(holder, name), label);
    }
  }
  return undefined;
}

function readPem(found: Findings, value: unknown, encoded: boolean, path: string, label: RegExp): string | undefined {
  if (typeof value !== 'string') {
    found.error('WEFT0205', path, 'must be a string');
    return undefined;
  }
  const text = encoded ? decode(value) : value;
  const blocks = [...(text ?? '').matchAll(/-----BEGIN ([A-Z0-9 ]+)-----([A-Za-z0-9+/=\s]+)-----END \1-----/g)];
  if (text === undefined) found.error('WEFT0221', path, 'must be base64');
  else if (!blocks.some((block) => label.test(block[1]!))) {
    found.error(
      'WEFT0221',
      path,
      `must be PEM text with a ${label.source.includes('KEY') ? 'private key' : 'certificate'}`,
    );
  } else return text;
  return undefined;
}

function decode(value: string): string | undefined {
  const compact = value.replace(/\s+/g, '');
  if (compact.length % 4 !== 0 || !/^[A-Za-z0-9+/]*={0,2}$/.test(compact)) return undefined;
  return atob(compact);
}
