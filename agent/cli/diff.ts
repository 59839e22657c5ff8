import type { Command } from 'commander';
import type { DiffItem } from '../api/items.js';
import { counted } from '../model/findings.js';
import type { Problem } from '../model/problem.js';
import { connectAgent, withAgent } from './agent-client.js';
import { checkManifests, failOnErrors, printProblems } from './manifest-check.js';
import { isData, type OutputOptions, outputOption, printValue } from './output.js';
import { type Colour, hasColour, paint, plain, print, say } from './terminal.js';

interface DiffAnswer {
  readonly generation: number;
  readonly items: readonly DiffItem[];
  readonly problems: readonly Problem[];
}

const signs: Record<DiffItem['action'], readonly [string, Colour]> = {
  add: ['+', 'green'],
  change: ['~', 'yellow'],
  remove: ['-', 'red'],
};

function showItem({ action, table, key, before, after }: DiffItem): string {
  const [sign, colour] = signs[action];
  const rows = action === 'change' ? `${before} -> ${after}` : `${before}${after}`;
  return paint(plain(`${sign} ${table} ${key} ${rows}`), colour, hasColour());
}

export function addDiff(program: Command): void {
  const command = program
    .command('diff')
    .description('show what applying manifests would change; exit 65 when they have errors')
    .argument('<file|dir...>', 'manifests; the objects in them stand in for those the agent has')
    .addOption(outputOption());
  withAgent(command).action(async (paths: readonly string[], { output }: OutputOptions) => {
    const agent = connectAgent(command);
    const checked = await checkManifests(paths);
    const errors = checked.problems.filter((problem) => problem.severity === 'error');
    printProblems(errors);
    failOnErrors(checked);
    const { joinManifests } = await import('./manifest-text.js');
    const answer = await agent.call<DiffAnswer>('POST', '/v1/diff', {
      body: joinManifests(paths),
      type: 'application/yaml',
    });
    if (isData(output)) return printValue(output, answer);
    for (const item of answer.items) print(showItem(item));
    say(answer.items.length === 0 ? 'nothing would change' : `${counted(answer.items.length, 'row')} would change`);
  });
}
