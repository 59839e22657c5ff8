import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, rmdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ExecutionContext } from 'ava';
import { cgroupRoot } from '../../agent/kernel/cgroups.js';
import { kernelTest } from '../kernel-test.js';
import { main, weft } from './weft.js';

/** Where one agent of these tests lives; a test that died leaves nothing that another needs. */
interface Place {
  readonly api: string;
  readonly pin: string;
  readonly config: string;
  readonly argv: readonly string[];
}

function makePlace(t: ExecutionContext): Place {
  const name = `weft-run-${process.pid}`;
  const directory = mkdtempSync(join(tmpdir(), `${name}-`));
  const cgroup = join(cgroupRoot()!, name);
  mkdirSync(cgroup, { recursive: true });
  const [pin, config] = [`/sys/fs/bpf/${name}`, join(directory, 'config.yaml')];
  const api = `unix:${join(directory, 'api.sock')}`;
  writeFileSync(config, 'log-level: warn\n');
  t.teardown(async () => {
    await weft(['cleanup', '--pin', pin]);
    rmdirSync(cgroup);
    rmSync(directory, { recursive: true, force: true });
  });
  const places = ['--cgroup', cgroup, '--pin', pin, '--api', api, '--metrics', '127.0.0.1:0'];
  return { api, pin, config, argv: ['run', '--config', config, '--manifests', directory, ...places] };
}

/** An agent as a child process; its log grows in `said`. */
class Running {
  readonly child: ChildProcess;
  readonly code: Promise<number | null>;
  #said = '';
  readonly #waiting = new Set<() => void>();

  constructor({ argv }: Place) {
    this.child = spawn(process.execPath, [main, ...argv], { stdio: ['ignore', 'ignore', 'pipe'] });
    this.code = new Promise((resolve) => this.child.once('close', resolve));
    this.child.stderr!.setEncoding('utf8').on('data', (chunk: string) => {
      this.#said += chunk;
      for (const check of this.#waiting) check();
    });
  }

  /** Resolves when the log has `text`. */
  says(text: string): Promise<void> {
    return new Promise((resolve) => {
      const check = (): void => {
        if (!this.#said.includes(text)) return;
        this.#waiting.delete(check);
        resolve();
      };
      this.#waiting.add(check);
      check();
    });
  }
}

kernelTest('run serves, reads its log level again, refuses a second agent, and stops in order', async (t) => {
  const place = makePlace(t);
  const agent = new Running(place);
  t.teardown(() => {
    agent.child.kill('SIGKILL');
  });
  const status = await weft(['status', '--wait', '--timeout', '20', '--api', place.api, '-o', 'json']);
  t.is(status.code, 0, status.stderr);
  t.is(JSON.parse(status.stdout).pin, place.pin);

  writeFileSync(place.config, 'log-level: info\n');
  agent.child.kill('SIGHUP');
  await agent.says('log level read again');
  writeFileSync(place.config, 'log-level: loud\n');
  agent.child.kill('SIGHUP');
  await agent.says('log-level must be one of debug, info, warn, error');

  const second = await weft(place.argv.map((word) => word.replace(/api\.sock$/, 'second.sock')).with(2, '/dev/null'));
  t.is(second.code, 1);
  t.regex(second.stderr, /^weft: another agent uses /);
  const refused = await weft(['cleanup', '--pin', place.pin]);
  t.is(refused.code, 1);
  t.regex(refused.stderr, /an agent runs/);

  agent.child.kill('SIGTERM');
  agent.child.kill('SIGTERM');
  t.is(await agent.code, 0);
  t.true(existsSync(place.pin), 'the pins stay');
  t.false(existsSync(place.api.slice('unix:'.length)));

  const foretold = await weft(['cleanup', '--pin', place.pin, '--dry-run', '-o', 'json']);
  t.true(existsSync(place.pin));
  const cleaned = await weft(['cleanup', '--pin', place.pin, '-o', 'json']);
  t.deepEqual(JSON.parse(cleaned.stdout).removed, JSON.parse(foretold.stdout).removed);
  t.false(existsSync(place.pin));
  t.is((await weft(['cleanup', '--pin', place.pin])).stderr, `nothing of Weft is left at ${place.pin}\n`);
});
