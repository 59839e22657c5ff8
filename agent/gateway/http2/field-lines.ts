import type { FieldLines } from '../exchange.js';
import type { HpackEncoder } from './hpack-encoder.js';

/** Fields that belong to one HTTP/1.1 connection: a message with one is malformed (RFC 9113 8.2.2). */
export const connectionFields: ReadonlySet<string> = new Set([
  'connection',
  'proxy-connection',
  'keep-alive',
  'transfer-encoding',
  'upgrade',
]);

/** Some readers take these for the framing fields that they resemble. */
const forgedFields: ReadonlySet<string> = new Set(['content_length', 'transfer_encoding']);

export const isForbidden = (name: string): boolean => connectionFields.has(name) || forgedFields.has(name);

/** The number of a content-length; -1 when it is none. */
export function lengthOf(value: string): number {
  return /^\d{1,15}$/.test(value) ? Number(value) : -1;
}

/** True for trailers that may be handed on: without pseudo-fields, framing and connection fields. */
export function areTrailers(fields: FieldLines): boolean {
  for (let at = 0; at < fields.length; at += 2) {
    const name = fields[at]!;
    if (name.charCodeAt(0) === 0x3a || isForbidden(name) || name === 'content-length' || name === 'host') return false;
  }
  return true;
}

/** Writes fields of whatever protocol into a section: names in lower case, without what belongs to one connection. */
export function encodeFields(encoder: HpackEncoder, fields: FieldLines): void {
  for (let at = 0; at < fields.length; at += 2) {
    const name = fields[at]!.toLowerCase();
    if (!connectionFields.has(name)) encoder.field(name, fields[at + 1]!);
  }
}
