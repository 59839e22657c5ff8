import test from 'ava';
import fc from 'fast-check';
import { parseObject } from '../../agent/model/parse.js';
import { readManifest } from '../../agent/sources/manifest.js';
import { findings, origin, parsed, type Raw } from './objects.js';

/** PEM in form only: what is in it is nobody's business here. */
function pem(label: string, body = 'MIIB'): string {
  return `-----BEGIN ${label}-----\n${body}\n-----END ${label}-----\n`;
}

const chain = pem('CERTIFICATE') + pem('CERTIFICATE', 'MIIC');
const key = pem('EC PRIVATE KEY', 'c2VjcmV0');

function secret(data: Raw, type = 'kubernetes.io/tls', holder = 'data'): Raw {
  return { apiVersion: 'v1', kind: 'Secret', metadata: { name: 's', namespace: 'ns' }, type, [holder]: data };
}

test('Secret: certificates, keys and authorities are decoded', (t) => {
  const raw = secret({ 'tls.crt': btoa(chain), 'tls.key': btoa(key), 'ca.crt': btoa(chain), other: 'eA==' });
  t.deepEqual(findings(raw), []);
  const { certificate, key: decoded, ca } = parsed('Secret', raw);
  t.deepEqual([certificate, decoded, ca], [chain, key, chain]);
});

test('Secret: stringData is text, and comes before data', (t) => {
  const raw = {
    ...secret({ 'tls.crt': chain, 'tls.key': key }, 'Opaque', 'stringData'),
    data: { 'tls.crt': btoa(pem('CERTIFICATE', 'AAAA')), 'ca.crt': btoa(chain) },
  };
  const { certificate, key: text, ca } = parsed('Secret', raw);
  t.deepEqual([certificate, text, ca], [chain, key, chain]);
});

test('Secret: Istio’s names, and an authority alone', (t) => {
  const { certificate, ca } = parsed(
    'Secret',
    secret({ cert: btoa(chain), key: btoa(key), cacert: btoa(chain) }, 'Opaque'),
  );
  t.deepEqual([certificate, ca], [chain, chain]);
  const alone = parsed('Secret', secret({ 'ca.crt': btoa(chain) }, 'Opaque'));
  t.deepEqual([alone.certificate, alone.key, alone.ca], [undefined, undefined, chain]);
});

test('Secret: base64 may be wrapped', (t) => {
  const wrapped = btoa(chain).replace(/(.{20})/g, '$1\n');
  t.is(parsed('Secret', secret({ 'tls.crt': wrapped, 'tls.key': btoa(key) })).certificate, chain);
});

const cases: readonly (readonly [string, Raw, readonly string[]])[] = [
  ['nothing', secret({}), ['WEFT0208 error data["tls.crt"]', 'WEFT0208 error data["tls.key"]']],
  ['no key', secret({ 'tls.crt': btoa(chain) }), ['WEFT0208 error data["tls.key"]']],
  ['no base64', secret({ 'tls.crt': '-', 'tls.key': btoa(key) }), ['WEFT0221 error data["tls.crt"]']],
  ['no PEM', secret({ 'tls.crt': btoa('x'), 'tls.key': btoa(key) }), ['WEFT0221 error data["tls.crt"]']],
  [
    'a key as a certificate',
    secret({ 'tls.crt': btoa(key), 'tls.key': btoa(key) }),
    ['WEFT0221 error data["tls.crt"]'],
  ],
  [
    'a certificate as a key',
    secret({ 'tls.crt': btoa(chain), 'tls.key': btoa(chain) }),
    ['WEFT0221 error data["tls.key"]'],
  ],
  ['a number', secret({ 'tls.crt': 5, 'tls.key': btoa(key) }), ['WEFT0205 error data["tls.crt"]']],
  ['something else', secret({ password: 'eA==' }, 'Opaque'), []],
  ['a token', secret({ 'tls.crt': '-' }, 'kubernetes.io/service-account-token'), []],
];

for (const [title, raw, expected] of cases) {
  test(`Secret: ${title}`, (t) => {
    t.deepEqual(findings(raw), expected);
  });
}

test('Secret: data that is no mapping', (t) => {
  t.deepEqual(findings({ ...secret({}), data: 'hunter2' }), ['WEFT0205 error data']);
});

test('a file that is not JSON, or not YAML, is reported without what it holds', async (t) => {
  const texts = [
    '{"kind":"Secret","stringData":{"tls.key": hunter2}}',
    '{"stringData": {"tls.key": "x" hunter2}, "more": "than can be shown of the text around the place of the mistake"}',
    'kind: Secret\nstringData:\n  tls.key: "hunter2\n',
    'kind: Secret\nstringData:\n  tls.key: hunter2: hunter2\n',
  ];
  for (const text of texts) {
    const { problems } = await readManifest(text.startsWith('{') ? 'a.json' : 'a.yaml', text);
    t.is(problems[0]!.code, 'WEFT0101');
    t.notRegex(JSON.stringify(problems), /hunter2/);
  }
});

test('no problem shows what a Secret holds', (t) => {
  const names = fc.constantFrom('tls.crt', 'tls.key', 'ca.crt', 'cert', 'key', 'cacert', 'other');
  const value = fc.constantFrom('hunter2', btoa('hunter2'), btoa(pem('PRIVATE KEY', 'hunter2')), 'hunter2='.repeat(50));
  const data = fc.dictionary(names, value, { minKeys: 1 });
  const holder = fc.constantFrom('data', 'stringData', 'labels', 'Data');
  const hidden = /hunter2|aHVudGVyMg/;
  fc.assert(
    fc.property(data, holder, fc.constantFrom('kubernetes.io/tls', 'Opaque'), (entries, where, type) => {
      t.notRegex(JSON.stringify(parseObject(secret(entries, type, where), origin).findings), hidden);
    }),
    { numRuns: 300 },
  );
});
