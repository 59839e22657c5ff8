import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The repository, seen from the compiled test. */
const root = new URL('../../../', import.meta.url);

/** Compiles a BPF program of the repository, named by its path from the root, as the build does. Returns the ELF object's bytes. */
export function compileBpf(path: string): Uint8Array {
  const directory = mkdtempSync(join(tmpdir(), 'wefttest-clang-'));
  try {
    const output = join(directory, 'program.o');
    const include = `-I/usr/include/${process.arch === 'arm64' ? 'aarch64' : 'x86_64'}-linux-gnu`;
    const source = fileURLToPath(new URL(path, root));
    execFileSync('clang', ['-O2', '-g', '-Wall', '-target', 'bpf', '-mcpu=v3', include, '-c', source, '-o', output]);
    return new Uint8Array(readFileSync(output));
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}
