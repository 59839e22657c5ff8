import { Batch } from './batch.js';

/** Rows `base` to `base + size - 1`. */
export interface Run {
  readonly base: number;
  readonly size: number;
}

/** The rows of an array table as they should be, from row 0 on. Takes memory up to the highest row that was asked for, and doubles. */
export class Mirror {
  readonly rowSize: number;
  #bytes: Uint8Array;
  #view: DataView;

  constructor(rowSize: number) {
    this.rowSize = rowSize;
    this.#bytes = new Uint8Array(64 * rowSize);
    this.#view = new DataView(this.#bytes.buffer);
  }

  /** The bytes of `count` rows from row `first` on. To be used before the next call: a later one may move the table. */
  rows(first: number, count: number): Uint8Array {
    this.#reach(first + count);
    return this.#bytes.subarray(first * this.rowSize, (first + count) * this.rowSize);
  }

  /** The bytes of the whole table, in which row `row` is; it starts at `row * rowSize`. As for `rows`, the next call may move it. */
  bytesTo(row: number): Uint8Array {
    this.#reach(row + 1);
    return this.#bytes;
  }

  /** A view of the whole table, in which row `row` is; it starts at `row * rowSize`. */
  viewTo(row: number): DataView {
    this.#reach(row + 1);
    return this.#view;
  }

  /** The rows of these runs. */
  batchOf(runs: readonly Run[]): Batch {
    let rows = 0;
    for (const { size } of runs) rows += size;
    const batch = new Batch(4, this.rowSize, rows);
    for (const { base, size } of runs) batch.addArray(base, this.rows(base, size));
    return batch;
  }

  #reach(rows: number): void {
    const size = rows * this.rowSize;
    if (size <= this.#bytes.length) return;
    const bytes = new Uint8Array(Math.max(size, this.#bytes.length * 2));
    bytes.set(this.#bytes);
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer);
  }
}
