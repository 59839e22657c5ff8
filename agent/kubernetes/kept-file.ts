import { readFileSync } from 'node:fs';

/**
 * A file whose text changes: a token that kubelet rotates, a certificate that is renewed. While it cannot be read, or is empty, its
 * last text counts: it may be just about to be written.
 */
export class KeptFile {
  readonly path: string;
  #text: string | undefined;

  constructor(path: string) {
    this.path = path;
  }

  /** Without white space around it. Throws an error that names the file when there never was a text. */
  read(): string {
    try {
      this.#text = textOf(this.path);
    } catch (error) {
      if (this.#text === undefined) throw error;
    }
    return this.#text;
  }
}

function textOf(path: string): string {
  const text = readFileSync(path, 'utf8').trim();
  if (text === '') throw new Error(`${path} is empty`);
  return text;
}
