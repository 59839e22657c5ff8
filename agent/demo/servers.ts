import type { ChildProcess } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Clock } from '../clock.js';
import { type CastPod, podPort } from './cast.js';
import { exited, launch } from './command.js';
import { makeContainer } from './containers.js';
import { listening } from './listening.js';
import { staticManifests } from './manifests.js';
import type { Mood } from './mood.js';
import { netnsOf, type Run } from './run.js';

const temporaryPaths = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'];
const catalogServer = join(dirname(fileURLToPath(import.meta.url)), 'catalog-server.js');
/** Debian's own, which Debian's packages are for; another python3 may come first in PATH. */
export const python = '/usr/bin/python3';

/** An nginx of one process that answers everything with the pod's name. Paths are relative to its prefix. */
export function nginxConfiguration(pod: CastPod, ipv6: boolean): string {
  const body = JSON.stringify({ id: 1, service: pod.service, pod: pod.name });
  return `daemon off;
master_process off;
pid nginx.pid;
error_log error.log warn;
events { worker_connections 2048; }
http {
  access_log off;
  keepalive_timeout 0;
${temporaryPaths.map((name) => `  ${name}_temp_path ${name};`).join('\n')}
  server {
    listen ${podPort} backlog=1024;
${ipv6 ? `    listen [::]:${podPort} backlog=1024 ipv6only=on;\n` : ''}    default_type application/json;
    add_header X-Served-By ${pod.name};
    location / { return 200 '${body}\\n'; }
  }
}
`;
}

/** How a pod's server is started. */
interface Program {
  /** What it is, for people. */
  readonly name: string;
  readonly argv: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  readonly ipv6: boolean;
}

/** nginx for order-service, Flask for user-service, a server with a {@link Mood} for catalog. */
function programOf(demo: Run, pod: CastPod, ipv6: boolean): Program {
  switch (pod.service) {
    case 'catalog':
      return { name: 'node', argv: [process.execPath, catalogServer, pod.name, String(podPort)], ipv6: false };
    case 'user-service':
      return {
        name: 'flask',
        argv: [python, '-B', '-m', 'flask', 'run', '-h', '0.0.0.0', '-p', String(podPort)],
        environment: { FLASK_APP: join(staticManifests, 'named.py'), FLASK_SKIP_DOTENV: '1', POD_NAME: pod.name },
        ipv6: false,
      };
    default: {
      const prefix = join(demo.folder, pod.name);
      mkdirSync(prefix, { recursive: true });
      writeFileSync(join(prefix, 'nginx.conf'), nginxConfiguration(pod, ipv6));
      return { name: 'nginx', argv: ['nginx', '-p', prefix, '-c', 'nginx.conf', '-e', 'error.log'], ipv6 };
    }
  }
}

/** A running server. */
export interface Server {
  readonly pid: number;
  /** Of catalog alone: how it answers from now on. */
  feel(mood: Mood): void;
  /** Kills it with SIGKILL; resolves when it is gone. */
  kill(): Promise<void>;
}

/** Starts the pod's server in its namespace. Resolves when it accepts connections. */
export async function startServer(demo: Run, pod: CastPod, ipv6: boolean, clock: Clock): Promise<Server> {
  const netns = netnsOf(demo, pod.name);
  const program = programOf(demo, pod, ipv6);
  const place = { cgroup: makeContainer(demo, pod.name, 'app'), netns };
  const child = launch(place, program.argv, ['pipe', 'ignore', 'pipe'], program.environment);
  child.stdin!.on('error', () => {});
  const lastWords = keepLastWords(child);
  const namespace = `/run/netns/${netns}`;
  await listening(child, { namespace, port: podPort, ipv6: program.ipv6 }, clock).catch((error: Error) => {
    throw new Error(`${program.name} of ${pod.name} ${error.message}: ${lastWords()}`);
  });
  return {
    pid: child.pid!,
    feel(mood) {
      child.stdin!.write(`${JSON.stringify(mood)}\n`);
    },
    async kill() {
      child.kill('SIGKILL');
      await exited(child);
    },
  };
}

/** Flask writes a line for every request: only the end of what the child says is kept. */
function keepLastWords(child: ChildProcess): () => string {
  let words = '';
  child.stderr!.on('data', (chunk) => {
    words = `${words}${chunk}`.slice(-2000);
  });
  return () => words.trim();
}
