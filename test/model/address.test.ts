import { isIPv4, isIPv6 } from 'node:net';
import test from 'ava';
import fc from 'fast-check';
import { canonicalAddress, specialAddress } from '../../agent/model/address.js';

const canonical: readonly (readonly [string, string | undefined])[] = [
  ['10.0.0.1', '10.0.0.1'],
  ['0.0.0.0', '0.0.0.0'],
  ['255.255.255.255', '255.255.255.255'],
  ['256.0.0.1', undefined],
  ['10.0.0.01', undefined],
  ['10.0.0', undefined],
  ['10.0.0.1.2', undefined],
  ['10..0.1', undefined],
  ['', undefined],
  ['::', '::'],
  ['::1', '::1'],
  ['2001:DB8:0:0:0:0:0:1', '2001:db8::1'],
  ['2001:db8:0:1:1:1:1:1', '2001:db8:0:1:1:1:1:1'],
  ['2001:0:0:1:0:0:0:1', '2001:0:0:1::1'],
  ['2001:db8:0:0:1:0:0:1', '2001:db8::1:0:0:1'],
  ['1::', '1::'],
  ['::ffff:10.0.0.1', '10.0.0.1'],
  ['::FFFF:0a00:0001', '10.0.0.1'],
  ['64:ff9b::10.0.0.1', '64:ff9b::a00:1'],
  ['fe80::1%eth0', undefined],
  ['1:2:3:4:5:6:7', undefined],
  ['1:2:3:4:5:6:7:8:9', undefined],
  ['1::2::3', undefined],
  ['12345::', undefined],
  [':1', undefined],
  ['1:2:3:4:5:6:7::', '1:2:3:4:5:6:7:0'],
];

for (const [text, expected] of canonical) {
  test(`the canonical form of ${JSON.stringify(text)}`, (t) => {
    t.is(canonicalAddress(text), expected);
  });
}

test('accepts what Node accepts, but no zone, and its form is its own form', (t) => {
  const text = fc.oneof(fc.ipV4(), fc.ipV6(), fc.stringMatching(/^[0-9a-f:.]{0,20}$/));
  fc.assert(
    fc.property(text, (address) => {
      const form = canonicalAddress(address);
      t.is(form !== undefined, isIPv4(address) || isIPv6(address), address);
      if (form === undefined) return;
      t.is(canonicalAddress(form), form);
      if (isIPv6(form)) t.is(form, new URL(`http://[${address}]`).hostname.slice(1, -1));
    }),
    { numRuns: 5_000 },
  );
});

test('special addresses', (t) => {
  const usable = [
    '10.0.0.1',
    '126.255.255.255',
    '128.0.0.1',
    '223.255.255.255',
    'fd00::1',
    '2001:db8::1',
    'ff::1',
    'fec0::1',
  ];
  const special = [
    '0.0.0.0',
    '127.0.0.1',
    '169.254.0.1',
    '224.0.0.1',
    '239.255.255.255',
    '255.255.255.255',
    '::',
    '::1',
    'fe80::1',
    'febf::1',
    'ff02::1',
  ];
  t.deepEqual(
    usable.filter((address) => specialAddress(address) !== undefined),
    [],
  );
  t.deepEqual(
    special.filter((address) => specialAddress(address) === undefined),
    [],
  );
});
