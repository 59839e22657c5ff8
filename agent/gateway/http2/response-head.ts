import type { FieldLines, ResponseHead } from '../exchange.js';
import { isForbidden, lengthOf } from './field-lines.js';

const threeDigits = /^[1-9]\d\d$/;

/** The response that a field section stands for (RFC 9113 8.3.2); undefined when it is malformed. */
export function responseHeadOf(section: FieldLines): ResponseHead | undefined {
  if (section[0] !== ':status' || !threeDigits.test(section[1]!)) return undefined;
  const fields: FieldLines = [];
  let length: number | undefined;
  for (let at = 2; at < section.length; at += 2) {
    const name = section[at]!;
    const value = section[at + 1]!;
    if (name.charCodeAt(0) === 0x3a || isForbidden(name)) return undefined;
    if (name === 'content-length') {
      if (length !== undefined) return undefined;
      length = lengthOf(value);
      if (length < 0) return undefined;
    } else fields.push(name, value);
  }
  return { status: Number(section[1]), fields, length };
}
