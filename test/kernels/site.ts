import { strict as assert } from 'node:assert';
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { cgroupRoot } from '../../agent/kernel/cgroups.js';
import { AgentProcess } from './agent-process.js';
import { leaver, mesh, namespaces, web } from './mesh.js';
import { PodProcess } from './pod-process.js';

/**
 * The agent with its manifests, and a program in the Pod default/client. The checks of a guest share one, because under emulation
 * an agent takes many seconds to start.
 */
export class Site {
  readonly directory: string = mkdtempSync(join(tmpdir(), 'weft-guest-'));
  readonly manifests: string = join(this.directory, 'manifests');
  readonly cgroup: string = join(cgroupRoot()!, 'weft-guest');
  readonly podCgroup: string = join(this.cgroup, 'client');
  readonly pin = '/sys/fs/bpf/weft-guest';
  readonly agent: AgentProcess;
  #client: PodProcess | undefined;

  constructor() {
    mkdirSync(this.manifests);
    const { cgroup, directory, manifests, pin } = this;
    this.agent = new AgentProcess({ cgroup, directory, manifests, pin });
  }

  /** Makes namespaces and cgroups, starts the program, and then the agent. Resolves with how many ms the agent took. */
  async open(): Promise<number> {
    const backends = [...web.flatMap(({ four, six }) => [four, six]), leaver];
    for (const name of Object.values(namespaces)) {
      execFileSync('ip', ['netns', 'add', name]);
      const local = backends.map((each) => `addr add ${each}/${each.includes(':') ? '128 nodad' : '32'} dev lo\n`);
      execFileSync('ip', ['-n', name, '-batch', '-'], { input: `link set lo up\n${local.join('')}` });
    }
    mkdirSync(this.podCgroup, { recursive: true });
    this.describe(true);
    const [client, milliseconds] = await Promise.all([
      PodProcess.start(this.podCgroup, `/run/netns/${namespaces.client}`, backends),
      this.agent.start(),
    ]);
    this.#client = client;
    return milliseconds;
  }

  /** The program in default/client. Throws when the site did not open. */
  get client(): PodProcess {
    assert.ok(this.#client, 'the agent did not become ready');
    return this.#client;
  }

  /** Writes the manifests in one step. */
  describe(hasLeaver: boolean): void {
    const draft = join(this.directory, 'draft');
    writeFileSync(draft, JSON.stringify({ apiVersion: 'v1', kind: 'List', items: mesh(hasLeaver) }));
    renameSync(draft, join(this.manifests, 'mesh.json'));
  }

  /** Removes what the agent does not make itself. */
  async close(): Promise<void> {
    await this.#client?.stop();
    for (const cgroup of [this.podCgroup, this.cgroup]) if (existsSync(cgroup)) rmdirSync(cgroup);
    for (const name of Object.values(namespaces)) execFileSync('ip', ['netns', 'del', name]);
    rmSync(this.directory, { recursive: true });
  }
}
