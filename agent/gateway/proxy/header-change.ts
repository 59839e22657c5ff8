import type { HeaderChange } from '../../compile/snapshot.js';
import type { FieldLines } from '../exchange.js';
import { removeField, setField } from './fields.js';
import { type FormatContext, formatHeader, type HeaderFormat, headerFormat } from './header-format.js';

interface NamedFormat {
  readonly name: string;
  readonly lower: string;
  readonly format: HeaderFormat;
}

/** A HeaderChange that is ready to be applied. */
export interface CompiledChange {
  readonly remove: readonly string[];
  readonly set: readonly NamedFormat[];
  readonly add: readonly NamedFormat[];
  /** Of Host or :authority, which are no fields here; undefined: unchanged. */
  readonly authority: HeaderFormat | undefined;
}

/** Names that no rule may change: they are the codecs', or no header at all. */
const untouchable = new Set([
  'host',
  'connection',
  'transfer-encoding',
  'content-length',
  'keep-alive',
  'upgrade',
  'te',
]);

/** Undefined when nothing is to be changed. Of pseudo headers only the authority can be set, as in Istio. */
export function compileChange(change: HeaderChange): CompiledChange | undefined {
  const authority = (change.set.find(isAuthority) ?? change.add.find(isAuthority))?.[1];
  const compiled: CompiledChange = {
    remove: change.remove.map((name) => name.toLowerCase()).filter(isChangeable),
    set: change.set.map(namedFormat).filter(({ lower }) => isChangeable(lower)),
    add: change.add.map(namedFormat).filter(({ lower }) => isChangeable(lower)),
    authority: authority === undefined ? undefined : headerFormat(authority),
  };
  const isNothing = compiled.remove.length + compiled.set.length + compiled.add.length === 0;
  return isNothing && authority === undefined ? undefined : compiled;
}

function isAuthority([name]: readonly [string, string]): boolean {
  const lower = name.toLowerCase();
  return lower === 'host' || lower === ':authority';
}

function isChangeable(lower: string): boolean {
  return !lower.startsWith(':') && !untouchable.has(lower);
}

function namedFormat([name, value]: readonly [string, string]): NamedFormat {
  return { name, lower: name.toLowerCase(), format: headerFormat(value) };
}

/** Removes, sets and adds in `fields`, in this order. A line whose value comes out empty is not added (Envoy, HeaderParser). */
export function applyChange(change: CompiledChange, fields: FieldLines, context: FormatContext): void {
  for (const lower of change.remove) removeField(fields, lower);
  for (const { name, lower, format } of change.set) {
    const value = formatHeader(format, context);
    if (value !== '' || format === '') setField(fields, lower, value, name);
  }
  for (const { name, format } of change.add) {
    const value = formatHeader(format, context);
    if (value !== '' || format === '') fields.push(name, value);
  }
}
