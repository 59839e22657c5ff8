/** Data goes to stdout. */
export function print(line: string): void {
  process.stdout.write(`${line}\n`);
}

/** Words go to stderr. */
export function say(line: string): void {
  process.stderr.write(`${line}\n`);
}

const codes = { bold: 1, red: 31, green: 32, yellow: 33, grey: 90 } as const;
export type Colour = keyof typeof codes;

/** NO_COLOR (no-color.org) and anything that is no terminal mean none. */
export function hasColour(stream: { readonly isTTY?: boolean } = process.stdout): boolean {
  return stream.isTTY === true && (process.env.NO_COLOR ?? '') === '' && process.env.TERM !== 'dumb';
}

export function paint(text: string, colour: Colour | undefined, enabled: boolean = hasColour()): string {
  return enabled && colour !== undefined ? `\u001b[${codes[colour]}m${text}\u001b[0m` : text;
}

/** Text that came from elsewhere, without characters that steer a terminal. */
export function plain(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is removed
  return text.replace(/[\u0000-\u001f\u007f-\u009f]/g, '\ufffd');
}
