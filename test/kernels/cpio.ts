import { once } from 'node:events';
import { createWriteStream, type WriteStream } from 'node:fs';
import { posix } from 'node:path';

const directory = 0o040000;
const regular = 0o100000;
const symbolic = 0o120000;
const character = 0o020000;

/**
 * A cpio archive in the `newc` form, as the kernel unpacks it into its root file system
 * (Documentation/driver-api/early-userspace/buffer-format.rst). Everything belongs to root; parent
 * directories are made as they are needed. A path that was added is not added again.
 */
export class CpioArchive {
  readonly #stream: WriteStream;
  readonly #seen = new Set<string>(['.']);
  #inode = 1;

  constructor(path: string) {
    this.#stream = createWriteStream(path);
  }

  async directory(path: string): Promise<void> {
    await this.#entry(path, directory | 0o755, Buffer.alloc(0));
  }

  async file(path: string, content: Buffer, mode = 0o644): Promise<void> {
    await this.#entry(path, regular | mode, content);
  }

  async symlink(path: string, target: string): Promise<void> {
    await this.#entry(path, symbolic | 0o777, Buffer.from(target));
  }

  async characterDevice(path: string, major: number, minor: number): Promise<void> {
    await this.#entry(path, character | 0o600, Buffer.alloc(0), major, minor);
  }

  /** Writes the trailer. Resolves when the file is complete. */
  async close(): Promise<void> {
    await this.#write(entry('TRAILER!!!', 0, 0, Buffer.alloc(0), 0, 0));
    this.#stream.end();
    await once(this.#stream, 'close');
  }

  async #entry(path: string, mode: number, content: Buffer, major = 0, minor = 0): Promise<void> {
    const name = posix.normalize(path).replace(/^\/+|\/+$/g, '');
    if (this.#seen.has(name) || name === '') return;
    const parent = posix.dirname(name);
    if (!this.#seen.has(parent)) await this.directory(parent);
    this.#seen.add(name);
    await this.#write(entry(name, this.#inode++, mode, content, major, minor));
  }

  async #write(bytes: Buffer): Promise<void> {
    if (!this.#stream.write(bytes)) await once(this.#stream, 'drain');
  }
}

function entry(name: string, inode: number, mode: number, content: Buffer, major: number, minor: number): Buffer {
  const fields = [inode, mode, 0, 0, 1, 0, content.length, 0, 0, major, minor, Buffer.byteLength(name) + 1, 0];
  const header = `070701${fields.map((field) => field.toString(16).padStart(8, '0')).join('')}${name}\0`;
  return Buffer.concat([padded(Buffer.from(header)), padded(content)]);
}

function padded(bytes: Buffer): Buffer {
  const rest = bytes.length % 4;
  return rest === 0 ? bytes : Buffer.concat([bytes, Buffer.alloc(4 - rest)]);
}
