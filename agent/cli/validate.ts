import type { Command } from 'commander';
import { checkManifests, failOnErrors, printProblems, summarise } from './manifest-check.js';
import { isData, type OutputOptions, outputOption, printValue } from './output.js';
import { say } from './terminal.js';

export function addValidate(program: Command): void {
  program
    .command('validate')
    .description('check manifests; needs neither root nor an agent; exit 65 on errors')
    .argument('<file|dir...>', 'manifests: *.yaml, *.yml, *.json; directories are searched')
    .addOption(outputOption())
    .action(async (paths: readonly string[], { output }: OutputOptions) => {
      const checked = await checkManifests(paths);
      if (isData(output)) await printValue(output, checked);
      else printProblems(checked.problems);
      failOnErrors(checked);
      say(summarise(checked));
    });
}
