import { Composer, type Document, isCollection, isPair, isScalar, Lexer, Parser, type YAMLParseError } from 'yaml';
import { quote } from '../model/findings.js';
import type { ProblemCode } from '../model/problem-codes.js';
import { readBlockYaml } from './block-yaml.js';
import { faultOfJson } from './json.js';

/** Bounds of one file. */
export const maxFileBytes: number = 16 * 1024 * 1024;
export const maxDocuments = 100_000;
export const maxDepth = 64;
/** Of one document, as the yaml package counts it: uses of anchors, times what they contain. */
export const maxAliases = 100;
/** Anchors and aliases of one document: looking them up takes quadratic time. */
const maxAnchors = 1_000;

/** One document of a file: a part of its text. */
export interface Chunk {
  /** Counted from 0 in the file, empty ones too. */
  readonly document: number;
  readonly start: number;
  readonly end: number;
}

/** Why a text gives no value; `offset` counts from its start. */
export interface SyntaxFault {
  readonly code: ProblemCode;
  readonly offset: number;
  readonly message: string;
}

export type Read = { readonly value: unknown } | { readonly fault: SyntaxFault };

/**
 * The documents of a YAML stream (YAML 1.2, chapter 9): they begin at `---` and end at `...` in the first column,
 * which no other text may have there. Each can be parsed by itself, so that a large file needs little memory.
 */
export function splitDocuments(text: string): readonly Chunk[] {
  const chunks: Chunk[] = [];
  let start = text.charCodeAt(0) === 0xfeff ? 1 : 0;
  const close = (end: number) => {
    chunks.push({ document: chunks.length, start, end });
    start = end;
  };
  for (const marker of text.matchAll(/^(?:---|\.\.\.)(?=[\s]|$)/gm)) {
    if (marker[0] === '---') {
      if (marker.index > start && !isPrelude(text, start, marker.index)) close(marker.index);
    } else {
      const end = text.indexOf('\n', marker.index);
      close(end < 0 ? text.length : end + 1);
    }
  }
  if (start < text.length || chunks.length === 0) close(text.length);
  return chunks;
}

/** The documents of a file: one named .json has one. */
export function documentsOf(file: string, text: string): readonly Chunk[] {
  return file.endsWith('.json') ? [{ document: 0, start: 0, end: text.length }] : splitDocuments(text);
}

/** Whether there are only comments and directives, which belong to the document that follows. */
function isPrelude(text: string, start: number, end: number): boolean {
  for (let line = start; line < end; ) {
    const next = text.indexOf('\n', line) + 1;
    const content = text.slice(line, next).trimStart();
    if (content !== '' && !content.startsWith('#') && text[line] !== '%') return false;
    line = next;
  }
  return true;
}

/**
 * The value of one document: by JSON.parse where it is JSON (`strictly`: it must be), else as YAML 1.2's core schema.
 * Never throws.
 */
export function readDocument(text: string, strictly = false): Read {
  const first = /^[\s\uFEFF]*(.)/.exec(text)?.[1];
  if (!strictly && first !== '{' && first !== '[') return readYaml(text);
  const read = readJson(text);
  return 'fault' in read && read.fault.code === 'WEFT0101' && !strictly ? readYaml(text) : read;
}

/** The engine's message without the text it quotes, which may be a Secret's: `Unexpected token 'x', ..."text"... is not valid JSON`. */
function withoutExcerpt(message: string): string {
  return message.replace(/, (?:\.\.\.)?".*" ?(?:\.\.\. ?)?is not valid JSON$/s, '').slice(0, 200);
}

function readJson(text: string): Read {
  let value: unknown;
  try {
    value = JSON.parse(text.charCodeAt(0) === 0xfeff ? text.slice(1) : text);
  } catch (error) {
    const message = (error as SyntaxError).message;
    const offset = Number(/at position (\d+)/.exec(message)?.[1] ?? text.trimEnd().length);
    return { fault: { code: 'WEFT0101', offset, message: `not JSON: ${withoutExcerpt(message)}` } };
  }
  const fault = faultOfJson(text, maxDepth);
  if (fault === undefined) return { value };
  if (fault.kind === 'depth') return { fault: tooDeep(fault.offset) };
  return { fault: duplicate(fault.offset, fault.key) };
}

function duplicate(offset: number, key: string): SyntaxFault {
  return { code: 'WEFT0102', offset, message: `the key ${quote(key)} is there twice` };
}

function tooDeep(offset: number): SyntaxFault {
  return { code: 'WEFT0105', offset, message: `collections are nested deeper than ${maxDepth} levels` };
}

function readYaml(text: string): Read {
  const plain = readBlockYaml(text, maxDepth);
  if (plain !== undefined) return { value: detached(plain.value) };
  const composed = composeYaml(text);
  if ('fault' in composed) return composed;
  try {
    return { value: detached(composed.document?.toJS({ maxAliasCount: maxAliases }) ?? null) };
  } catch (error) {
    // A ReferenceError is the package's, for aliases; a TypeError is JSON.stringify's, for an anchor within itself.
    if (error instanceof ReferenceError) {
      const code = error.message.startsWith('Unresolved') ? 'WEFT0101' : 'WEFT0104';
      return { fault: { code, offset: 0, message: error.message } };
    }
    if (!(error instanceof TypeError)) throw error;
    return { fault: { code: 'WEFT0104', offset: 0, message: 'an anchor contains an alias of itself' } };
  }
}

/** A copy whose strings do not keep the file's text alive, as parts of a string do in V8. */
function detached(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value));
}

/**
 * The document with its nodes' places; undefined when the text is empty. The depth is bounded before composing, which
 * recurses: running out of stack there can end the process (V8 aborts when it compiles a pattern without stack left).
 */
export function composeYaml(
  text: string,
): { readonly document: Document.Parsed | undefined } | { readonly fault: SyntaxFault } {
  const parser = new Parser();
  const composer = new Composer(options);
  const documents: Document.Parsed[] = [];
  let anchors = 0;
  for (const lexeme of new Lexer().lex(text)) {
    if ((lexeme.startsWith('&') || lexeme.startsWith('*')) && ++anchors > maxAnchors) {
      return {
        fault: { code: 'WEFT0104', offset: parser.offset, message: `more than ${maxAnchors} anchors and aliases` },
      };
    }
    for (const token of parser.next(lexeme)) documents.push(...composer.next(token));
    // A document and a scalar are entries of the stack too.
    if (parser.stack.length > maxDepth + 2) return { fault: tooDeep(parser.offset) };
  }
  for (const token of parser.end()) documents.push(...composer.next(token));
  documents.push(...composer.end());
  for (const document of documents) {
    const error = document.errors[0];
    if (error !== undefined) return { fault: faultOf(error) };
  }
  const document = documents.find(({ contents }) => contents !== null);
  const fault = document && duplicateKey(document.contents);
  return fault === undefined ? { document } : { fault };
}

/** The package's own check of keys takes quadratic time, so it is off. */
const options = {
  version: '1.2',
  logLevel: 'silent',
  prettyErrors: false,
  resolveKnownTags: false,
  stringKeys: true,
  uniqueKeys: false,
} as const;

function faultOf(error: YAMLParseError): SyntaxFault {
  return { code: 'WEFT0101', offset: error.pos[0], message: error.message };
}

/** Recurses as deep as the document is nested, which is bounded. */
function duplicateKey(node: unknown): SyntaxFault | undefined {
  if (!isCollection(node)) return undefined;
  const seen = new Set<string>();
  for (const item of node.items) {
    let value: unknown = item;
    if (isPair(item)) {
      if (isScalar(item.key)) {
        const key = String(item.key.value);
        if (seen.has(key)) return duplicate(item.key.range?.[0] ?? 0, key);
        seen.add(key);
      }
      value = item.value;
    }
    const fault = duplicateKey(value);
    if (fault !== undefined) return fault;
  }
  return undefined;
}
