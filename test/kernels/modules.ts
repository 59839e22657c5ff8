import { execFile } from 'node:child_process';
import { readdir, readFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { promisify } from 'node:util';
import { gunzipSync } from 'node:zlib';

const run = promisify(execFile);

/** A kernel module, decompressed. */
export interface KernelModule {
  readonly name: string;
  readonly content: Buffer;
}

/**
 * The modules `wanted` of a kernel and what they depend on, in an order in which each can be inserted. Names that the kernel has
 * built in, or does not have, are left out: whether a feature works is for the checks to find.
 */
export async function modulesInOrder(directory: string, wanted: readonly string[]): Promise<readonly KernelModule[]> {
  const files = new Map<string, string>();
  for (const path of await readdir(join(directory, 'kernel'), { recursive: true })) {
    if (/\.ko(\.xz|\.gz|\.zst)?$/.test(path)) files.set(moduleName(path), join(directory, 'kernel', path));
  }
  const ordered: KernelModule[] = [];
  const add = async (name: string): Promise<void> => {
    const file = files.get(name);
    if (file === undefined || ordered.some((module) => module.name === name)) return;
    const content = await decompressed(file);
    for (const dependency of dependencies(content)) await add(dependency);
    ordered.push({ name, content });
  };
  for (const name of wanted) await add(name);
  return ordered;
}

/** The names in a module's `depends=` entry (section .modinfo: strings that end with a zero byte). */
export function dependencies(module: Buffer): readonly string[] {
  const start = module.indexOf('\0depends=');
  if (start < 0) return [];
  const from = start + '\0depends='.length;
  const names = module.toString('latin1', from, module.indexOf(0, from));
  return names === '' ? [] : names.split(',').map(canonical);
}

function moduleName(path: string): string {
  return canonical(basename(path).replace(/\.ko(\.\w+)?$/, ''));
}

function canonical(name: string): string {
  return name.replaceAll('-', '_');
}

async function decompressed(file: string): Promise<Buffer> {
  if (file.endsWith('.ko')) return await readFile(file);
  if (file.endsWith('.gz')) return gunzipSync(await readFile(file));
  const tool = file.endsWith('.zst') ? 'zstd' : 'xz';
  const { stdout } = await run(tool, ['-dc', file], { encoding: 'buffer', maxBuffer: 1 << 26, timeout: 60_000 });
  return stdout;
}
