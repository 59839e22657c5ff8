/**
 * A reader for the plain part of YAML that tools write manifests in: block mappings and sequences of one-line scalars.
 * It is some fifty times as fast as the complete parser, which reads everything else: at the least doubt the answer
 * is undefined. What it accepts it reads exactly as the complete parser does (YAML 1.2, core schema, string keys).
 */
export function readBlockYaml(text: string, maxDepth: number): { readonly value: unknown } | undefined {
  if (/[\t\r\uFEFF\u0085\u2028\u2029]/.test(text)) return undefined;
  const reader = new BlockReader(text, maxDepth);
  const value = reader.node(0, 0);
  return value === unsure || !reader.done ? undefined : { value };
}

/** Not read here; the complete parser decides. */
const unsure: unique symbol = Symbol('unsure');
type Value = unknown | typeof unsure;

/** `KEY:` or `KEY: REST`; the key plain or in quotes without escapes. */
const member = /^(?:([A-Za-z0-9_][A-Za-z0-9_./-]*)|"([^"\\]*)"|'([^']*)'):(?: +(.*))?$/;
const plain = /^[A-Za-z0-9_./][A-Za-z0-9_./:@+=,%()*~ -]*$/;
const smallInteger = /^(?:0|[1-9][0-9]{0,14})$/;
/** Everything that the core schema might read as a number, null or boolean. */
const special =
  /^(?:[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+|[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)|~|null|Null|NULL|true|True|TRUE|false|False|FALSE)$/;

class BlockReader {
  readonly #lines: readonly string[];
  readonly #maxDepth: number;
  #next = 0;
  /** Of the current line: its indentation, and the text behind it. */
  #indent = -1;
  #content = '';

  constructor(text: string, maxDepth: number) {
    this.#lines = text.split('\n');
    this.#maxDepth = maxDepth;
    while (this.#lines[this.#next] === '' || this.#lines[this.#next]?.startsWith('#')) this.#next++;
    if (this.#lines[this.#next] === '---') this.#next++;
    this.#advance();
  }

  get done(): boolean {
    return this.#indent < 0;
  }

  /** To the next line with content; none is an indentation of -1. */
  #advance(): void {
    for (; this.#next < this.#lines.length; this.#next++) {
      const line = this.#lines[this.#next]!;
      let indent = 0;
      while (line.charCodeAt(indent) === 0x20) indent++;
      if (indent === line.length || line.charCodeAt(indent) === 0x23) continue;
      this.#indent = indent;
      this.#content = line.slice(indent).replace(/ +$/, '');
      this.#next++;
      return;
    }
    this.#indent = -1;
    this.#content = '';
  }

  /** A mapping or sequence whose entries begin at the column of the current line, which is at least `least`. */
  node(least: number, depth: number): Value {
    if (this.#indent < least || depth >= this.#maxDepth) return unsure;
    return isItem(this.#content) ? this.#sequence(depth) : this.#mapping(depth);
  }

  #mapping(depth: number): Value {
    const indent = this.#indent;
    const mapping: Record<string, unknown> = {};
    while (this.#indent === indent && !isItem(this.#content)) {
      const match = member.exec(this.#content);
      if (match === null) return unsure;
      const key = match[1] ?? match[2] ?? match[3]!;
      if (key === '__proto__' || Object.hasOwn(mapping, key)) return unsure;
      const rest = match[4] ?? '';
      this.#advance();
      const value = rest === '' ? this.#below(indent, depth) : scalarOf(rest);
      if (value === unsure) return unsure;
      mapping[key] = value;
      if (this.#indent > indent) return unsure;
    }
    return mapping;
  }

  /** The value of a key whose line ends behind the colon: what is indented further, or a sequence in its own column. */
  #below(indent: number, depth: number): Value {
    if (this.#indent > indent) return this.node(indent + 1, depth + 1);
    return this.#indent === indent && isItem(this.#content) ? this.node(indent, depth + 1) : null;
  }

  #sequence(depth: number): Value {
    const indent = this.#indent;
    const items: unknown[] = [];
    while (this.#indent === indent && isItem(this.#content)) {
      const value = this.#item(indent, depth);
      if (value === unsure || this.#indent > indent) return unsure;
      items.push(value);
    }
    return items;
  }

  #item(indent: number, depth: number): Value {
    const rest = this.#content.slice(1).replace(/^ +/, '');
    if (rest === '' || isItem(rest)) return unsure;
    if (member.test(rest)) {
      // The mapping's first line starts behind the dash.
      this.#indent = indent + this.#content.length - rest.length;
      this.#content = rest;
      return this.node(indent + 1, depth + 1);
    }
    const value = scalarOf(rest);
    this.#advance();
    return value;
  }
}

function isItem(content: string): boolean {
  return content === '-' || content.startsWith('- ');
}

function scalarOf(text: string): Value {
  const first = text.charCodeAt(0);
  if (first === 0x22) return /^"[^"\\]*"$/.test(text) ? text.slice(1, -1) : unsure;
  if (first === 0x27) return /^'[^']*'$/.test(text) ? text.slice(1, -1) : unsure;
  if (smallInteger.test(text)) return Number(text);
  if (text === 'true') return true;
  if (text === 'false') return false;
  if (text === '{}') return {};
  if (text === '[]') return [];
  if (!plain.test(text) || text.includes(': ') || text.endsWith(':') || special.test(text)) return unsure;
  return text;
}
