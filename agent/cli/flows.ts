import type { IncomingMessage } from 'node:http';
import { type Command, InvalidArgumentError, Option } from 'commander';
import { type Flow, type FlowRequest, flowEvents, reasons, verdicts } from '../api/flow.js';
import type { LostRecord } from '../api/flow-stream.js';
import { connectAgent, withAgent } from './agent-client.js';
import { CommandFailure, exitCodes } from './exit.js';
import { readProtocol } from './explain.js';
import { type OutputOptions, outputFormats } from './output.js';
import { type Colour, hasColour, paint, plain, print, say } from './terminal.js';

const connectionFilters = ['from', 'to', 'service', 'backend', 'verdict', 'reason', 'event', 'protocol'] as const;
const filterNames = [...connectionFilters, 'status', 'rule', 'limit'] as const;

type FlowOptions = OutputOptions & { readonly follow?: true } & {
  readonly [Name in (typeof filterNames)[number]]?: string;
};

const colours: Record<Flow['event'], Colour> = {
  open: 'green',
  close: 'grey',
  fail: 'red',
  refuse: 'red',
  request: 'green',
};

function readLimit(text: string): string {
  if (!/^\d{1,6}$/.test(text)) throw new InvalidArgumentError('Expected a number.');
  return text;
}

function bytes(count: number): string {
  if (count < 1024) return `${count} B`;
  const units = ['KiB', 'MiB', 'GiB', 'TiB'];
  const power = Math.min(units.length, Math.floor(Math.log2(count) / 10));
  return `${(count / 1024 ** power).toFixed(1)} ${units[power - 1]}`;
}

/** One request a line: when, who asked what of whom, the answer, and the rule that decided. */
function showRequest(flow: Flow, request: FlowRequest, wide: boolean): string {
  const from = flow.from || flow.serviceAddress || '?';
  const to = flow.backend === '' ? '-' : flow.backend;
  const asked = `${request.method} ${request.authority}${request.path}`.trim();
  const grpc = request.grpcStatus < 0 ? '' : ` grpc ${request.grpcStatus}`;
  const answer = request.version === '' ? 'tcp' : `${request.status || 'no answer'}${grpc}`;
  const facts = [
    `${flow.durationMs.toFixed(1)} ms`,
    ...(request.flags === '-' ? [] : [request.flags]),
    ...(request.attempts > 1 ? [`${request.attempts} attempts`] : []),
    ...(request.rule === '' ? [] : [`by ${request.rule}`]),
    ...(wide ? [`cluster ${request.cluster}`, `sent ${bytes(flow.sentBytes)}`, `id ${request.requestId}`] : []),
  ];
  const failed = request.status >= 500 || request.grpcStatus > 0 || (request.status === 0 && request.version !== '');
  const event = paint('request', failed ? 'red' : 'green', hasColour());
  return `${flow.time}  ${event} ${plain(`${from} -> ${asked} -> ${to}`)}  ${answer}, ${plain(facts.join(', '))}`;
}

/** One flow a line: when, what, who → which Service → which backend, and what is known of the connection. */
function showFlow(flow: Flow, wide: boolean): string {
  if (flow.request !== undefined) return showRequest(flow, flow.request, wide);
  const from = flow.from || '?';
  const service = `${flow.service || flow.serviceAddress}:${flow.servicePort}/${flow.protocol}`;
  const to = flow.backend === '' ? flow.reason : `${flow.backend} ${flow.backendAddress}:${flow.backendPort}`;
  const facts = [
    ...(flow.event === 'open' && flow.connectMs > 0 ? [`connect ${flow.connectMs.toFixed(2)} ms`] : []),
    ...(flow.durationMs > 0 ? [`after ${flow.durationMs.toFixed(1)} ms`] : []),
    ...(flow.event === 'close' ? [`sent ${bytes(flow.sentBytes)}`, `received ${bytes(flow.receivedBytes)}`] : []),
    ...(wide ? [`verdict ${flow.verdict}`, `reason ${flow.reason}`] : []),
    ...(wide && flow.rttMs > 0 ? [`rtt ${flow.rttMs.toFixed(2)} ms`] : []),
  ];
  const event = paint(flow.event.padEnd(6), colours[flow.event], hasColour());
  const tail = facts.length === 0 ? '' : `  ${facts.join(', ')}`;
  return `${flow.time}  ${event}  ${plain(`${from} -> ${service} -> ${to}`)}${tail}`;
}

async function printFlows(stream: IncomingMessage, format: OutputOptions['output']): Promise<number> {
  const { createInterface } = await import('node:readline');
  let shown = 0;
  for await (const line of createInterface({ input: stream, crlfDelay: Number.POSITIVE_INFINITY })) {
    if (line === '') continue;
    const record = JSON.parse(line) as Flow | LostRecord;
    if (format === 'json') print(line);
    else if (format === 'yaml') await printYaml(record);
    else if (record.event === 'lost') say(`${record.lost} flows were lost`);
    else print(showFlow(record, format === 'wide'));
    shown += 1;
  }
  return shown;
}

async function printYaml(record: Flow | LostRecord): Promise<void> {
  const { stringify } = await import('yaml');
  print(`---\n${stringify(record, { lineWidth: 0 }).trimEnd()}`);
}

export function addFlows(program: Command): void {
  const command = program
    .command('flows')
    .description('show connections and requests that happened, oldest first')
    .option('-f, --follow', 'go on with new ones, in the order in which workers tell of them')
    .option('--from <pod>', 'only from this client, NS/POD')
    .option('--to <name>', 'only to this Service NS/NAME or backend NS/POD')
    .option('--service <service>', 'only to this Service, NS/NAME')
    .option('--backend <backend>', 'only to this backend, NS/POD or an address')
    .addOption(new Option('--verdict <verdict>', 'only with this verdict').choices(verdicts))
    .addOption(new Option('--reason <reason>', 'only for this reason').choices(reasons))
    .addOption(new Option('--event <event>', 'only this event').choices(flowEvents))
    .addOption(new Option('--protocol <protocol>', 'TCP or UDP').argParser(readProtocol))
    .option('--status <status>', 'only requests with this status: 503, or 5xx')
    .option('--rule <rule>', 'only requests that this rule, or a rule of this resource, decided')
    .addOption(new Option('-n, --limit <n>', 'how many of the last (default: 100; 0 with -f)').argParser(readLimit))
    .addOption(
      new Option('-o, --output <format>', 'how to print; json is one object a line')
        .choices(outputFormats)
        .default('table'),
    );
  withAgent(command).action(async (options: FlowOptions) => {
    const query = new URLSearchParams();
    for (const name of filterNames) if (options[name] !== undefined) query.set(name, options[name]);
    if (options.follow) query.set('follow', 'true');
    const interrupted = new AbortController();
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => interrupted.abort());
    try {
      const stream = await connectAgent(command).open('GET', `/v1/flows?${query}`, {
        accept: 'application/x-ndjson',
        signal: interrupted.signal,
        endless: options.follow === true,
      });
      const shown = await printFlows(stream, options.output);
      if (shown === 0 && !options.follow) say('no flows');
    } catch (error) {
      if (interrupted.signal.aborted) return;
      if (error instanceof CommandFailure) throw error;
      throw new CommandFailure(exitCodes.unreachable, `the agent went away: ${(error as Error).message}`);
    }
    if (options.follow && !interrupted.signal.aborted)
      throw new CommandFailure(exitCodes.unreachable, 'the agent ended the stream');
  });
}
