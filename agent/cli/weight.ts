import type { Command } from 'commander';
import type { Weights } from '../api/items.js';
import { AgentRefusal, connectAgent, withAgent } from './agent-client.js';
import { CommandFailure, exitCodes } from './exit.js';
import { isData, type OutputOptions, outputOption, printItems, printValue } from './output.js';

interface WeightOptions extends OutputOptions {
  readonly clear?: true;
}

const highest = 65535;

/** Reads NS/POD=N or ADDRESS=N. */
function readWeight(text: string): readonly [string, number] {
  const match = /^([^=\s]+)=(\d{1,9})$/.exec(text);
  const weight = Number(match?.[2]);
  if (match === null || weight > highest)
    throw new CommandFailure(exitCodes.usage, `${text}: expected NS/POD=N with N from 0 to ${highest}`);
  return [match[1]!, weight];
}

/** The path of a Service or Pod NS/NAME below /v1/`collection`. Anything else is a usage error. */
export function pathOf(collection: 'services' | 'backends', key: string, rest: string): string {
  const parts = key.split('/');
  if (parts.length !== 2 || parts.includes(''))
    throw new CommandFailure(exitCodes.usage, `${key}: expected NAMESPACE/NAME`);
  return `/v1/${collection}/${parts.map(encodeURIComponent).join('/')}/${rest}`;
}

/** A name that the agent does not know is a failure (1), not invalid input (65), wherever it stands in the request. */
export async function unknownFails<Answer>(call: Promise<Answer>): Promise<Answer> {
  try {
    return await call;
  } catch (error) {
    if (error instanceof AgentRefusal && error.status === 422)
      throw new CommandFailure(exitCodes.failed, error.message);
    throw error;
  }
}

function weightsOf(pairs: readonly string[]): Readonly<Record<string, number>> {
  const weights = new Map<string, number>();
  for (const [backend, weight] of pairs.map(readWeight)) {
    if (weights.has(backend)) throw new CommandFailure(exitCodes.usage, `${backend} is named twice`);
    weights.set(backend, weight);
  }
  return Object.fromEntries(weights);
}

export function addWeight(program: Command): void {
  const command = program
    .command('weight')
    .description('set the manual weights of a Service on this node; a backend that is not named has 1')
    .argument('<service>', 'NS/NAME')
    .argument('[backend=weight...]', `NS/POD=N (a backend without a Pod: ADDRESS=N), N from 0 to ${highest}`)
    .option('--clear', 'forget the weights that were set')
    .addOption(outputOption());
  withAgent(command).action(async (service: string, pairs: readonly string[], options: WeightOptions) => {
    const path = pathOf('services', service, 'weights');
    if ((options.clear === true) === pairs.length > 0)
      throw new CommandFailure(exitCodes.usage, 'give either NS/POD=N for each backend, or --clear');
    const weights = weightsOf(pairs);
    const agent = connectAgent(command);
    const answer = await unknownFails(
      options.clear
        ? agent.call<Weights>('DELETE', path)
        : agent.call<Weights>('PUT', path, { body: JSON.stringify({ weights }) }),
    );
    if (isData(options.output)) return printValue(options.output, answer);
    printItems(
      options.output,
      [
        { title: 'BACKEND', text: ([backend]: [string, number]) => backend },
        { title: 'WEIGHT', text: ([, weight]) => String(weight), right: true },
      ],
      Object.entries(answer.weights).sort(([a], [b]) => (a < b ? -1 : 1)),
      `${service} has no manual weights`,
    );
  });
}
