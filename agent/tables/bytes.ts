/** The bytes behind a view: offsets are the view's. */
export function bytesOf(view: DataView): Uint8Array {
  return new Uint8Array(view.buffer, view.byteOffset, view.byteLength);
}

export function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** The same bytes as a Buffer. */
export function bufferOf(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** The `index`th of packed keys or rows of `size` bytes as text, a character a byte. */
export function nameAt(packed: Buffer, size: number, index: number): string {
  return packed.toString('latin1', index * size, (index + 1) * size);
}

/** Zero-terminated UTF-8 in `size` bytes. */
export function readText(view: DataView, at: number, size: number): string {
  const bytes = bytesOf(view).subarray(at, at + size);
  const end = bytes.indexOf(0);
  return Buffer.from(end < 0 ? bytes : bytes.subarray(0, end)).toString('utf8');
}

/** Throws when the text and its terminator do not fit into `size` bytes: a cut name would be another's. */
export function writeText(text: string, view: DataView, at: number, size: number): void {
  const encoded = Buffer.from(text, 'utf8');
  if (encoded.length >= size) throw new RangeError(`a name of ${encoded.length} bytes does not fit into ${size}`);
  const bytes = bytesOf(view);
  bytes.set(encoded, at);
  bytes.fill(0, at + encoded.length, at + size);
}

/** Whether two byte strings are equal. */
export function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return Buffer.compare(a, b) === 0;
}

/** Bytes as a map key: two hex digits a byte. */
export function hexOf(bytes: Uint8Array): string {
  return bufferOf(bytes).toString('hex');
}
