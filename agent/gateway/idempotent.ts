const methods: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS', 'TRACE', 'PUT', 'DELETE']);

/** Whether a request of this method may be sent again although the first may have been processed (RFC 9110 9.2.2). */
export function isIdempotent(method: string): boolean {
  return methods.has(method);
}
