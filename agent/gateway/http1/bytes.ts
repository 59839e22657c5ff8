export const tab = 0x09;
export const lf = 0x0a;
export const cr = 0x0d;
export const space = 0x20;
export const colon = 0x3a;
export const semicolon = 0x3b;
export const question = 0x3f;
export const slash = 0x2f;
export const dot = 0x2e;

const alphanumeric = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789';

function marked(chars: string): Uint8Array {
  const table = new Uint8Array(256);
  for (const char of chars) table[char.charCodeAt(0)] = 1;
  return table;
}

function range(table: Uint8Array, from: number, to: number): Uint8Array {
  return table.fill(1, from, to + 1);
}

/** 1 for `tchar` (RFC 9110 5.6.2). */
export const tokenByte: Uint8Array = marked(`${alphanumeric}!#$%&'*+-.^_\`|~`);

/** 1 for what a field's value, a reason or a chunk extension may hold: visible, blank, or beyond ASCII (RFC 9110 5.5). */
export const valueByte: Uint8Array = range(range(marked('\t'), 0x20, 0x7e), 0x80, 0xff);

/** 1 for what `reg-name` may hold (RFC 3986 3.2.2), without the comma, which would be a list of hosts to others. */
export const hostByte: Uint8Array = marked(`${alphanumeric}-._~%!$&'()*+;=`);

/** Of a target's bytes: 0 is refused, 1 is plain, 2 makes a path's normalisation necessary. `?` and `/` are plain. */
export const targetByte: Uint8Array = targetKinds();

function targetKinds(): Uint8Array {
  const kinds = range(new Uint8Array(256), 0x21, 0x7e);
  for (const char of '%\\"<>^`{|}') kinds[char.charCodeAt(0)] = 2;
  kinds['#'.charCodeAt(0)] = 0;
  return kinds;
}

/** A hexadecimal digit's value, or 255. */
export const hexValue: Uint8Array = hexValues();

function hexValues(): Uint8Array {
  const values = new Uint8Array(256).fill(255);
  for (let value = 0; value < 16; value++) {
    values[value.toString(16).charCodeAt(0)] = value;
    values[value.toString(16).toUpperCase().charCodeAt(0)] = value;
  }
  return values;
}
