import { fileURLToPath } from 'node:url';
import type { ExecutionContext } from 'ava';
import { backends, service } from '../../agent/objects.js';
import type { SiteOptions } from '../../agent/site.js';
import { type Place, Program } from '../../kernel/program.js';
import { openStage, type Stage } from './stage.js';

const script = fileURLToPath(new URL('../../../../test/gateway/live/calls.py', import.meta.url));

/** Where the Service calls.default listens, port grpc. */
export const target = '10.96.0.1:50051';
export const addresses: readonly string[] = [1, 2, 3, 4].map((number) => `10.1.0.${number}`);

/** What a call came to: the status's name, what it answered or why not, and how long it took. */
export type Outcome = readonly [status: string, text: string, seconds: number];

/** Four gRPC servers in processes of their own, and a gRPC client in a captured Pod; both are grpcio. */
export interface CallStage extends Stage {
  readonly servers: readonly Program[];
  readonly caller: Program;
}

async function programOf(place: Place): Promise<Program> {
  const program = new Program(place);
  await program.run(`exec(open(${JSON.stringify(script)}).read())`);
  return program;
}

export async function openCalls(t: ExecutionContext, options: SiteOptions = {}): Promise<CallStage> {
  t.timeout(120_000);
  const stage = await openStage(
    t,
    [
      service('calls', {
        addresses: ['10.96.0.1'],
        annotations: { 'weft.dev/l7': 'enabled' },
        ports: [{ name: 'grpc', port: 50051, targetPort: 8080 }],
      }),
      service('nobody', {
        addresses: ['10.96.0.2'],
        annotations: { 'weft.dev/l7': 'enabled' },
        ports: [{ name: 'grpc', port: 50051, targetPort: 8080 }],
      }),
      ...backends('calls', addresses),
    ],
    options,
  );
  const { house, site } = stage;
  const programs = await Promise.all(
    [...addresses, ''].map((address) =>
      programOf(address === '' ? { netns: house.path, cgroup: site.cgroup } : { netns: house.path }),
    ),
  );
  t.teardown(async () => {
    for (const program of programs) await program.kill();
  });
  const servers = programs.slice(0, -1);
  await Promise.all(servers.map((server, index) => server.run(`serve_calls('${addresses[index]}')`)));
  return { ...stage, servers, caller: programs.at(-1)! };
}
