import { Argument, type Command } from 'commander';
import { type AgentClient, connectAgent, withAgent } from './agent-client.js';
import { CommandFailure, exitCodes } from './exit.js';
import { type KindName, type KindView, kindNames, kinds } from './kinds.js';
import { isData, type OutputOptions, outputOption, printItems, printValue } from './output.js';

interface GetOptions extends OutputOptions {
  readonly namespace?: string;
}

interface Listed {
  readonly generation: number;
  readonly items: readonly unknown[];
}

/** The listing of GET /v1/KIND with the items that `name` and `namespace` select; an unknown name fails. */
async function select(client: AgentClient, kind: KindName, name: string, namespace: string): Promise<Listed> {
  const listing = await client.call<Listed>('GET', `/v1/${kind}`);
  if (name === '' && namespace === '') return listing;
  const view = kinds[kind] as KindView<unknown>;
  const items = listing.items.filter(
    (item) => (name === '' || view.named(item, name)) && (namespace === '' || view.namespace(item) === namespace),
  );
  if (name !== '' && items.length === 0)
    throw new CommandFailure(exitCodes.failed, `there is no ${name} among the ${kind}`);
  return { ...listing, items };
}

export function addGet(program: Command): void {
  const command = program
    .command('get')
    .description('show what the agent has')
    .addArgument(new Argument('<kind>', 'what to show').choices(kindNames))
    .argument('[name]', 'only this one: NS/NAME of a Service, NS/POD, or the name of a table')
    .option('-n, --namespace <namespace>', 'only of this namespace')
    .addOption(outputOption());
  withAgent(command).action(async (kind: KindName, name: string | undefined, options: GetOptions) => {
    const listing = await select(connectAgent(command), kind, name ?? '', options.namespace ?? '');
    if (isData(options.output)) return printValue(options.output, listing);
    const view = kinds[kind] as KindView<unknown>;
    printItems(options.output, view.columns, listing.items, view.none);
  });
}
