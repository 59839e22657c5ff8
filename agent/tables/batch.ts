/** Rows of one table on their way to a store: keys and values packed without gaps, growing by doubling. */
export class Batch {
  readonly keySize: number;
  readonly valueSize: number;
  #keys: Uint8Array;
  #values: Uint8Array;
  #keyView: DataView;
  #valueView: DataView;
  #count = 0;

  constructor(keySize: number, valueSize: number, room = 16) {
    this.keySize = keySize;
    this.valueSize = valueSize;
    this.#keys = new Uint8Array(keySize * room);
    this.#values = new Uint8Array(valueSize * room);
    this.#keyView = new DataView(this.#keys.buffer);
    this.#valueView = new DataView(this.#values.buffer);
  }

  get count(): number {
    return this.#count;
  }

  get keys(): Uint8Array {
    return this.#keys.subarray(0, this.#count * this.keySize);
  }

  get values(): Uint8Array {
    return this.#values.subarray(0, this.#count * this.valueSize);
  }

  /** Adds a row of zeros for `write` to fill: both views, and where the row starts in each. */
  add(write: (key: DataView, keyAt: number, value: DataView, valueAt: number) => void): void {
    const row = this.#grow(1);
    write(this.#keyView, row * this.keySize, this.#valueView, row * this.valueSize);
  }

  /** Adds `values.length / valueSize` rows of an array table from index `first` on. */
  addArray(first: number, values: Uint8Array): void {
    const rows = values.length / this.valueSize;
    const row = this.#grow(rows);
    for (let i = 0; i < rows; i++) this.#keyView.setUint32((row + i) * this.keySize, first + i, true);
    this.#values.set(values, row * this.valueSize);
  }

  addRow(key: Uint8Array, value: Uint8Array): void {
    const row = this.#grow(1);
    this.#keys.set(key, row * this.keySize);
    this.#values.set(value, row * this.valueSize);
  }

  #grow(rows: number): number {
    const first = this.#count;
    this.#count += rows;
    const room = this.#keys.length / this.keySize;
    if (this.#count > room) {
      const wanted = Math.max(this.#count, room * 2);
      const keys = new Uint8Array(wanted * this.keySize);
      const values = new Uint8Array(wanted * this.valueSize);
      keys.set(this.#keys);
      values.set(this.#values);
      this.#keys = keys;
      this.#values = values;
      this.#keyView = new DataView(keys.buffer);
      this.#valueView = new DataView(values.buffer);
    }
    return first;
  }
}
