import type { FieldLines } from '../exchange.js';
import type { Call } from './call.js';
import { setField } from './fields.js';
import { applyChange } from './header-change.js';
import type { Route } from './route.js';

/** Makes a backend's field lines the client's, in place: the time it took, a new session cookie, the rules' changes, CORS. */
export function returnFields(call: Call, { hash, destination }: Route, fields: FieldLines): void {
  setField(fields, 'x-envoy-upstream-service-time', String(Math.round(call.upstreamMs)));
  if (hash.setCookie !== '') fields.push('set-cookie', hash.setCookie);
  for (const change of destination.response) applyChange(change, fields, call.formatContext(fields));
  call.markCors(fields);
}
