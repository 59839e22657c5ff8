import { mkdir, mkdtemp, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { type KernelImage, type KernelSeries, kernelImage, kernelSeries } from './images.js';
import { writeInitramfs } from './initramfs.js';
import { boot, bootUntilInit } from './qemu.js';
import { checksThat, type KernelResult, renderResults, resultOfBoot, resultWithoutBoot } from './result.js';

const usage = `usage: node dist/test/kernels/run.js [--kernels ${kernelSeries.map(({ name }) => name).join(',')}] [--jobs N] [--keep]

Boots Debian kernels in QEMU and runs the guest's checks on each.
  --kernels LIST  which kernels; default: all
  --jobs N        guests at a time; default 2
  --keep          keep the guests' file system
`;

const bootAttempts = 4;
const limits = { bootLimit: 60_000, silenceLimit: 200_000, limit: 600_000 };

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      kernels: { type: 'string', default: kernelSeries.map(({ name }) => name).join(',') },
      jobs: { type: 'string', default: '2' },
      keep: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) {
    process.stdout.write(usage);
    return 0;
  }
  const names = values.kernels.split(',');
  const wanted = names.map((name) => kernelSeries.find((series) => series.name === name));
  const jobs = Number(values.jobs);
  if (wanted.includes(undefined) || !(jobs >= 1)) {
    process.stderr.write(usage);
    return 64;
  }

  const root = join(import.meta.dirname, '..', '..', '..');
  const out = join(root, 'out', 'kernels');
  await mkdir(out, { recursive: true });
  const workspace = await mkdtemp(join(out, 'run-'));
  try {
    const results = await runMatrix(wanted as KernelSeries[], { root, out, workspace, jobs });
    process.stdout.write(renderResults(results));
    return results.some((result) => checksThat('failed', result).length > 0) ? 1 : 0;
  } finally {
    if (values.keep) process.stderr.write(`kept: ${workspace}\n`);
    else await rm(workspace, { recursive: true, force: true });
  }
}

interface Places {
  /** The checkout. */
  readonly root: string;
  /** Holds the kernels, and the consoles of the last run. */
  readonly out: string;
  /** This run's own directory. */
  readonly workspace: string;
  readonly jobs: number;
}

/** One result for each of `wanted`, in their order. A kernel that cannot be had fails; the others still run. */
async function runMatrix(wanted: readonly KernelSeries[], places: Places): Promise<readonly KernelResult[]> {
  const results = new Map<string, KernelResult>();
  const kernels: KernelImage[] = [];
  for (const series of wanted) {
    try {
      kernels.push(await kernelImage(series, places.out));
    } catch (error) {
      results.set(series.name, resultWithoutBoot(series.name, `no kernel: ${(error as Error).message}`));
    }
  }
  const initramfs = join(places.workspace, 'initramfs.cpio');
  await writeInitramfs(initramfs, places.root, kernels);

  const waiting = [...kernels];
  const work = async (): Promise<void> => {
    for (let kernel = waiting.shift(); kernel !== undefined; kernel = waiting.shift()) {
      results.set(kernel.series, await runKernel(kernel, initramfs, places.out));
    }
  };
  await Promise.all(Array.from({ length: places.jobs }, work));
  return wanted.map(({ name }) => results.get(name)!);
}

async function runKernel(kernel: KernelImage, initramfs: string, out: string): Promise<KernelResult> {
  const console = join(out, `console-${kernel.series}.log`);
  const ended = await bootUntilInit(async () => {
    progress(`${kernel.series}: booting ${kernel.release}`);
    return await boot({ image: kernel.image, initramfs, console, ...limits });
  }, bootAttempts);
  progress(`${kernel.series}: ${ended.boot.end}`);
  return resultOfBoot(kernel, ended.boot, ended.attempts, await consoleTail(console));
}

async function consoleTail(path: string): Promise<string> {
  const text = await readFile(path, 'utf8').catch(() => '');
  return text.replaceAll('\r', '').trimEnd().split('\n').slice(-30).join('\n');
}

function progress(line: string): void {
  process.stderr.write(`${line}\n`);
}

for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1));
process.exitCode = await main();
