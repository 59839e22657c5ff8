import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { lstat, readdir, readFile, realpath } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { promisify } from 'node:util';
import { CpioArchive } from './cpio.js';
import type { KernelImage } from './images.js';
import { modulesInOrder } from './modules.js';

const run = promisify(execFile);

/** veth joins namespaces; the diag modules list and destroy sockets. */
const wantedModules = ['veth', 'tcp_diag', 'udp_diag'];

/** What is only read by people and compilers. */
const unneeded = /(\.d\.[cm]?ts|\.map|\.md|\.markdown|\.tsbuildinfo|\.a|\.gyp)$/;

/**
 * The first process of a guest. It says `init` on the second serial port as soon as it runs, so that the host can tell a kernel that
 * does not start from checks that fail, and powers off when the checks are over.
 */
const init = `#!/bin/busybox sh
export PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root NO_COLOR=1
/bin/busybox mkdir -p /proc /sys /dev /run /tmp /root
/bin/busybox mount -t devtmpfs dev /dev
/bin/busybox mount -t proc proc /proc
echo "weft {\\"kind\\":\\"init\\",\\"release\\":\\"$(/bin/busybox uname -r)\\"}" > /dev/ttyS1
/bin/busybox --install -s /bin
mount -t sysfs sys /sys
mkdir -p /dev/pts /dev/shm
mount -t devpts pts /dev/pts
mount -t tmpfs tmp /dev/shm
mount -t tmpfs tmp /run
mount -t tmpfs tmp /tmp
mount -t bpf bpf /sys/fs/bpf
mount -t cgroup2 cgroup2 /sys/fs/cgroup
mkdir -p /run/netns
hostname guest
ip link set lo up
for module in $(cat /lib/modules/$(uname -r)/order); do
  insmod /lib/modules/$(uname -r)/$module.ko || echo "module $module: refused"
done
ulimit -n 20000
cd /weft
WEFT_REPORT=/dev/ttyS1 node dist/test/kernels/guest.js < /dev/null
poweroff -f
`;

const accounts = {
  'etc/passwd': 'root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/false\n',
  'etc/group': 'root:x:0:\nnogroup:x:65534:\n',
  'etc/hosts': '127.0.0.1 localhost guest\n::1 localhost\n',
  'etc/nsswitch.conf': 'passwd: files\ngroup: files\nhosts: files\n',
};

/**
 * Writes one file system for all of `kernels` to `path`: busybox, ip, Node and Weft as built in `root`, without its development
 * dependencies. It is a plain cpio archive, because unpacking a compressed one takes an emulated processor longer than
 * QEMU takes to copy it.
 */
export async function writeInitramfs(path: string, root: string, kernels: readonly KernelImage[]): Promise<void> {
  const archive = new CpioArchive(path);
  await archive.characterDevice('dev/console', 5, 1);
  await archive.file('init', Buffer.from(init), 0o755);
  for (const [name, text] of Object.entries(accounts)) await archive.file(name, Buffer.from(text));

  await addProgram(archive, 'bin/busybox', await installed('busybox'));
  await addProgram(archive, 'usr/sbin/ip', await installed('ip'));
  await addProgram(archive, 'usr/bin/node', process.execPath);

  await archive.file('weft/package.json', await readFile(join(root, 'package.json')));
  await addTree(archive, join(root, 'dist'), 'weft/dist');
  for (const name of ['weft.node', 'weft-sockets'])
    await addProgram(archive, `weft/build/Release/${name}`, join(root, 'build', 'Release', name));
  for (const dependency of await productionDependencies(root)) {
    await addTree(archive, join(root, dependency), join('weft', dependency));
  }

  for (const kernel of kernels) {
    const directory = `lib/modules/${kernel.release}`;
    const modules = await modulesInOrder(kernel.modules, wantedModules);
    for (const module of modules) await archive.file(`${directory}/${module.name}.ko`, module.content);
    await archive.file(`${directory}/order`, Buffer.from(modules.map((module) => `${module.name}\n`).join('')));
  }
  await archive.close();
}

/** The path of a program of this machine. Throws when it is not installed. */
async function installed(name: string): Promise<string> {
  const directories = ['/usr/local/sbin', '/usr/local/bin', '/usr/sbin', '/usr/bin', '/sbin', '/bin'];
  const path = directories.map((directory) => join(directory, name)).find((candidate) => existsSync(candidate));
  if (path === undefined) throw new Error(`${name} is not installed`);
  return path;
}

/** Adds an executable or shared object and, at their own paths, the libraries it is linked with. */
async function addProgram(archive: CpioArchive, destination: string, source: string): Promise<void> {
  await archive.file(destination, await readFile(await realpath(source)), 0o755);
  for (const library of await librariesOf(source)) {
    await archive.file(library, await readFile(await realpath(library)), 0o755);
  }
}

async function librariesOf(path: string): Promise<readonly string[]> {
  const listing = await run('ldd', [path], { timeout: 30_000 }).catch((error: { stderr?: string; stdout?: string }) => {
    if (/not a dynamic executable|statically linked/.test(`${error.stdout}${error.stderr}`)) return { stdout: '' };
    throw error;
  });
  return parseLdd(listing.stdout, path);
}

/** The paths in the output of ldd(1). Throws when a library was not found. */
export function parseLdd(text: string, program: string): readonly string[] {
  const missing = /^\s*(\S+) => not found/m.exec(text);
  if (missing) throw new Error(`${program} needs ${missing[1]}, which is not installed`);
  return [...text.matchAll(/^\s*(?:\S+ => )?(\/\S+) \(0x/gm)].map((match) => match[1]!);
}

async function addTree(archive: CpioArchive, source: string, destination: string): Promise<void> {
  for (const found of await readdir(source, { recursive: true, withFileTypes: true })) {
    const path = join(found.parentPath, found.name);
    const inside = relative(source, path);
    if (!found.isFile() || unneeded.test(found.name) || inside.split('/').includes('node_modules')) continue;
    const { mode } = await lstat(path);
    await archive.file(join(destination, inside), await readFile(path), mode & 0o111 ? 0o755 : 0o644);
  }
}

/** Directories, relative to `root`, of the packages that package-lock.json does not mark as for development. */
async function productionDependencies(root: string): Promise<readonly string[]> {
  const lock = JSON.parse(await readFile(join(root, 'package-lock.json'), 'utf8')) as {
    packages: Record<string, { dev?: boolean }>;
  };
  return Object.entries(lock.packages)
    .filter(([path, { dev }]) => path !== '' && !dev && existsSync(join(root, path)))
    .map(([path]) => path);
}
