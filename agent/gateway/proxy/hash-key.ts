import type { HashKey } from '../../balance/cluster.js';
import { hashText } from '../../balance/hash.js';
import { sourceHash } from '../../compile/maglev.js';
import { queryValue, type RequestView } from '../../compile/route.js';
import { compileRegex, type RegexMatcher } from '../../model/regex.js';

/** What consistent hashing takes a request by. */
export interface HashChoice {
  /** 32 bits; undefined: the request has no key, any endpoint will do. */
  readonly hash: number | undefined;
  /** Set-Cookie of a session cookie that was made; empty: none was. */
  readonly setCookie: string;
}

/** Nothing is hashed. */
export const noHash: HashChoice = { hash: undefined, setCookie: '' };

/** `address`: the client's. `random`: in [0, 1), for a new cookie's value. */
export function hashChoice(key: HashKey, request: RequestView, address: string, random: () => number): HashChoice {
  switch (key.type) {
    case 'header':
      return chosenBy(rewritten(key, request.header(key.name.toLowerCase())));
    case 'query':
      return chosenBy(queryValue(request.query, key.name));
    case 'sourceIp':
      return { hash: sourceHash(address), setCookie: '' };
    case 'cookie': {
      const value = cookieOf(request.header('cookie') ?? '', key.name);
      if (value !== undefined || key.ttlMs === undefined) return chosenBy(value);
      const made = newValue(random);
      return { hash: hashText(made), setCookie: setCookie(key, made) };
    }
  }
}

const rewrites = new WeakMap<HashKey, RegexMatcher>();

function rewritten(key: HashKey & { type: 'header' }, value: string | undefined): string | undefined {
  if (key.rewrite === undefined || value === undefined) return value;
  let matcher = rewrites.get(key);
  if (matcher === undefined) {
    const regex = compileRegex(key.rewrite.match);
    if (!regex.ok) return value;
    matcher = regex.matcher;
    rewrites.set(key, matcher);
  }
  return matcher.replaceAll(value, key.rewrite.value);
}

function chosenBy(value: string | undefined): HashChoice {
  return value === undefined || value === '' ? noHash : { hash: hashText(value), setCookie: '' };
}

/** The value of a cookie (RFC 6265 4.2), without quotes; `header` may be several lines joined by `,`. */
function cookieOf(header: string, name: string): string | undefined {
  for (const part of header.split(/[;,]/)) {
    const pair = part.trim();
    if (!pair.startsWith(`${name}=`)) continue;
    const value = pair.slice(name.length + 1);
    return value.length > 1 && value.startsWith('"') && value.endsWith('"') ? value.slice(1, -1) : value;
  }
  return undefined;
}

function newValue(random: () => number): string {
  const half = () =>
    Math.floor(random() * 0x1_0000_0000)
      .toString(16)
      .padStart(8, '0');
  return half() + half();
}

/** As Envoy writes it: quoted, HttpOnly, without Max-Age for a session. */
function setCookie(key: HashKey & { type: 'cookie' }, value: string): string {
  const age =
    key.ttlMs === undefined || key.ttlMs === 0 ? '' : `; Max-Age=${Math.max(1, Math.round(key.ttlMs / 1000))}`;
  const path = key.path === '' ? '' : `; Path=${key.path}`;
  const attributes = key.attributes.map(([name, text]) => (text === '' ? `; ${name}` : `; ${name}=${text}`)).join('');
  return `${key.name}="${value}"${age}${path}${attributes}; HttpOnly`;
}
