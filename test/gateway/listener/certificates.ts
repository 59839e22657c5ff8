import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export interface Certified {
  readonly certificate: string;
  readonly key: string;
}

/** An authority made for one test run, which signs certificates for names (`DNS:a`, `URI:b`). */
export class Authority implements Certified {
  readonly certificate: string;
  readonly key: string;
  readonly #folder: string = mkdtempSync(join(tmpdir(), 'weft-certificates-'));

  constructor() {
    this.#openssl('req', '-x509', '-nodes', ...curve, '-keyout', 'ca.key', '-out', 'ca.crt', '-subj', '/CN=authority');
    this.certificate = this.#read('ca.crt');
    this.key = this.#read('ca.key');
  }

  sign(...names: string[]): Certified {
    writeFileSync(join(this.#folder, 'names'), `subjectAltName=${names.join(',')}\n`);
    this.#openssl('req', '-nodes', ...curve, '-new', '-keyout', 'a.key', '-out', 'a.csr', '-subj', '/CN=leaf');
    const from = ['-in', 'a.csr', '-CA', 'ca.crt', '-CAkey', 'ca.key', '-CAcreateserial', '-extfile', 'names'];
    this.#openssl('x509', '-req', ...from, '-out', 'a.crt');
    return { certificate: this.#read('a.crt'), key: this.#read('a.key') };
  }

  remove(): void {
    rmSync(this.#folder, { recursive: true });
  }

  #openssl(...words: readonly string[]): void {
    execFileSync('openssl', words, { cwd: this.#folder, stdio: 'ignore' });
  }

  #read(name: string): string {
    return readFileSync(join(this.#folder, name), 'utf8');
  }
}

const curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1'];
