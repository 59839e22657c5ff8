import { execFileSync } from 'node:child_process';
import { pbkdf2, randomBytes } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { connect, createServer } from 'node:net';
import { promisify } from 'node:util';
import { Worker } from 'node:worker_threads';
import { native } from '../../agent/kernel/native.js';

/** `lockdown-child.js`: with all kinds of threads running, locks itself down and prints what it then is, and what it can and cannot do, as JSON. */
const asked = ['Uid', 'Gid', 'Groups', 'CapInh', 'CapPrm', 'CapEff', 'CapAmb', 'NoNewPrivs', 'Seccomp'];

function codeOf(attempt: () => unknown): string {
  try {
    attempt();
    return 'allowed';
  } catch (error) {
    return (error as NodeJS.ErrnoException).code ?? String(error);
  }
}

/** The threads' states, each once. */
function states(): readonly (readonly string[])[] {
  const threads = readdirSync('/proc/self/task').map((thread) =>
    readFileSync(`/proc/self/task/${thread}/status`, 'utf8')
      .split('\n')
      .filter((line) => asked.includes(line.split(':')[0]!))
      .map((line) => line.replace(/\s+/g, ' ').trim()),
  );
  return [...new Set(threads.map((lines) => lines.join('\n')))].map((text) => text.split('\n'));
}

/** A request over loopback, on the sockets of a process that is locked down. */
function greet(): Promise<string> {
  return new Promise((resolve, reject) => {
    const server = createServer((socket) => socket.end('hello')).listen(0, '127.0.0.1', () => {
      const { port } = server.address() as { port: number };
      connect(port, '127.0.0.1')
        .on('data', (data) => resolve(data.toString()))
        .on('error', reject)
        .on('close', () => server.close());
    });
  });
}

const derive = promisify(pbkdf2);
const busy = new Worker('setInterval(() => undefined, 10)', { eval: true });
await Promise.all([1, 2, 3, 4].map(() => readFile('/proc/self/stat')));
const threads = readdirSync('/proc/self/task').length;
native().lockDown({ uid: 65534, gid: 65534 });
const found = {
  threads,
  states: states(),
  execve: codeOf(() => execFileSync('/bin/true')),
  setns: codeOf(() => native().enterNetwork('/proc/self/ns/net')),
  unshare: codeOf(() => native().unshareNetwork()),
  bpf: codeOf(() => native().openMapById(1)),
  root: codeOf(() => readFileSync('/etc/shadow')),
  twice: codeOf(() => native().lockDown({ uid: 65534, gid: 65534 })),
  // Threads of later, and the pool's, work on.
  derived: (await derive('a', randomBytes(8), 1000, 32, 'sha256')).length,
  started: await new Promise((resolve) => {
    new Worker('require("worker_threads").parentPort.postMessage(1)', { eval: true }).on('message', resolve);
  }),
  greeting: await greet(),
  later: states(),
};
await busy.terminate();
process.stdout.write(JSON.stringify(found));
