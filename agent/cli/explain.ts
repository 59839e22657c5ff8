import { type Command, InvalidArgumentError, Option } from 'commander';
import { parseTarget } from '../compile/destination.js';
import type { Explanation } from '../compile/explain.js';
import { connectAgent, withAgent } from './agent-client.js';
import { isData, type OutputOptions, outputOption, printValue, showItems } from './output.js';
import type { Column } from './table.js';
import { hasColour, paint, plain, print } from './terminal.js';

interface Header {
  readonly name: string;
  readonly value: string;
}

interface ExplainOptions extends OutputOptions {
  readonly from: string;
  readonly to: string;
  readonly method?: string;
  readonly path?: string;
  readonly header: readonly Header[];
  readonly protocol: 'TCP' | 'UDP';
}

function readHeader(text: string, before: readonly Header[]): readonly Header[] {
  const match = /^([^:\s]+):\s*(.*)$/.exec(text);
  if (match === null) throw new InvalidArgumentError("Expected 'name: value'.");
  return [...before, { name: match[1]!, value: match[2]! }];
}

function readKey(text: string): string {
  if (!/^[^/\s]+\/[^/\s]+$/.test(text)) throw new InvalidArgumentError('Expected NAMESPACE/NAME.');
  return text;
}

function readTarget(text: string): string {
  const target = parseTarget(text);
  if ('code' in target) throw new InvalidArgumentError(`${target.message}.`);
  return text;
}

/** Reads `tcp` or `UDP`. */
export function readProtocol(text: string): 'TCP' | 'UDP' {
  const protocol = text.toUpperCase();
  if (protocol !== 'TCP' && protocol !== 'UDP') throw new InvalidArgumentError('Expected TCP or UDP.');
  return protocol;
}

type Candidate = Explanation['candidates'][number];

const columns: readonly Column<Candidate>[] = [
  { title: 'BACKEND', text: (item) => item.backend },
  { title: 'ADDRESS', text: (item) => item.address },
  { title: 'SHARE', text: (item) => `${(item.probability * 100).toFixed(2)}%`, right: true },
  { title: 'STATE', text: (item) => item.state, colour: (item) => (item.probability > 0 ? 'green' : 'yellow') },
];

/** The lines of an explanation, as the command prints them. */
export function showExplanation(format: 'table' | 'wide', explanation: Explanation, colours: boolean): string[] {
  const { verdict, reason, path, service, port, rule, candidates, next, steps } = explanation;
  const colour = verdict === 'refuse' ? 'red' : verdict === 'redirect' || verdict === 'answer' ? 'green' : 'yellow';
  const lines = [
    `verdict  ${paint(verdict, colour, colours)} (${reason})`,
    `path     ${path}`,
    `service  ${[service || '-', ...(port > 0 && service !== '' ? [`port ${port}`] : [])].join(' ')}`,
    `rule     ${rule === '' ? '-' : plain(rule)}`,
  ];
  const { status = 0 } = explanation;
  if (status > 0) lines.push(`status   ${status}`);
  if (next !== '') lines.push(`next     ${next}`);
  lines.push('');
  if (candidates.length > 0) lines.push(...showItems(format, columns, candidates, colours), '');
  return [...lines, ...steps.map((step, index) => `${index + 1}. ${plain(step)}`)];
}

export function addExplain(program: Command): void {
  const command = program
    .command('explain')
    .description('say where a connection or request would go, and why')
    .addOption(new Option('--from <pod>', 'the client, NS/POD').argParser(readKey).makeOptionMandatory())
    .addOption(
      new Option('--to <host[:port]>', 'a name of a Service in any cluster form, or an address')
        .argParser(readTarget)
        .makeOptionMandatory(),
    )
    .option('--method <method>', 'of an HTTP request')
    .option('--path <path>', 'of an HTTP request')
    .addOption(
      new Option('-H, --header <header>', "'name: value' of an HTTP request; repeatable")
        .argParser(readHeader)
        .default([], ''),
    )
    .addOption(new Option('--protocol <protocol>', 'TCP or UDP').argParser(readProtocol).default('TCP'))
    .addOption(outputOption());
  withAgent(command).action(async ({ output, from, to, protocol, method, path, header }: ExplainOptions) => {
    const body = JSON.stringify({ from, to, protocol, method, path, headers: header });
    const explanation = await connectAgent(command).call<Explanation>('POST', '/v1/explain', { body });
    if (isData(output)) await printValue(output, explanation);
    else for (const line of showExplanation(output, explanation, hasColour())) print(line);
  });
}
