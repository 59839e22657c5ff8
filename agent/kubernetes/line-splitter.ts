/** Cuts a stream of bytes at line feeds, wherever its chunks end. */
export class LineSplitter {
  readonly #mostBytes: number;
  /** Of the line whose end has not come yet. */
  #pieces: Buffer[] = [];
  #length = 0;

  /** `mostBytes` of a line, without its end. */
  constructor(mostBytes: number) {
    this.#mostBytes = mostBytes;
  }

  /**
   * The lines that `chunk` completes, without their ends, empty ones left out; they share its memory. Throws RangeError for one that is
   * too long.
   */
  *push(chunk: Buffer): Generator<Buffer> {
    let start = 0;
    for (let end = chunk.indexOf(lineFeed); end >= 0; end = chunk.indexOf(lineFeed, start)) {
      this.#keep(chunk.subarray(start, end));
      start = end + 1;
      if (this.#length > 0) yield this.#take();
    }
    this.#keep(chunk.subarray(start));
  }

  #keep(piece: Buffer): void {
    this.#length += piece.length;
    if (this.#length > this.#mostBytes) throw new RangeError(`a line is longer than ${this.#mostBytes} bytes`);
    if (piece.length > 0) this.#pieces.push(piece);
  }

  #take(): Buffer {
    const [first] = this.#pieces;
    const line = this.#pieces.length === 1 && first ? first : Buffer.concat(this.#pieces, this.#length);
    this.#pieces = [];
    this.#length = 0;
    return line;
  }
}

const lineFeed = 0x0a;
