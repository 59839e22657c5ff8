/** The current second's `Date`. */
const date = { second: 0, line: '' };

/** `Date` as a field line (RFC 9110 6.6.1), for the wall time `nowMs`. */
export function dateLine(nowMs: number): string {
  const second = Math.floor(nowMs / 1000);
  if (second !== date.second) {
    date.second = second;
    date.line = `Date: ${new Date(second * 1000).toUTCString()}\r\n`;
  }
  return date.line;
}
