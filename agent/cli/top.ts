import { type Command, InvalidArgumentError, Option } from 'commander';
import type { BackendItem } from '../api/items.js';
import { type Clock, systemClock } from '../clock.js';
import { type AgentClient, connectAgent, withAgent } from './agent-client.js';
import { type Column, showTable } from './table.js';
import { hasColour, print, say } from './terminal.js';

/** A backend with what it was given a second since the sample before. */
export interface Rate {
  readonly item: BackendItem;
  readonly opened: number;
  readonly failed: number;
  /** Of the connections its Service port opened meanwhile, 0…1. */
  readonly share: number;
}

export interface Sample {
  /** Monotonic ms. */
  readonly at: number;
  readonly items: readonly BackendItem[];
}

function portOf(item: BackendItem): string {
  return `${item.service}:${item.servicePort}/${item.protocol}`;
}

function keyOf(item: BackendItem): string {
  return `${portOf(item)} ${item.backend} ${item.address}:${item.port}`;
}

/** Rates between two samples, the busiest Service ports first. Counters that fell began anew. */
export function ratesBetween(before: Sample, after: Sample): readonly Rate[] {
  const earlier = new Map(before.items.map((item) => [keyOf(item), item]));
  const seconds = Math.max(1e-3, (after.at - before.at) / 1000);
  const grown = (now: number, then: number): number => (now < then ? now : now - then);
  const totals = new Map<string, number>();
  const rates = after.items.map((item) => {
    const old = earlier.get(keyOf(item)) ?? item;
    const opened = grown(item.opened, old.opened);
    totals.set(portOf(item), (totals.get(portOf(item)) ?? 0) + opened);
    return { item, opened, failed: grown(item.failed, old.failed) };
  });
  const total = (rate: { readonly item: BackendItem }): number => totals.get(portOf(rate.item)) ?? 0;
  return rates
    .map((rate) => ({
      item: rate.item,
      opened: rate.opened / seconds,
      failed: rate.failed / seconds,
      share: total(rate) === 0 ? 0 : rate.opened / total(rate),
    }))
    .sort((a, b) => total(b) - total(a) || (keyOf(a.item) < keyOf(b.item) ? -1 : 1));
}

const columns: readonly Column<Rate>[] = [
  { title: 'SERVICE', text: ({ item }) => portOf(item) },
  { title: 'BACKEND', text: ({ item }) => item.backend },
  {
    title: 'STATE',
    text: ({ item }) => item.state,
    colour: ({ item }) => (item.state === 'ready' ? 'green' : 'yellow'),
  },
  { title: 'WEIGHT', text: ({ item }) => String(item.weight), right: true },
  { title: 'OPENED/S', text: (rate) => rate.opened.toFixed(1), right: true },
  { title: 'SHARE', text: (rate) => `${(rate.share * 100).toFixed(1)}%`, right: true },
  {
    title: 'FAILED/S',
    text: (rate) => rate.failed.toFixed(1),
    right: true,
    colour: (rate) => (rate.failed > 0 ? 'red' : undefined),
  },
  { title: 'INFLIGHT', text: ({ item }) => String(item.inflight), right: true },
];

interface TopOptions {
  readonly interval: number;
  readonly count?: number;
}

function positive(text: string): number {
  const value = Number(text);
  if (!(value > 0)) throw new InvalidArgumentError('Expected a number above 0.');
  return value;
}

async function sample(agent: AgentClient, clock: Clock): Promise<Sample> {
  const { items } = await agent.call<{ readonly items: readonly BackendItem[] }>('GET', '/v1/backends');
  return { at: clock.monotonic(), items };
}

/** On a terminal as many rows as it has, over what was there; else every row, tables separated by an empty line. */
function draw(rates: readonly Rate[], first: boolean): void {
  const { isTTY, rows } = process.stdout;
  const lines = showTable(columns, rates, hasColour());
  if (!isTTY) {
    if (!first) print('');
    for (const line of lines) print(line);
    return;
  }
  const shown = lines.slice(0, Math.max(2, rows - 2));
  const rest = lines.length - shown.length;
  process.stdout.write(`\u001b[H\u001b[J${shown.join('\n')}\n${rest > 0 ? `… and ${rest} more\n` : ''}`);
}

/** Waits `ms`, or until `stopped`. */
function wait(clock: Clock, ms: number, stopped: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const cancel = clock.after(ms, resolve);
    stopped.addEventListener('abort', () => {
      cancel();
      resolve();
    });
  });
}

export function addTop(program: Command): void {
  const command = program
    .command('top')
    .description('show what each backend is given a second, until interrupted')
    .addOption(new Option('--interval <seconds>', 'between two looks').argParser(positive).default(1))
    .addOption(new Option('--count <n>', 'end after so many looks').argParser(positive));
  withAgent(command).action(async ({ interval, count = Number.POSITIVE_INFINITY }: TopOptions) => {
    const agent = connectAgent(command);
    const stopped = new AbortController();
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => stopped.abort());
    let before = await sample(agent, systemClock);
    if (before.items.length === 0) say('no backends');
    for (let look = 0; look < count; look++) {
      await wait(systemClock, interval * 1000, stopped.signal);
      if (stopped.signal.aborted) return;
      const after = await sample(agent, systemClock);
      draw(ratesBetween(before, after), look === 0);
      before = after;
    }
  });
}
