/** One step of a story: the words after `> `, and the lines below it. */
export interface Step {
  readonly line: number;
  readonly words: readonly string[];
  readonly body: readonly string[];
}

/** A golden story: comments that say what it is about, then steps. */
export interface Script {
  readonly preface: readonly string[];
  readonly steps: readonly Step[];
}

/** Reads a story. A line that starts with `> ` begins a step; blank lines at the end of a step are no part of it. Throws when text stands before the first step that is no comment. */
export function readScript(text: string): Script {
  const preface: string[] = [];
  const steps: { line: number; words: readonly string[]; body: string[] }[] = [];
  for (const [index, line] of text.split('\n').entries()) {
    const step = steps.at(-1);
    if (line.startsWith('> ')) steps.push({ line: index + 1, words: line.slice(2).trim().split(/\s+/), body: [] });
    else if (step !== undefined) step.body.push(line);
    else if (line === '' || line.startsWith('#')) preface.push(line);
    else throw new Error(`line ${index + 1} belongs to no step: ${line}`);
  }
  for (const { body } of steps) while (body.at(-1) === '') body.pop();
  while (preface.at(-1) === '') preface.pop();
  return { preface, steps };
}

/** The text of a story; reading it gives the same story. Each step that shows something ends with a blank line. */
export function writeScript({ preface, steps }: Script): string {
  const lines = [...preface, ''];
  for (const { words, body } of steps) {
    lines.push(`> ${words.join(' ')}`, ...body);
    if (body.length > 0) lines.push('');
  }
  while (lines.at(-1) === '') lines.pop();
  return `${lines.join('\n')}\n`;
}
