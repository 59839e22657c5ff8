import { type Command, Option } from 'commander';
import { defaultApi, defaultMetrics, type ListenAddress, parseAddress } from '../api/address.js';
import { defaultPin } from './cleanup.js';
import { CommandFailure, exitCodes } from './exit.js';
import { isData, type OutputOptions, outputOption, printItems, printValue } from './output.js';
import type { Finding } from './preflight.js';
import type { Column } from './table.js';
import type { Colour } from './terminal.js';

interface DoctorOptions extends OutputOptions {
  readonly pin: string;
  readonly api: string;
  readonly metrics: string;
}

const colours: Record<Finding['state'], Colour> = { ok: 'green', warning: 'yellow', failed: 'red' };

const columns: readonly Column<Finding>[] = [
  { title: 'CHECK', text: (item) => item.check },
  { title: 'STATE', text: (item) => item.state, colour: (item) => colours[item.state] },
  { title: 'FOUND', text: (item) => item.found },
  { title: 'FIX', text: (item) => item.fix },
];

function addressOf(text: string): ListenAddress {
  const address = parseAddress(text);
  if (typeof address === 'string') throw new CommandFailure(exitCodes.usage, address);
  return address;
}

export function addDoctor(program: Command): void {
  program
    .command('doctor')
    .description('check whether an agent can run here; exit 1 when it cannot')
    .addOption(new Option('--pin <dir>', 'as it would be given to weft run').default(defaultPin))
    .addOption(new Option('--api <address>', 'as it would be given to weft run').default(defaultApi))
    .addOption(new Option('--metrics <address>', 'as it would be given to weft run').default(defaultMetrics))
    .addOption(outputOption())
    .action(async ({ pin, api, metrics, output }: DoctorOptions) => {
      const metricsAddress = addressOf(metrics);
      if (metricsAddress.type !== 'tcp') throw new CommandFailure(exitCodes.usage, `${metrics}: expected HOST:PORT`);
      const { preflight } = await import('./preflight.js');
      const checks = await preflight({ pin, api: addressOf(api), metrics: metricsAddress });
      if (isData(output)) await printValue(output, { checks });
      else printItems(output, columns, checks, '');
      const failed = checks.filter((check) => check.state === 'failed').map((check) => check.check);
      if (failed.length > 0)
        throw new CommandFailure(exitCodes.failed, `an agent cannot run here: ${failed.join(', ')}`);
    });
}
