import { STATUS_CODES } from 'node:http';
import type { FieldLines, RequestHead } from '../exchange.js';

/** Status lines that were needed before; statuses are three digits, so it is bounded. */
const statusLines: string[] = [];

/** `HTTP/1.1 200 OK` with the line's end. */
export function statusLine(status: number): string {
  const known = statusLines[status];
  if (known !== undefined) return known;
  const text = `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? 'Unknown'}\r\n`;
  statusLines[status] = text;
  return text;
}

/** Field lines with their line ends. Values are as the codecs and the rules' compiler let them through: without CR, LF and NUL. */
export function fieldText(fields: FieldLines): string {
  let text = '';
  for (let index = 0; index < fields.length; index += 2) text += `${fields[index]!}: ${fields[index + 1]!}\r\n`;
  return text;
}

export function hasField(fields: FieldLines, lowerName: string): boolean {
  for (let index = 0; index < fields.length; index += 2) {
    const name = fields[index]!;
    if (name.length === lowerName.length && (name === lowerName || name.toLowerCase() === lowerName)) return true;
  }
  return false;
}

/** Methods whose requests say so when they have no body (RFC 9110 8.6). */
const bodyMethods: ReadonlySet<string> = new Set(['POST', 'PUT', 'PATCH']);

const unsafe = /[^\x21-\x7e]/;

/**
 * A request's head as it is sent, framed anew: Host first, then a length or chunked. Undefined when method, target or authority hold what would end them
 * early. `ended`: no body follows.
 */
export function requestText(head: RequestHead, ended: boolean): string | undefined {
  const { method, target, authority, fields, length } = head;
  if (unsafe.test(method) || unsafe.test(target) || unsafe.test(authority)) return undefined;
  let text = `${method} ${target} HTTP/1.1\r\nHost: ${authority}\r\n${fieldText(fields)}`;
  if (ended) {
    if (bodyMethods.has(method)) text += 'Content-Length: 0\r\n';
  } else text += length === undefined ? 'Transfer-Encoding: chunked\r\n' : `Content-Length: ${length}\r\n`;
  const isTe = hasField(fields, 'te');
  if (head.upgrade !== '') text += `Connection: Upgrade${isTe ? ', TE' : ''}\r\nUpgrade: ${head.upgrade}\r\n`;
  else if (isTe) text += 'Connection: TE\r\n';
  if (head.expectContinue) text += 'Expect: 100-continue\r\n';
  return `${text}\r\n`;
}
