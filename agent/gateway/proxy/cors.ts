import type { CorsPolicy, StringMatch } from '../../compile/snapshot.js';
import { compileRegex } from '../../model/regex.js';
import type { FieldLines } from '../exchange.js';
import { isNamed, setField } from './fields.js';
import type { ReceivedRequest } from './received.js';

/** What CORS makes of a request: answered here, or forwarded with an origin that the response is to name (empty: none). */
export type CorsDecision =
  | { readonly type: 'answer'; readonly fields: FieldLines }
  | { readonly type: 'forward'; readonly origin: string };

const untouched: CorsDecision = { type: 'forward', origin: '' };

/**
 * Cross-origin requests as Envoy's CORS filter answers them (and the Gateway API's HTTPCORSFilter, where `*` together with
 * credentials stands for what the request asked for).
 */
export class Cors {
  readonly #isAllowed: (origin: string) => boolean;
  readonly #methods: string;
  readonly #headers: string;
  readonly #expose: string;
  readonly #maxAge: string;
  readonly #credentials: boolean;
  readonly #forwardsUnmatched: boolean;

  constructor(policy: CorsPolicy) {
    const tests = policy.allowOrigins.map(originTest);
    this.#isAllowed = (origin) => tests.some((test) => test(origin));
    this.#methods = listOf(policy.allowMethods);
    this.#headers = listOf(policy.allowHeaders);
    this.#expose = listOf(policy.exposeHeaders);
    this.#maxAge = policy.maxAgeSeconds === undefined ? '' : String(policy.maxAgeSeconds);
    this.#credentials = policy.allowCredentials;
    this.#forwardsUnmatched = policy.unmatchedPreflights === 'forward';
  }

  /** A preflight is OPTIONS with Origin and Access-Control-Request-Method. */
  decide(request: ReceivedRequest): CorsDecision {
    const { origin } = request;
    if (origin === '') return untouched;
    const isAllowed = this.#isAllowed(origin);
    const method = request.method === 'OPTIONS' ? (request.header('access-control-request-method') ?? '') : '';
    if (method === '') return isAllowed ? { type: 'forward', origin } : untouched;
    if (isAllowed) return { type: 'answer', fields: this.#preflight(origin, method, request) };
    return this.#forwardsUnmatched ? untouched : { type: 'answer', fields: [] };
  }

  #preflight(origin: string, method: string, request: ReceivedRequest): FieldLines {
    const fields = ['access-control-allow-origin', origin];
    const methods = this.#methods === '*' ? method : this.#methods;
    const asked = request.header('access-control-request-headers') ?? '';
    const headers = this.#headers === '*' ? asked : this.#headers;
    if (this.#credentials) fields.push('access-control-allow-credentials', 'true');
    if (methods !== '') fields.push('access-control-allow-methods', methods);
    if (headers !== '') fields.push('access-control-allow-headers', headers);
    if (this.#maxAge !== '') fields.push('access-control-max-age', this.#maxAge);
    return fields;
  }

  /** Sets the fields of the response to a request from an allowed origin. */
  mark(origin: string, fields: FieldLines): void {
    setField(fields, 'access-control-allow-origin', origin);
    if (this.#credentials) setField(fields, 'access-control-allow-credentials', 'true');
    const expose = this.#expose === '*' && this.#credentials ? namesOf(fields) : this.#expose;
    if (expose !== '') setField(fields, 'access-control-expose-headers', expose);
  }
}

function listOf(names: readonly string[]): string {
  return names.includes('*') ? '*' : names.join(',');
}

/** With credentials `*` would mean a header of this name: the response's own names are listed. */
function namesOf(fields: FieldLines): string {
  const names = new Set<string>();
  for (let index = 0; index < fields.length; index += 2) {
    const name = fields[index]!;
    if (name.length < 8 || !isNamed(name.slice(0, 15), 'access-control-')) names.add(name.toLowerCase());
  }
  return [...names].join(',');
}

function originTest(wanted: StringMatch): (origin: string) => boolean {
  switch (wanted.type) {
    case 'exact': {
      const { value } = wanted;
      return value === '*' ? () => true : (origin) => origin === value;
    }
    case 'prefix': {
      const { value } = wanted;
      return (origin) => origin.startsWith(value);
    }
    case 'regex': {
      const regex = compileRegex(wanted.value);
      return regex.ok ? (origin) => regex.matcher.matches(origin) : () => false;
    }
    case 'present':
      return () => true;
  }
}
