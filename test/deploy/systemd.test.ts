import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { resolveConfig } from '../../agent/config.js';
import { checkout } from '../../deploy/render/chart.js';

const unit = readFileSync(join(checkout, 'deploy/systemd/weft.service'), 'utf8');
const helpers = readFileSync(join(checkout, 'deploy/helm/weft/templates/_agent.tpl'), 'utf8');

/** Values of a setting, in the order of its lines. */
const valuesOf = (name: string): readonly string[] =>
  [...unit.matchAll(new RegExp(`^${name}=(.*)$`, 'gm'))].map((match) => match[1]!);

test('the unit has the capabilities that the chart has', (t) => {
  const list = /^ {2}add:\n((?: {4}- \w+\n)+)/m.exec(helpers)![1]!;
  const ofChart = [...list.matchAll(/- (\w+)/g)].map((match) => `CAP_${match[1]}`);
  t.deepEqual(valuesOf('CapabilityBoundingSet'), [ofChart.sort().join(' ')]);
});

test('workers outlive an agent that was killed, and the next agent is started', (t) => {
  t.deepEqual(valuesOf('KillMode'), ['process']);
  t.deepEqual(valuesOf('Restart'), ['always']);
  t.deepEqual(valuesOf('RuntimeDirectoryPreserve'), ['yes']);
});

test('nothing hides what an agent needs', (t) => {
  const hiding = ['ProtectControlGroups', 'ProtectKernelTunables', 'PrivateNetwork', 'PrivateUsers', 'ProtectProc'];
  for (const name of [...hiding, 'MemoryDenyWriteExecute']) t.deepEqual(valuesOf(name), [], name);
  t.deepEqual(valuesOf('RestrictNamespaces'), ['net']);
  const families = valuesOf('RestrictAddressFamilies')[0]!.split(' ');
  t.deepEqual(families.sort(), ['AF_INET', 'AF_INET6', 'AF_NETLINK', 'AF_UNIX']);
  t.deepEqual(valuesOf('ReadWritePaths'), ['/sys/fs/bpf /sys/fs/cgroup']);
});

test('weft run understands the options beside the unit', (t) => {
  const name = '/etc/weft/weft.yaml';
  t.deepEqual(valuesOf('ExecStart'), [`/usr/local/bin/weft run --config ${name}`]);
  const text = readFileSync(join(checkout, 'deploy/systemd/weft.yaml'), 'utf8');
  const around = { hostname: 'host', processors: 1, directory: '/', cgroup: '/sys/fs/cgroup', group: () => undefined };
  const { config, mistakes } = resolveConfig({}, { name, text }, around);
  t.deepEqual(mistakes, []);
  t.deepEqual(config?.manifests, ['/etc/weft/manifests']);
});

const hasSystemd = spawnSync('systemd-analyze', ['--version']).status === 0;
const verify = hasSystemd || process.env.WEFT_REQUIRE_KERNEL === '1' ? test : test.skip;

verify(`systemd has nothing against the unit${hasSystemd ? '' : ' [skipped: no systemd-analyze]'}`, (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'weft-unit-'));
  t.teardown(() => rmSync(folder, { recursive: true }));
  const check = (text: string): string => {
    const file = join(folder, 'weft.service');
    writeFileSync(file, text.replaceAll('/usr/local/bin/weft', process.execPath));
    const { status, stderr, error } = spawnSync('systemd-analyze', ['verify', file], { encoding: 'utf8' });
    return error ? error.message : `${status} ${stderr}`.trim();
  };
  t.is(check(unit), '0');
  t.regex(check(unit.replace('Restart=always', 'Restart=forever')), /forever/);
  t.regex(check(unit.replace('KillMode', 'KillMod')), /KillMod/);
});

/** System calls of a set of systemd's and of the sets in it. */
function callsOf(set: string): readonly string[] {
  const { stdout } = spawnSync('systemd-analyze', ['syscall-filter', set], { encoding: 'utf8' });
  const words = stdout
    .split('\n')
    .slice(1)
    .map((line) => line.trim());
  const named = words.filter((word) => word !== '' && !word.startsWith('#'));
  return named.flatMap((word) => (word.startsWith('@') ? callsOf(word) : [word]));
}

verify(
  'the unit allows every system call that the container’s profile allows, in which agents were seen to work',
  (t) => {
    const allowed = new Set(
      valuesOf('SystemCallFilter')[0]!
        .split(' ')
        .flatMap((word) => (word.startsWith('@') ? callsOf(word) : [word])),
    );
    t.true(allowed.has('openat') && !allowed.has('ptrace') && !allowed.has('mount'));
    const profile = JSON.parse(readFileSync(join(checkout, 'deploy/seccomp/weft.json'), 'utf8')) as {
      readonly syscalls: readonly { readonly names: readonly string[] }[];
    };
    const names = profile.syscalls.flatMap((each) => each.names);
    t.deepEqual(
      names.filter((name) => !allowed.has(name)),
      [],
    );
    t.is(new Set(names).size, names.length, 'none twice');
  },
);
