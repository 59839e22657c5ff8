import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { isIP } from 'node:net';
import { join } from 'node:path';

/** PEM texts. */
export interface Certificates {
  readonly authority: string;
  readonly certificate: string;
  readonly key: string;
}

const days = '30';
const curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1'];

/** A certificate authority and a certificate of a server at `hosts` (names and addresses), made in `folder` by openssl(1). Throws if openssl fails or is missing. */
export function makeCertificates(folder: string, hosts: readonly string[]): Certificates {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const openssl = (...words: readonly string[]): void => {
    execFileSync('openssl', words, { cwd: folder, stdio: 'pipe' });
  };
  const names = hosts.map((host) => `${isIP(host) ? 'IP' : 'DNS'}:${host}`).join(',');
  writeFileSync(join(folder, 'server.ext'), `subjectAltName=${names}\nextendedKeyUsage=serverAuth\n`);
  const authority = ['-x509', '-days', days, '-subj', '/CN=kubernetes', '-keyout', 'ca.key', '-out', 'ca.crt'];
  openssl('req', '-nodes', ...curve, ...authority);
  openssl(
    'req',
    '-nodes',
    ...curve,
    '-new',
    '-subj',
    '/CN=kube-apiserver',
    '-keyout',
    'server.key',
    '-out',
    'server.csr',
  );
  const signing = ['-CA', 'ca.crt', '-CAkey', 'ca.key', '-CAcreateserial', '-days', days, '-extfile', 'server.ext'];
  openssl('x509', '-req', '-in', 'server.csr', ...signing, '-out', 'server.crt');
  const read = (name: string): string => readFileSync(join(folder, name), 'utf8');
  return { authority: read('ca.crt'), certificate: read('server.crt'), key: read('server.key') };
}
