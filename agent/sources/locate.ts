import { isAlias, isMap, isScalar, isSeq, type Node } from 'yaml';
import type { Origin } from '../model/mesh.js';
import { offsetInJson } from './json.js';
import { type Chunk, composeYaml, documentsOf } from './yaml.js';

/** Counted from 1. */
export interface Place {
  readonly line: number;
  readonly column: number;
}

/** YAML documents larger than this are not parsed again to find a place: their first line has to do. */
const maxChunk = 1024 * 1024;

/** Finds lines and columns in the text of one file. A document is parsed when it is first asked for. */
export class Locator {
  readonly #text: string;
  readonly #chunks: readonly Chunk[];
  #lines: readonly number[] | undefined;
  /** The document parsed last: findings come document by document. */
  #composed: { readonly chunk: Chunk; readonly root: Node | undefined } | undefined;

  constructor(text: string, chunks: readonly Chunk[]) {
    this.#text = text;
    this.#chunks = chunks;
  }

  static of(file: string, text: string): Locator {
    return new Locator(text, documentsOf(file, text));
  }

  /** The place of an offset into the file. */
  at(offset: number): Place {
    this.#lines ??= lineStarts(this.#text);
    let low = 0;
    let high = this.#lines.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (this.#lines[middle]! <= offset) low = middle;
      else high = middle - 1;
    }
    return { line: low + 1, column: offset - this.#lines[low]! + 1 };
  }

  /** The place of a document's first character of content. */
  start(document: number): Place {
    const chunk = this.#chunks[document];
    if (chunk === undefined) return { line: 1, column: 1 };
    const content = /^(?:\s*(?:#[^\n]*|---(?=\s)|%[^\n]*)?\n)*\s*/.exec(
      this.#text.slice(chunk.start, chunk.start + 4096),
    );
    return this.at(Math.min(chunk.start + (content?.[0].length ?? 0), this.#text.length));
  }

  /** The place of a field (`spec.ports[0].port`): its key, or the closest ancestor that is there. */
  find(origin: Pick<Origin, 'document' | 'item'>, path: string): Place {
    const chunk = this.#chunks[origin.document];
    if (chunk === undefined) return { line: 1, column: 1 };
    const segments = [...(origin.item >= 0 ? ['items', origin.item] : []), ...segmentsOf(path)];
    if (/^\s*[[{]/.test(this.#text.slice(chunk.start, chunk.start + 256))) {
      return this.at(chunk.start + offsetInJson(this.#text.slice(chunk.start, chunk.end), segments));
    }
    const root = this.#compose(chunk);
    const offset = root === undefined ? undefined : offsetInYaml(root, segments);
    return offset === undefined ? this.start(origin.document) : this.at(chunk.start + offset);
  }

  #compose(chunk: Chunk): Node | undefined {
    if (this.#composed?.chunk !== chunk) {
      const composed =
        chunk.end - chunk.start > maxChunk ? undefined : composeYaml(this.#text.slice(chunk.start, chunk.end));
      const document = composed !== undefined && 'document' in composed ? composed.document : undefined;
      this.#composed = { chunk, root: document?.contents ?? undefined };
    }
    return this.#composed.root;
  }
}

function lineStarts(text: string): readonly number[] {
  const starts = [0];
  for (let index = text.indexOf('\n'); index >= 0; index = text.indexOf('\n', index + 1)) starts.push(index + 1);
  return starts;
}

/** `a.b[0]["c/d"]` as its steps. */
function segmentsOf(path: string): (string | number)[] {
  const segments: (string | number)[] = [];
  for (const [, word, index, quoted] of path.matchAll(/([A-Za-z_][A-Za-z0-9_-]*)|\[(\d+)\]|\[("(?:[^"\\]|\\.)*")\]/g)) {
    if (word !== undefined) segments.push(word);
    else if (index !== undefined) segments.push(Number(index));
    else segments.push(JSON.parse(quoted!) as string);
  }
  return segments;
}

function offsetInYaml(root: Node, segments: readonly (string | number)[]): number {
  let node: unknown = root;
  let offset = root.range?.[0] ?? 0;
  for (const segment of segments) {
    // An anchor's content stands elsewhere: the alias is the place to look at.
    if (isAlias(node)) return offset;
    if (isMap(node)) {
      const pair = node.items.find(({ key }) => isScalar(key) && String(key.value) === String(segment));
      if (pair === undefined) return offset;
      offset = (pair.key as Node).range?.[0] ?? offset;
      node = pair.value;
    } else if (isSeq(node) && typeof segment === 'number' && node.items[segment] !== undefined) {
      node = node.items[segment];
      offset = (node as Node).range?.[0] ?? offset;
    } else return offset;
  }
  return offset;
}
