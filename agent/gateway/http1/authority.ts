import { colon, hostByte } from './bytes.js';

const bracketed = /^\[[0-9A-Fa-f:.]{2,45}\](?::(\d{1,5}))?$/;
const longest = 300;

/** True for `host[:port]` as Host and an absolute target may hold it: RFC 3986's host without a comma, no user, a port below 65536. */
export function isAuthority(text: string): boolean {
  if (text.length === 0 || text.length > longest) return false;
  if (text.charCodeAt(0) === 0x5b) {
    const match = bracketed.exec(text);
    return match !== null && (match[1] === undefined || Number(match[1]) <= 65535);
  }
  let at = 0;
  while (at < text.length) {
    const code = text.charCodeAt(at);
    if (code === colon) return at > 0 && isPort(text, at + 1);
    if (code > 0x7f || hostByte[code] !== 1) return false;
    at++;
  }
  return true;
}

function isPort(text: string, from: number): boolean {
  if (from === text.length || text.length - from > 5) return false;
  let port = 0;
  for (let at = from; at < text.length; at++) {
    const digit = text.charCodeAt(at) - 0x30;
    if (digit < 0 || digit > 9) return false;
    port = port * 10 + digit;
  }
  return port <= 65535;
}
