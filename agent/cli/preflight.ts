import { accessSync, constants, existsSync, readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { arch, platform, release } from 'node:os';
import { type ListenAddress, showAddress } from '../api/address.js';
import { AddressTaken, listenTcp, whoListens } from '../api/socket.js';

/** One preflight check. `warning`: the agent runs all the same, with less. */
export interface Finding {
  readonly check: string;
  readonly state: 'ok' | 'warning' | 'failed';
  readonly found: string;
  /** What to do about it; empty when ok. */
  readonly fix: string;
}

function ok(check: string, found: string): Finding {
  return { check, state: 'ok', found, fix: '' };
}

function failed(check: string, found: string, fix: string): Finding {
  return { check, state: 'failed', found, fix };
}

function warning(check: string, found: string, fix: string): Finding {
  return { check, state: 'warning', found, fix };
}

interface Capability {
  readonly name: string;
  /** Bit of capabilities(7). */
  readonly bit: number;
  readonly needed: boolean;
  readonly for: string;
}

/** What an agent was measured to need, and no more. CAP_SYS_ADMIN stands for CAP_BPF and CAP_PERFMON too (capabilities(7)). */
const capabilities: readonly Capability[] = [
  {
    name: 'CAP_SYS_ADMIN',
    bit: 21,
    needed: true,
    for: 'loading programs, listing links of cgroups, entering network namespaces',
  },
  {
    name: 'CAP_NET_ADMIN',
    bit: 12,
    needed: true,
    for: 'ending sockets to backends that are gone, and the canary’s network namespace',
  },
  { name: 'CAP_SETGID', bit: 6, needed: false, for: 'HTTP rules: gateway workers become nobody' },
  { name: 'CAP_SETUID', bit: 7, needed: false, for: 'HTTP rules: gateway workers become nobody' },
  { name: 'CAP_SETPCAP', bit: 8, needed: false, for: 'HTTP rules: gateway workers give their capabilities up' },
  { name: 'CAP_KILL', bit: 5, needed: false, for: 'HTTP rules: ending gateway workers' },
  {
    name: 'CAP_SYS_PTRACE',
    bit: 19,
    needed: false,
    for: 'Pods of an API server: their network namespaces; ingress: taking ports over after the agent was killed',
  },
  { name: 'CAP_CHOWN', bit: 0, needed: false, for: '--api-group' },
  { name: 'CAP_NET_BIND_SERVICE', bit: 10, needed: false, for: '--api and --metrics on ports below 1024' },
];

/** Each capability against `CapEff:` of /proc/self/status (proc(5)). */
export function checkCapabilities(status: string): readonly Finding[] {
  const effective = BigInt(`0x${/^CapEff:\s*([0-9a-f]+)$/m.exec(status)?.[1] ?? '0'}`);
  return capabilities.map(({ name, bit, needed, for: purpose }) => {
    if ((effective >> BigInt(bit)) & 1n) return ok(name, 'held');
    const fix = `run as root, or give it ${name}: for ${purpose}`;
    return needed ? failed(name, 'missing', fix) : warning(name, 'missing', fix);
  });
}

/** `version`: as `uname -r` gives it. */
export function checkKernelVersion(version: string): Finding {
  const [major = 0, minor = 0] = version.split('.').map(Number.parseFloat);
  const recent = major > 5 || (major === 5 && minor >= 10);
  return recent ? ok('kernel', version) : failed('kernel', version, 'Linux 5.10 or newer is needed');
}

/** `version`: as process.version gives it. */
export function checkNodeVersion(version: string): Finding {
  const [major = 0, minor = 0] = version.slice(1).split('.').map(Number);
  const recent = major > 20 || (major === 20 && minor >= 19);
  return recent ? ok('node', version) : failed('node', version, 'Node 20.19 or newer is needed');
}

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}

function checkPlatform(): Finding {
  const found = `${platform()} ${arch()}`;
  return platform() === 'linux' ? ok('system', found) : failed('system', found, 'the agent runs on Linux only');
}

function messageOf(error: unknown): string {
  return (error as Error).message.split('\n')[0]!;
}

/** The addon, then what loading needs of the kernel: bpf(2) itself, a ring buffer, socket storage, and the optional abilities. */
async function checkKernel(): Promise<readonly Finding[]> {
  const [{ native }, { features }, { tryPrograms }] = await Promise.all([
    import('../kernel/native.js'),
    import('../kernel/probe.js'),
    import('./trial-load.js'),
  ]);
  try {
    native();
  } catch (error) {
    return [failed('addon', messageOf(error), 'build it: npm run build')];
  }
  const found = [ok('addon', 'built')];
  try {
    const loaded = tryPrograms();
    found.push(
      ok('programs', `${loaded.programs} programs and ${loaded.maps} maps load, ring buffer and socket storage too`),
    );
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    const fix =
      code === 'EPERM'
        ? 'be root; in a container allow bpf(2) in its seccomp profile'
        : code === 'ENOENT'
          ? 'build them: npm run build'
          : 'the kernel needs CONFIG_BPF_SYSCALL, CONFIG_CGROUP_BPF and CONFIG_BPF_JIT';
    return [...found, failed('programs', messageOf(error), fix)];
  }
  const { setRetval, netnsCookie } = features();
  found.push(
    setRetval
      ? ok('refusals', 'exact errors (bpf_set_retval)')
      : warning('refusals', 'by a port that refuses', 'Linux 5.18 gives refused clients the exact error'),
    netnsCookie
      ? ok('namespaces', 'cookies by SO_NETNS_COOKIE')
      : warning('namespaces', 'cookies by a probe', 'Linux 5.14 tells them directly'),
  );
  return found;
}

async function checkCgroup(): Promise<Finding> {
  const { cgroupRoot } = await import('../kernel/cgroups.js');
  const root = existsSync('/proc/self/mountinfo') ? cgroupRoot() : undefined;
  const fix = 'mount -t cgroup2 none /sys/fs/cgroup';
  return root === undefined ? failed('cgroup2', 'not mounted', fix) : ok('cgroup2', root);
}

function checkBpffs(): Finding {
  if (!/\bbpf$/m.test(read('/proc/filesystems')))
    return failed('bpffs', 'not in this kernel', 'the kernel needs CONFIG_BPF_SYSCALL');
  const mount = / - bpf /.test(read('/proc/self/mountinfo'));
  return mount
    ? ok('bpffs', 'mounted')
    : warning('bpffs', 'not mounted', 'the agent mounts it; or: mount -t bpf bpf /sys/fs/bpf');
}

function checkJit(): Finding {
  const value = read('/proc/sys/net/core/bpf_jit_enable').trim();
  return value === '0'
    ? warning('bpf jit', 'off', 'sysctl net.core.bpf_jit_enable=1')
    : ok('bpf jit', value === '' ? 'unknown' : 'on');
}

function checkNamespaces(): Finding {
  try {
    accessSync('/run/netns', constants.R_OK);
    return ok('/run/netns', 'there');
  } catch {
    return warning(
      '/run/netns',
      'not there',
      'it appears with the first `ip netns add NAME`; Pods name their namespace in it',
    );
  }
}

async function checkPin(pin: string): Promise<Finding> {
  const { isLocked } = await import('../kernel/pins.js');
  try {
    if (isLocked(pin))
      return warning('pins', `an agent runs on ${pin}`, 'that one is enough; for a second one choose another --pin');
    return ok('pins', existsSync(pin) ? `${pin} is left by an earlier agent and will be taken over` : `${pin} is free`);
  } catch (error) {
    return warning('pins', messageOf(error), 'be root');
  }
}

async function checkSocket(path: string): Promise<Finding> {
  const state = await whoListens(path);
  return state === 'alive'
    ? warning('api', `something answers on unix:${path}`, 'an agent runs already; or choose another --api')
    : ok('api', `unix:${path} is free`);
}

async function checkPort(check: string, address: ListenAddress & { type: 'tcp' }): Promise<Finding> {
  const server = createServer();
  try {
    await listenTcp(server, address.host, address.port);
    return ok(check, `${showAddress(address)} is free`);
  } catch (error) {
    const fix = `stop what uses it, or choose another --${check}`;
    return (error instanceof AddressTaken ? warning : failed)(check, messageOf(error), fix);
  } finally {
    server.close();
  }
}

export interface Places {
  readonly pin: string;
  readonly api: ListenAddress;
  readonly metrics: ListenAddress & { readonly type: 'tcp' };
}

/** All checks, in the order in which an agent would fail. Changes nothing. */
export async function preflight(places: Places): Promise<readonly Finding[]> {
  const general = [checkPlatform(), checkNodeVersion(process.version)];
  if (platform() !== 'linux') return general;
  const { api, metrics, pin } = places;
  return [
    ...general,
    checkKernelVersion(release()),
    ...checkCapabilities(read('/proc/self/status')),
    ...(await checkKernel()),
    checkJit(),
    await checkCgroup(),
    checkBpffs(),
    checkNamespaces(),
    await checkPin(pin),
    api.type === 'unix' ? await checkSocket(api.path) : await checkPort('api', api),
    await checkPort('metrics', metrics),
  ];
}
