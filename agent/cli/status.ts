import type { Command } from 'commander';
import type { Status } from '../api/items.js';
import { pause, systemClock } from '../clock.js';
import { type AgentClient, connectAgent, withAgent } from './agent-client.js';
import { CommandFailure, exitCodes } from './exit.js';
import { isData, type OutputOptions, outputOption, printValue } from './output.js';
import { showTable } from './table.js';
import { type Colour, hasColour, paint, plain, print } from './terminal.js';

interface StatusOptions extends OutputOptions {
  readonly wait?: boolean;
  readonly timeout: string;
}

const colours: Record<string, Colour> = { ok: 'green', degraded: 'yellow', failed: 'red' };

function showStatus(status: Status): readonly string[] {
  const degraded = status.checks.some((check) => check.state === 'degraded');
  const state = status.ready ? (degraded ? 'degraded' : 'ready') : 'not ready';
  const colour = colours[status.ready ? (degraded ? 'degraded' : 'ok') : 'failed'];
  const facts: readonly (readonly [string, string])[] = [
    ['node', status.node],
    ['state', paint(state, colour)],
    ['version', `${status.version} (${status.mode}, Linux ${status.kernel})`],
    ['started', status.started],
    ['generation', String(status.generation)],
    ['services', `${status.services} with ${status.backends} backends`],
    ['pods', `${status.pods}, ${status.captured} captured`],
    ['problems', `${status.errors} errors, ${status.warnings} warnings`],
    ['cgroup', status.cgroup],
    ['pins', status.pin],
    ...(status.held > 0 ? [['held', `${status.held} objects by the mass-delete brake`] as const] : []),
    ...(status.drift > 0 ? [['drift', `${status.drift} rows repaired`] as const] : []),
    ...(status.eventsLost > 0 ? [['lost', `${status.eventsLost} flow events`] as const] : []),
  ];
  const lines = facts.map(([name, value]) => `${name.padEnd(11)} ${value}`);
  const checks = showTable(
    [
      { title: 'CHECK', text: (check: Status['checks'][number]) => check.name },
      { title: 'STATE', text: (check) => check.state, colour: (check) => colours[check.state] },
      { title: 'WHY', text: (check) => check.why },
    ],
    status.checks,
    hasColour(),
  );
  const sources = showTable(
    [
      { title: 'SOURCE', text: (source: Status['sources'][number]) => source.name },
      { title: 'SYNCED', text: (source) => (source.synced ? 'yes' : 'no') },
      { title: 'OBJECTS', text: (source) => String(source.objects), right: true },
      { title: 'TROUBLE', text: (source) => plain(source.trouble) },
    ],
    status.sources,
    hasColour(),
  );
  return [...lines, '', ...checks, '', ...sources];
}

/** Asks until the agent is ready or `timeoutMs` have passed; then the last answer, or the last failure. */
async function waitForReady(client: AgentClient, timeoutMs: number): Promise<Status> {
  const clock = systemClock;
  const end = clock.monotonic() + timeoutMs;
  for (;;) {
    try {
      const status = await client.call<Status>('GET', '/v1/status');
      if (status.ready || clock.monotonic() >= end) return status;
    } catch (error) {
      const waiting = error instanceof CommandFailure && error.exitCode !== exitCodes.notPermitted;
      if (!waiting || clock.monotonic() >= end) throw error;
    }
    await pause(clock, Math.max(1, Math.min(100, end - clock.monotonic())));
  }
}

function seconds(text: string): number {
  const value = Number(text);
  if (text.trim() === '' || !(value >= 0))
    throw new CommandFailure(exitCodes.usage, `--timeout ${text}: expected seconds`);
  return value;
}

export function addStatus(program: Command): void {
  const command = program
    .command('status')
    .description('show whether the agent is ready, and what it holds; exit 1 when it is not ready')
    .option('--wait', 'until the agent is ready')
    .option('--timeout <seconds>', 'how long --wait waits', '60')
    .addOption(outputOption());
  withAgent(command).action(async (options: StatusOptions) => {
    const timeoutMs = seconds(options.timeout) * 1000;
    const client = connectAgent(command);
    const status = await (options.wait ? waitForReady(client, timeoutMs) : client.call<Status>('GET', '/v1/status'));
    if (isData(options.output)) await printValue(options.output, status);
    else for (const line of showStatus(status)) print(line);
    if (!status.ready) {
      const failed = status.checks.filter((check) => check.state === 'failed').map((check) => check.name);
      throw new CommandFailure(exitCodes.failed, `not ready: ${failed.join(', ')}`);
    }
  });
}
