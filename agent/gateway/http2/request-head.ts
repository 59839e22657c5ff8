import { requestTarget } from '../../compile/request-path.js';
import type { FieldLines, RequestHead } from '../exchange.js';
import { isAuthority } from '../http1/authority.js';
import { isForbidden, lengthOf } from './field-lines.js';

/** Why a request is not handed on; a number is the status that it is answered with. */
export type RequestRefusal = 'malformed' | 400 | 405;

/** What is gathered while the fields are read. */
interface Gathered {
  method: string | undefined;
  scheme: string | undefined;
  path: string | undefined;
  authority: string | undefined;
  host: string | undefined;
  length: number | undefined;
  expectContinue: boolean;
  cookie: string | undefined;
  cookieAt: number;
  readonly fields: FieldLines;
}

const token = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;

/**
 * The request that a field section stands for (RFC 9113 8.3.1). `scheme` is that of the connection, whatever the client says; `ended`: no body follows.
 * Cookies are joined (8.2.3).
 */
export function requestHeadOf(
  section: FieldLines,
  scheme: 'http' | 'https',
  ended: boolean,
): RequestHead | RequestRefusal {
  const gathered = gather(section);
  if (!gathered) return 'malformed';
  const { method, path, fields, length } = gathered;
  if (method === undefined || !token.test(method)) return 'malformed';
  if (method === 'CONNECT') return 405;
  if (path === undefined || (gathered.scheme !== 'http' && gathered.scheme !== 'https')) return 'malformed';
  const authority = gathered.authority ?? gathered.host;
  if (authority === undefined || !isAuthority(authority)) return 'malformed';
  if (gathered.host !== undefined && gathered.host !== authority) return 'malformed';
  if (ended && length !== undefined && length > 0) return 'malformed';
  const target = path === '*' && method === 'OPTIONS' ? path : requestTarget(path);
  if (target === undefined) return 400;
  return {
    version: 'HTTP/2',
    method,
    scheme,
    authority,
    target,
    fields,
    length: ended ? 0 : length,
    upgrade: '',
    expectContinue: gathered.expectContinue && !ended,
  };
}

function gather(section: FieldLines): Gathered | undefined {
  const gathered: Gathered = {
    method: undefined,
    scheme: undefined,
    path: undefined,
    authority: undefined,
    host: undefined,
    length: undefined,
    expectContinue: false,
    cookie: undefined,
    cookieAt: 0,
    fields: [],
  };
  for (let at = 0; at < section.length; at += 2) {
    const name = section[at]!;
    const value = section[at + 1]!;
    const isFine =
      name.charCodeAt(0) === 0x3a
        ? gathered.fields.length === 0 && gathered.host === undefined && pseudo(gathered, name, value)
        : regular(gathered, name, value);
    if (!isFine) return undefined;
  }
  if (gathered.cookie !== undefined) gathered.fields[gathered.cookieAt] = gathered.cookie;
  return gathered;
}

function pseudo(gathered: Gathered, name: string, value: string): boolean {
  if (name === ':method' && gathered.method === undefined) gathered.method = value;
  else if (name === ':path' && gathered.path === undefined) gathered.path = value;
  else if (name === ':scheme' && gathered.scheme === undefined) gathered.scheme = value;
  else if (name === ':authority' && gathered.authority === undefined) gathered.authority = value;
  else return false;
  return true;
}

function regular(gathered: Gathered, name: string, value: string): boolean {
  switch (name) {
    case 'host':
      if (gathered.host !== undefined) return false;
      gathered.host = value;
      return true;
    case 'content-length': {
      const length = lengthOf(value);
      if (length < 0 || gathered.length !== undefined) return false;
      gathered.length = length;
      return true;
    }
    case 'expect':
      gathered.expectContinue = value.toLowerCase() === '100-continue';
      return gathered.expectContinue;
    case 'te':
      if (value !== 'trailers') return false;
      break;
    case 'cookie':
      if (gathered.cookie !== undefined) {
        gathered.cookie += `; ${value}`;
        return true;
      }
      gathered.cookie = value;
      gathered.cookieAt = gathered.fields.length + 1;
      break;
    default:
      if (isForbidden(name)) return false;
  }
  gathered.fields.push(name, value);
  return true;
}
