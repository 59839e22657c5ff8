import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Where the sources of the tests' BPF programs are, seen from the compiled test. */
const sources = new URL('../../../test/native/', import.meta.url);

/** Compiles `NAME.bpf.c` of this folder. Returns the ELF object's bytes. */
export function compile(name: string): Uint8Array {
  const directory = mkdtempSync(join(tmpdir(), 'weft-clang-'));
  try {
    const output = join(directory, `${name}.o`);
    // asm/types.h is in the multi-arch folder, which clang does not look into for target bpf.
    const multiarch = execFileSync('cc', ['-print-multiarch'], { encoding: 'utf8' }).trim();
    const flags = ['-O2', '-g', '-target', 'bpf', '-mcpu=v2', '-idirafter', `/usr/include/${multiarch}`];
    execFileSync('clang', [...flags, '-c', fileURLToPath(new URL(`${name}.bpf.c`, sources)), '-o', output]);
    return new Uint8Array(readFileSync(output));
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}
