/** What JSON.parse does not tell: repeated keys, depth, and where in the text a value stands. */

export interface JsonFault {
  readonly kind: 'duplicate' | 'depth';
  readonly offset: number;
  readonly key: string;
}

/** The first repeated key or too deep collection of a text that JSON.parse has accepted. */
export function faultOfJson(text: string, maxDepth: number): JsonFault | undefined {
  const keys: (Set<string> | undefined)[] = [];
  let offset = 0;
  while (offset < text.length) {
    const code = text.charCodeAt(offset);
    if (code === 0x22) {
      const end = endOfString(text, offset);
      const seen = keys.at(-1);
      if (seen !== undefined && isKey(text, end)) {
        const key = JSON.parse(text.slice(offset, end)) as string;
        if (seen.has(key)) return { kind: 'duplicate', offset, key };
        seen.add(key);
      }
      offset = end;
      continue;
    }
    if (code === 0x7b || code === 0x5b) {
      keys.push(code === 0x7b ? new Set() : undefined);
      if (keys.length > maxDepth) return { kind: 'depth', offset, key: '' };
    } else if (code === 0x7d || code === 0x5d) keys.pop();
    offset++;
  }
  return undefined;
}

/** Where the value at `path` begins (its key's quote, for a member), or its closest ancestor that exists. */
export function offsetInJson(text: string, path: readonly (string | number)[]): number {
  let found = skipSpace(text, 0);
  let value = found;
  for (const segment of path) {
    const step = typeof segment === 'number' ? elementAt(text, value, segment) : memberAt(text, value, segment);
    if (step === undefined) return found;
    found = step.place;
    value = step.value;
  }
  return found;
}

interface Step {
  readonly place: number;
  readonly value: number;
}

function memberAt(text: string, start: number, key: string): Step | undefined {
  if (text[start] !== '{') return undefined;
  let offset = skipSpace(text, start + 1);
  while (text[offset] === '"') {
    const end = endOfString(text, offset);
    const value = skipSpace(text, skipSpace(text, end) + 1);
    if (JSON.parse(text.slice(offset, end)) === key) return { place: offset, value };
    offset = skipSpace(text, endOfValue(text, value));
    if (text[offset] === ',') offset = skipSpace(text, offset + 1);
  }
  return undefined;
}

function elementAt(text: string, start: number, index: number): Step | undefined {
  if (text[start] !== '[') return undefined;
  let offset = skipSpace(text, start + 1);
  for (let each = 0; text[offset] !== ']' && offset < text.length; each++) {
    if (each === index) return { place: offset, value: offset };
    offset = skipSpace(text, endOfValue(text, offset));
    if (text[offset] === ',') offset = skipSpace(text, offset + 1);
  }
  return undefined;
}

function skipSpace(text: string, start: number): number {
  let offset = start;
  while (offset < text.length && text.charCodeAt(offset) <= 0x20) offset++;
  return offset;
}

/** `start` is at the opening quote; the result is behind the closing one. */
function endOfString(text: string, start: number): number {
  let end = start;
  let escaped: boolean;
  do {
    end = text.indexOf('"', end + 1);
    if (end < 0) return text.length;
    let back = end - 1;
    while (text.charCodeAt(back) === 0x5c) back--;
    escaped = (end - back) % 2 === 0;
  } while (escaped);
  return end + 1;
}

function isKey(text: string, end: number): boolean {
  return text[skipSpace(text, end)] === ':';
}

function endOfValue(text: string, start: number): number {
  let depth = 0;
  let offset = start;
  while (offset < text.length) {
    const code = text.charCodeAt(offset);
    if (code === 0x22) {
      offset = endOfString(text, offset);
      if (depth === 0) return offset;
      continue;
    }
    if (code === 0x7b || code === 0x5b) depth++;
    else if (code === 0x7d || code === 0x5d) {
      if (depth === 0) return offset;
      depth--;
      if (depth === 0) return offset + 1;
    } else if (depth === 0 && (code === 0x2c || code <= 0x20)) return offset;
    offset++;
  }
  return offset;
}
