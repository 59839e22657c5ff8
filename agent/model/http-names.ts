/** What HTTP allows as names and values (RFC 9110 and RFC 3986). */

const token = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;

/** A header's or a method's name: a token of RFC 9110. */
export function isToken(name: string): boolean {
  return token.test(name);
}

/** A header's value: no CR, LF, NUL or other control character but the tab. */
export function isHeaderValue(value: string): boolean {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
  return !/[\0-\x08\x0a-\x1f\x7f]/.test(value);
}

/** HOST or HOST:PORT, as a Host header or :authority may be. */
export function isAuthority(value: string): boolean {
  return /^(?:\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._~!$&'()*+,;=%-]+)(?::\d{1,5})?$/.test(value);
}

/** The names under which the authority of a request may be set. */
export function isAuthorityName(name: string): boolean {
  return name === ':authority' || name.toLowerCase() === 'host';
}

/** The standard name of each gRPC status, by its number (google.rpc.Code). */
export const grpcStatuses: readonly string[] = [
  'OK',
  'CANCELLED',
  'UNKNOWN',
  'INVALID_ARGUMENT',
  'DEADLINE_EXCEEDED',
  'NOT_FOUND',
  'ALREADY_EXISTS',
  'PERMISSION_DENIED',
  'RESOURCE_EXHAUSTED',
  'FAILED_PRECONDITION',
  'ABORTED',
  'OUT_OF_RANGE',
  'UNIMPLEMENTED',
  'INTERNAL',
  'UNAVAILABLE',
  'DATA_LOSS',
  'UNAUTHENTICATED',
];
