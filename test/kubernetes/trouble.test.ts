import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { systemClock } from '../../agent/clock.js';
import { ApiError } from '../../agent/kubernetes/api.js';
import { openClient } from '../../agent/kubernetes/client.js';
import { CredentialsError } from '../../agent/kubernetes/credentials.js';
import { oneLine, systemTrouble } from '../../agent/kubernetes/trouble.js';
import type { Certified } from '../gateway/listener/certificates.js';
import { ApiServer, authorityPem, credentialsOf, fixedCredentials, nobody } from './api-server.js';

/** A certificate for 127.0.0.1 that is its own authority, and valid between two times (`YYYYMMDDHHMMSSZ`). */
function selfSigned(t: ExecutionContext, from: string, until: string): Certified {
  const folder = mkdtempSync(join(tmpdir(), 'weft-self-signed-'));
  t.teardown(() => rmSync(folder, { recursive: true }));
  const openssl = (...words: readonly string[]) => execFileSync('openssl', words, { cwd: folder, stdio: 'ignore' });
  writeFileSync(join(folder, 'index'), '');
  writeFileSync(join(folder, 'names'), 'subjectAltName=IP:127.0.0.1\n');
  const [settings, policy] = ['[ca]\ndefault_ca=d\n', '[p]\ncommonName=supplied\n'];
  const own = 'database=index\nnew_certs_dir=.\nrand_serial=yes\ndefault_md=sha256\npolicy=p\n';
  writeFileSync(join(folder, 'ca'), `${settings}[d]\n${own}${policy}`);
  const curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1'];
  openssl('req', '-new', '-nodes', ...curve, '-keyout', 'key', '-out', 'request', '-subj', '/CN=itself');
  const dates = ['-startdate', from, '-enddate', until];
  const signed = ['-selfsign', '-keyfile', 'key', '-in', 'request', '-out', 'certificate', '-notext'];
  openssl('ca', '-batch', '-config', 'ca', ...signed, ...dates, '-extfile', 'names');
  return {
    certificate: readFileSync(join(folder, 'certificate'), 'utf8'),
    key: readFileSync(join(folder, 'key'), 'utf8'),
  };
}

async function troubleOf(t: ExecutionContext, url: string, authority: string = authorityPem): Promise<ApiError> {
  const client = openClient(
    credentialsOf(url, async () => ({ ...nobody, authority })),
    systemClock,
  );
  const call = client.call({ method: 'GET', path: '/version' });
  const stream = client.lines({ method: 'GET', path: '/version' }, 1_000);
  const error = (await t.throwsAsync(call, { instanceOf: ApiError }))!;
  t.is((await t.throwsAsync(stream, { instanceOf: ApiError }))!.reason, error.reason);
  t.is(error.status, 0);
  t.true(error.message.startsWith(`${url}: `), error.message);
  return error;
}

const answer = () => {};

test('nothing listens', async (t) => {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  const { message, reason } = await troubleOf(t, `https://127.0.0.1:${port}`);
  t.is(reason, 'ECONNREFUSED');
  t.regex(message, /nothing listens there: is the API server up, and its address right\?/);
});

test('a name that nobody knows', async (t) => {
  const { message, reason } = await troubleOf(t, 'https://weft.invalid:6443');
  t.true(['ENOTFOUND', 'EAI_AGAIN'].includes(reason), reason);
  t.regex(message, /resolver/);
});

test('a certificate that has expired, and one that is not valid yet', async (t) => {
  for (const [from, until, code, words] of [
    ['20200101000000Z', '20200102000000Z', 'CERT_HAS_EXPIRED', /has expired: renew it/],
    ['20990101000000Z', '20990102000000Z', 'CERT_NOT_YET_VALID', /not valid yet: is this machine's clock right/],
  ] as const) {
    const { certificate, key } = selfSigned(t, from, until);
    const server = await ApiServer.start(t, answer, { cert: certificate, key });
    const { message, reason } = await troubleOf(t, server.url, certificate);
    t.is(reason, code);
    t.regex(message, words);
  }
});

test('a certificate that nobody signed, and one that a stranger did', async (t) => {
  const own = selfSigned(t, '20200101000000Z', '20990101000000Z');
  const server = await ApiServer.start(t, answer, { cert: own.certificate, key: own.key });
  const { message, reason } = await troubleOf(t, server.url);
  t.is(reason, 'DEPTH_ZERO_SELF_SIGNED_CERT');
  t.regex(message, /is signed by itself: give that certificate, or its authority, as certificate-authority/);

  const strange = await ApiServer.start(t, answer);
  const other = await troubleOf(t, strange.url, own.certificate);
  t.is(other.reason, 'UNABLE_TO_VERIFY_LEAF_SIGNATURE');
  t.regex(other.message, /is not trusted: give the cluster's own as certificate-authority/);
});

test('a server that does not speak TLS', async (t) => {
  const server = createServer((socket) => {
    socket.on('error', () => {});
    socket.end('HTTP/1.1 400 Bad Request\r\n\r\n');
  }).listen(0, '127.0.0.1');
  t.teardown(() => server.close());
  await once(server, 'listening');
  const { message } = await troubleOf(t, `https://127.0.0.1:${(server.address() as AddressInfo).port}`);
  t.regex(message, /does not speak TLS|the connection was cut/);
});

test('certificates that are none are an error, not a crash', async (t) => {
  const broken = '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----';
  const access = { ...nobody, certificate: broken, key: broken };
  const client = openClient(
    credentialsOf('https://127.0.0.1:1', async () => access),
    systemClock,
  );
  const error = await t.throwsAsync(client.call({ method: 'GET', path: '/' }), { instanceOf: ApiError });
  t.is(error!.status, 0);
  t.regex(error!.reason, /^ERR_OSSL_/);
});

test('a token that is no header is an error, and is not told', async (t) => {
  const client = openClient(
    credentialsOf('https://127.0.0.1:1', async () => ({ ...nobody, token: 'secret\nsecret' })),
    systemClock,
  );
  const error = await t.throwsAsync(client.call({ method: 'GET', path: '/' }), { instanceOf: ApiError });
  t.is(error!.reason, 'ERR_INVALID_CHAR');
  t.notRegex(error!.message, /secret/);
});

test('credentials that cannot be had are an error of the call', async (t) => {
  const client = openClient(
    credentialsOf('https://127.0.0.1:1', () => Promise.reject(new CredentialsError('the token is gone'))),
    systemClock,
  );
  const error = await t.throwsAsync(client.call({ method: 'GET', path: '/' }), { instanceOf: ApiError });
  t.deepEqual([error!.status, error!.reason, error!.message], [0, 'Credentials', 'the token is gone']);
});

test('the name of a server has its port', (t) => {
  const nameOf = (url: string) => openClient(fixedCredentials(url), systemClock).server;
  t.is(nameOf('https://a'), 'https://a:443');
  t.is(nameOf('https://a:6443/b'), 'https://a:6443');
  t.is(nameOf('https://[::1]:1'), 'https://[::1]:1');
});

test('an error that has no remedy is told as it is, on one line', (t) => {
  const strange = Object.assign(new Error('a\nb'), { code: 'ESTRANGE' });
  t.like(systemTrouble('https://a:1', strange), { message: 'https://a:1: a b', reason: 'ESTRANGE', status: 0 });
  const refused = Object.assign(new AggregateError([]), { code: 'ECONNREFUSED' });
  t.regex(systemTrouble('https://a:1', refused).message, /nothing listens there.*\(ECONNREFUSED\)$/);
});

test('a text for a row has no ends of lines and is bounded', (t) => {
  t.is(oneLine(' a\r\n\tb\u001b[1mc\u0085 ', 100), 'a b [1mc');
  t.is(oneLine('abcdef', 4), 'abc…');
  t.is(oneLine('abcd', 4), 'abcd');
});
