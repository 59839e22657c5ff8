import { entryOverhead, staticTable } from './static-table.js';

/** What the encoder knows of one field name. */
interface KnownName {
  /** Index in the static table, or 0. */
  readonly staticIndex: number;
  readonly staticValues: ReadonlyMap<string, number>;
  /** `never`: must not enter any table (RFC 7541 7.1.3). `plain`: differs each time, so that a table gains nothing. */
  readonly indexing: 'never' | 'plain' | 'indexed';
}

const never = new Set(['authorization', 'proxy-authorization', 'cookie', 'set-cookie']);
const changing = new Set([
  ...['content-length', 'content-range', 'range', 'etag', 'if-none-match', 'if-modified-since', 'last-modified', 'age'],
  ...['location', 'x-request-id', 'traceparent', 'tracestate', 'x-b3-traceid', 'x-b3-spanid', 'x-b3-parentspanid'],
  ...['grpc-timeout', 'grpc-message', 'grpc-status-details-bin', 'x-envoy-upstream-service-time'],
]);

const indexingOf = (name: string): KnownName['indexing'] => {
  if (never.has(name)) return 'never';
  return changing.has(name) ? 'plain' : 'indexed';
};

function staticNames(): Map<string, KnownName> {
  const names = new Map<string, KnownName & { staticValues: Map<string, number> }>();
  staticTable.forEach(([name, value], index) => {
    if (index === 0) return;
    const known = names.get(name);
    if (known) known.staticValues.set(value, index);
    else
      names.set(name, {
        staticIndex: index,
        staticValues: new Map(value === '' ? [] : [[value, index]]),
        indexing: indexingOf(name),
      });
  });
  return names;
}

const noValues: ReadonlyMap<string, number> = new Map();

function allNames(): ReadonlyMap<string, KnownName> {
  const names = staticNames();
  for (const name of [...never, ...changing]) {
    if (!names.has(name)) names.set(name, { staticIndex: 0, staticValues: noValues, indexing: indexingOf(name) });
  }
  return names;
}

const known: ReadonlyMap<string, KnownName> = allNames();
const otherName: KnownName = { staticIndex: 0, staticValues: noValues, indexing: 'indexed' };

/** Longer values are not kept in the table. */
const longestIndexed = 256;

/** Where a section is encoded before it becomes frames; sections of all connections, one after the other. */
let output = Buffer.allocUnsafeSlow(16_384);

interface DynamicEntry {
  readonly name: string;
  readonly value: string;
  /** Entries that were inserted before it. */
  readonly serial: number;
}

/** Encodes field sections of one connection (RFC 7541): `begin`, `field`…, `finish`. Strings are sent without Huffman's code, which costs more than it saves. */
export class HpackEncoder {
  #limit: number;
  readonly #capacity: number;
  #bytes = 0;
  /** Oldest first. */
  readonly #entries: DynamicEntry[] = [];
  readonly #byName = new Map<string, Map<string, DynamicEntry>>();
  #inserted = 0;
  #at = 0;
  /** Table sizes that have to be told before the next section (RFC 7541 4.2): the smallest since, and the last. */
  #smallest: number | undefined;

  /** `capacity`: the largest table that we keep (bytes), whatever the peer allows. */
  constructor(capacity: number) {
    this.#capacity = capacity;
    this.#limit = Math.min(capacity, 4_096);
  }

  /** The peer's SETTINGS_HEADER_TABLE_SIZE. */
  allow(size: number): void {
    const limit = Math.min(size, this.#capacity);
    if (limit === this.#limit && size >= 4_096) return;
    this.#smallest = Math.min(this.#smallest ?? limit, limit);
    this.#limit = limit;
    this.#evict(limit);
  }

  begin(): void {
    this.#at = 0;
    if (this.#smallest === undefined) return;
    if (this.#smallest < this.#limit) this.#integer(0x20, 5, this.#smallest);
    this.#integer(0x20, 5, this.#limit);
    this.#smallest = undefined;
  }

  /** `name` in lower case. */
  field(name: string, value: string): void {
    this.#reserve(name.length + value.length + 16);
    const rules = known.get(name) ?? otherName;
    const staticIndex = rules.staticValues.get(value);
    if (staticIndex !== undefined) {
      this.#integer(0x80, 7, staticIndex);
      return;
    }
    const values = this.#byName.get(name);
    const entry = values?.get(value);
    if (entry) {
      this.#integer(0x80, 7, this.#indexOf(entry));
      return;
    }
    const nameIndex = rules.staticIndex || this.#anyIndex(values);
    const size = name.length + value.length + entryOverhead;
    if (
      rules.indexing === 'indexed' &&
      value.length <= longestIndexed &&
      size <= this.#limit &&
      !isQuery(name, value)
    ) {
      this.#literal(0x40, 6, nameIndex, name, value);
      this.#insert(name, value, size);
    } else this.#literal(rules.indexing === 'never' ? 0x10 : 0, 4, nameIndex, name, value);
  }

  /** Valid until the next `begin` of any encoder. */
  finish(): Buffer {
    return output.subarray(0, this.#at);
  }

  #indexOf(entry: DynamicEntry): number {
    return staticTable.length + (this.#inserted - 1 - entry.serial);
  }

  #anyIndex(values: ReadonlyMap<string, DynamicEntry> | undefined): number {
    if (!values) return 0;
    for (const entry of values.values()) return this.#indexOf(entry);
    return 0;
  }

  #insert(name: string, value: string, size: number): void {
    this.#evict(this.#limit - size);
    const entry = { name, value, serial: this.#inserted++ };
    this.#entries.push(entry);
    this.#bytes += size;
    const values = this.#byName.get(name);
    if (values) values.set(value, entry);
    else this.#byName.set(name, new Map([[value, entry]]));
  }

  #evict(limit: number): void {
    while (this.#bytes > limit) {
      const entry = this.#entries.shift();
      if (!entry) return;
      this.#bytes -= entry.name.length + entry.value.length + entryOverhead;
      const values = this.#byName.get(entry.name)!;
      values.delete(entry.value);
      if (values.size === 0) this.#byName.delete(entry.name);
    }
  }

  #literal(pattern: number, prefix: number, nameIndex: number, name: string, value: string): void {
    this.#integer(pattern, prefix, nameIndex);
    if (nameIndex === 0) this.#string(name);
    this.#string(value);
  }

  #string(text: string): void {
    this.#integer(0, 7, text.length);
    if (text.length > 24) {
      this.#at += output.write(text, this.#at, 'latin1');
      return;
    }
    for (let index = 0; index < text.length; index++) output[this.#at++] = text.charCodeAt(index);
  }

  #integer(pattern: number, prefix: number, value: number): void {
    const mask = (1 << prefix) - 1;
    if (value < mask) {
      output[this.#at++] = pattern | value;
      return;
    }
    output[this.#at++] = pattern | mask;
    let rest = value - mask;
    while (rest >= 128) {
      output[this.#at++] = (rest & 0x7f) | 0x80;
      rest >>>= 7;
    }
    output[this.#at++] = rest;
  }

  #reserve(bytes: number): void {
    if (this.#at + bytes <= output.length) return;
    const larger = Buffer.allocUnsafeSlow(Math.max(output.length * 2, this.#at + bytes));
    output.copy(larger, 0, 0, this.#at);
    output = larger;
  }
}

/** A path with a query is seldom asked for twice. */
const isQuery = (name: string, value: string): boolean => name === ':path' && value.includes('?');
