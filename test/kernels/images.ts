import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** A kernel of the matrix, by the Debian release that carries it. */
export interface KernelSeries {
  /** What `--kernels` names: the release without its last part, or `7.x` for any of that major version. */
  readonly name: string;
  readonly suite: string;
  /** The suite of the security archive; sid has none. */
  readonly security?: string;
}

export const kernelSeries: readonly KernelSeries[] = [
  { name: '5.10', suite: 'bullseye', security: 'bullseye-security' },
  { name: '6.1', suite: 'bookworm', security: 'bookworm-security' },
  { name: '6.12', suite: 'trixie', security: 'trixie-security' },
  { name: '7.x', suite: 'sid' },
];

export interface KernelImage {
  readonly series: string;
  /** What `uname -r` says there. */
  readonly release: string;
  /** The compressed kernel. */
  readonly image: string;
  /** The directory of its modules, lib/modules/RELEASE. */
  readonly modules: string;
}

const metapackage = 'linux-image-cloud-amd64';
const keyring = '/usr/share/keyrings/debian-archive-keyring.gpg';
const minute = 60_000;

/**
 * The kernel of a series, downloaded and unpacked below `cache` when it is not there yet. The packages come from the
 * mirror that this machine's apt uses, by an apt configuration of its own: the machine's package lists and state
 * are neither used nor changed. Throws with what apt said when a suite cannot be had.
 */
export async function kernelImage(series: KernelSeries, cache: string): Promise<KernelImage> {
  const home = join(cache, series.name);
  const unpacked = join(home, 'root');
  if (!existsSync(unpacked)) {
    const draft = `${unpacked}.${process.pid}`;
    await rm(draft, { recursive: true, force: true });
    try {
      await download(series, join(home, `apt.${process.pid}`), draft);
      await rename(draft, unpacked);
    } finally {
      await rm(draft, { recursive: true, force: true });
      await rm(join(home, `apt.${process.pid}`), { recursive: true, force: true });
    }
  }
  return await locate(series.name, unpacked);
}

async function download(series: KernelSeries, apt: string, destination: string): Promise<void> {
  const environment = { ...process.env, APT_CONFIG: await configureApt(series, apt), LC_ALL: 'C' };
  const options = { cwd: apt, env: environment, timeout: 5 * minute, maxBuffer: 1 << 26 };
  await run('apt-get', ['update', '--error-on=any'], options);
  const packages = await imagePackages(metapackage, async (name) => {
    return (await run('apt-cache', ['depends', '--important', name], options)).stdout;
  });
  await run('apt-get', ['download', ...packages], options);
  await mkdir(destination, { recursive: true });
  for (const file of (await readdir(apt)).filter((name) => name.endsWith('.deb'))) {
    await run('dpkg-deb', ['-x', join(apt, file), destination], options);
  }
}

/** Writes sources and settings of a private apt into `directory`. Returns the path of the settings, for APT_CONFIG. */
async function configureApt(series: KernelSeries, directory: string): Promise<string> {
  await mkdir(join(directory, 'lists', 'partial'), { recursive: true });
  await mkdir(join(directory, 'archives', 'partial'), { recursive: true });
  const mirrors = mirrorsOf(
    (
      await run('apt-get', ['indextargets', '--format', '$(REPO_URI) $(RELEASE)', 'Created-By: Packages'], {
        timeout: minute,
      })
    ).stdout,
  );
  const signed = existsSync(keyring) ? `[arch=amd64 signed-by=${keyring}]` : '[arch=amd64]';
  const sources = [`deb ${signed} ${mirrors.main} ${series.suite} main`];
  if (series.security) sources.push(`deb ${signed} ${mirrors.security} ${series.security} main`);
  await writeFile(join(directory, 'sources.list'), `${sources.join('\n')}\n`);
  const settings = {
    'Dir::Etc::sourcelist': join(directory, 'sources.list'),
    'Dir::Etc::sourceparts': '-',
    'Dir::State': directory,
    'Dir::State::lists': join(directory, 'lists'),
    'Dir::State::status': '/dev/null',
    'Dir::Cache': directory,
    'Dir::Cache::archives': join(directory, 'archives'),
    'APT::Sandbox::User': 'root',
    'APT::Architecture': 'amd64',
    'Acquire::Retries': '3',
  };
  const path = join(directory, 'apt.conf');
  await writeFile(
    path,
    Object.entries(settings)
      .map(([name, value]) => `${name} "${value}";\n`)
      .join(''),
  );
  return path;
}

/**
 * The archives that apt is configured for, from lines `URI SUITE`: the one of the plain release, and the one of its security
 * updates (its usual neighbour, when none is configured). Throws when no Debian archive is configured.
 */
export function mirrorsOf(targets: string): { readonly main: string; readonly security: string } {
  const sources = targets
    .split('\n')
    .map((line) => line.trim().split(' '))
    .filter((fields) => fields.length === 2) as [string, string][];
  const archives = sources.filter(([uri]) => /\/debian(-security)?\/?$/.test(uri));
  const main = archives.find(([, suite]) => !suite.includes('-'))?.[0];
  if (main === undefined) throw new Error('apt has no Debian archive in its sources');
  const security = archives.find(([, suite]) => suite.endsWith('-security'))?.[0];
  return { main, security: security ?? main.replace(/\/debian\/?$/, '/debian-security') };
}

/**
 * The packages that hold a kernel's image and modules, found from `name` by following dependencies on other parts of it.
 * `depends` gives the text of `apt-cache depends` for a package.
 */
export async function imagePackages(
  name: string,
  depends: (name: string) => Promise<string>,
  seen: Set<string> = new Set(),
): Promise<readonly string[]> {
  seen.add(name);
  const text = await depends(name);
  for (const [, next] of text.matchAll(/Depends: (linux-(?:image|binary|modules)-\d\S*)/g)) {
    if (!seen.has(next!)) await imagePackages(next!, depends, seen);
  }
  return [...seen].filter((found) => found !== metapackage);
}

/** Debian keeps /lib and /boot in bullseye, /usr/lib since, and the image beside the modules in linux-binary packages. */
async function locate(series: string, root: string): Promise<KernelImage> {
  for (const parent of ['usr/lib/modules', 'lib/modules']) {
    const directory = join(root, parent);
    if (!existsSync(directory)) continue;
    for (const release of (await readdir(directory)).sort().reverse()) {
      if (!release.startsWith(`${series.replace(/\.x$/, '')}.`)) continue;
      const modules = join(directory, release);
      const image = [join(modules, 'vmlinuz'), join(root, 'boot', `vmlinuz-${release}`)].find((path) =>
        existsSync(path),
      );
      if (image !== undefined) return { series, release, image, modules };
    }
  }
  throw new Error(`the packages of ${series} hold no kernel ${series}: ${root}`);
}
