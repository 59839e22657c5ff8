import test from 'ava';
import { imagePackages, mirrorsOf } from './images.js';
import { parseLdd } from './initramfs.js';
import { dependencies } from './modules.js';
import { formatRecord, parseRecord } from './record.js';

test('a record survives the serial port, whatever its text holds', (t) => {
  const record = { kind: 'end', check: 'a "b"', outcome: 'failed', reason: 'line\nline\r\0', milliseconds: 3 } as const;
  const line = formatRecord(record);
  t.is(line.indexOf('\n'), line.length - 1);
  t.deepEqual(parseRecord(line.trimEnd()), record);
});

test('lines that are no record, or half of one, are passed over', (t) => {
  for (const line of ['', 'weft ', 'weft {"kind":"begin","che', 'weft {"kind":"other"}', '[ 1.0] weft']) {
    t.is(parseRecord(line), null, line);
  }
});

test('the mirrors are those of the plain release and of its security updates', (t) => {
  const targets = [
    'https://example.test/node nodistro',
    'http://example.test/debian/ bookworm-updates',
    'http://example.test/debian/ bookworm',
    'http://security.test/debian-security/ bookworm-security',
  ];
  t.deepEqual(mirrorsOf(targets.join('\n')), {
    main: 'http://example.test/debian/',
    security: 'http://security.test/debian-security/',
  });
  t.deepEqual(mirrorsOf('http://example.test/debian trixie\n'), {
    main: 'http://example.test/debian',
    security: 'http://example.test/debian-security',
  });
  t.throws(() => mirrorsOf(targets[0]!), { message: /no Debian archive/ });
});

test('the packages of a kernel are found through its metapackage, split or not', async (t) => {
  const depends: Record<string, string> = {
    'linux-image-cloud-amd64': '  Depends: linux-base-cloud-amd64\n  Depends: linux-image-7.2.1-cloud-amd64\n',
    'linux-image-7.2.1-cloud-amd64':
      '  PreDepends: linux-base\n |Depends: dracut\n  Depends: linux-base-7.2.1-cloud-amd64\n' +
      '  Depends: linux-binary-7.2.1-cloud-amd64\n  Depends: linux-modules-7.2.1-cloud-amd64\n',
    'linux-binary-7.2.1-cloud-amd64': '  Depends: linux-base-7.2.1-cloud-amd64\n',
    'linux-modules-7.2.1-cloud-amd64': '  Depends: kmod\n  Depends: linux-binary-7.2.1-cloud-amd64\n',
  };
  const found = await imagePackages('linux-image-cloud-amd64', async (name) => depends[name]!);
  t.deepEqual(found, [
    'linux-image-7.2.1-cloud-amd64',
    'linux-binary-7.2.1-cloud-amd64',
    'linux-modules-7.2.1-cloud-amd64',
  ]);
});

test('libraries are read from ldd, the loader included', (t) => {
  const text = [
    '\tlinux-vdso.so.1 (0x00007fff)',
    '\tlibbpf.so.1 => /lib/x86_64-linux-gnu/libbpf.so.1 (0x00007f1)',
    '\t/lib64/ld-linux-x86-64.so.2 (0x00007f2)',
  ].join('\n');
  t.deepEqual(parseLdd(text, 'ip'), ['/lib/x86_64-linux-gnu/libbpf.so.1', '/lib64/ld-linux-x86-64.so.2']);
  t.throws(() => parseLdd('\tlibelf.so.1 => not found\n', 'ip'), { message: /ip needs libelf.so.1/ });
});

test('dependencies of a module', (t) => {
  t.deepEqual(dependencies(Buffer.from('license=GPL\0depends=inet-diag,udp_tunnel\0name=x\0')), [
    'inet_diag',
    'udp_tunnel',
  ]);
  t.deepEqual(dependencies(Buffer.from('license=GPL\0depends=\0name=x\0')), []);
  t.deepEqual(dependencies(Buffer.from('license=GPL\0name=x\0')), []);
});
