import { RE2JS } from 're2js';
import type { RegexRewrite } from './matches.js';

/** A compiled RE2. Its time is linear in the text's length. */
export interface RegexMatcher {
  /** Whether the whole text matches (Envoy's safe_regex). */
  matches(text: string): boolean;
  /** Whether some part of the text matches. */
  finds(text: string): boolean;
  /** Number of capturing groups. */
  readonly groups: number;
  /** The text with every match replaced; in `rewrite` \0 to \9 are groups (\0 the match) and \\ is a backslash. */
  replaceAll(text: string, rewrite: string): string;
}

export type CompiledRegex =
  | { readonly ok: true; readonly matcher: RegexMatcher }
  | { readonly ok: false; readonly error: string };

/** Characters, as Istio limits it. */
const maxLength = 1024;
/** Instructions; matching takes at most about as many steps per character. */
const maxProgram = 2000;

/** Compiles an RE2 text. Texts that are no RE2, are too long or would compile to too large a program are refused. */
export function compileRegex(text: string): CompiledRegex {
  if (text === '') return refuse('an empty expression matches nothing but the empty text');
  if (text.length > maxLength) return refuse(`is longer than ${maxLength} characters`);
  if (expandedSize(text) > maxProgram * 2) return refuse('its repetitions make it too large');
  try {
    const compiled = RE2JS.compile(text);
    const size = compiled.programSize();
    if (size > maxProgram) return refuse(`compiles to ${size} instructions, over ${maxProgram}`);
    return { ok: true, matcher: matcherOf(compiled) };
  } catch (error) {
    return refuse(error instanceof Error ? error.message.replace(/^error parsing regexp: /, '') : String(error));
  }
}

function refuse(error: string): CompiledRegex {
  return { ok: false, error };
}

function matcherOf(compiled: RE2JS): RegexMatcher {
  return {
    matches: (text) => compiled.matches(text),
    finds: (text) => compiled.test(text),
    groups: compiled.groupCount(),
    replaceAll: (text, rewrite) =>
      compiled
        .matcher(text)
        .replaceAll((...match: unknown[]) =>
          rewrite.replace(/\\([0-9\\])/g, (_, mark: string) =>
            mark === '\\' ? '\\' : String(match[Number(mark)] ?? ''),
          ),
        ),
  };
}

/** What is wrong with a rewrite; undefined when it can be used. */
export function rewriteError(rewrite: RegexRewrite, matcher: RegexMatcher): string | undefined {
  for (const [, mark] of rewrite.rewrite.matchAll(/\\(.?)/gs)) {
    if (mark === '\\') continue;
    if (mark === undefined || !/^[0-9]$/.test(mark)) return 'a backslash must be followed by a digit or a backslash';
    if (Number(mark) > matcher.groups) return `\\${mark} refers to a group that the expression does not have`;
  }
  return undefined;
}

/**
 * About how many instructions the text's repetitions expand to, found without compiling: `(…{1000}){9}` may be short but takes
 * a second to compile. Texts that are no RE2 get any number.
 */
function expandedSize(text: string): number {
  const outer: number[] = [];
  let group = 0;
  let last = 0;
  for (let index = 0; index < text.length; index++) {
    const rest = text[index]!;
    const repeat = rest === '{' ? /^\{(\d{1,5})(?:,(\d{0,5}))?\}/.exec(text.slice(index, index + 14)) : null;
    if (repeat !== null) {
      const times = Math.max(Number(repeat[1]), Number(repeat[2] ?? 0), 1);
      group += last * (times - 1);
      last *= times;
      index += repeat[0].length - 1;
    } else if (rest === '(') {
      outer.push(group);
      group = 0;
      last = 0;
    } else if (rest === ')') {
      last = group + 2;
      group = (outer.pop() ?? 0) + last;
    } else {
      if (rest === '\\') index++;
      else if (rest === '[') index = classEnd(text, index);
      last = 1;
      group++;
    }
  }
  return outer.reduce((sum, each) => sum + each, group);
}

/** The index of the bracket that closes the character class which opens at `start`. */
function classEnd(text: string, start: number): number {
  let index = start + 1;
  if (text[index] === '^') index++;
  if (text[index] === ']') index++;
  while (index < text.length && text[index] !== ']') index += text[index] === '\\' ? 2 : 1;
  return index;
}
