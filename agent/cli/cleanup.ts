import { type Command, Option } from 'commander';
import { CommandFailure, exitCodes } from './exit.js';
import { isData, type OutputOptions, outputOption, printValue } from './output.js';
import { print, say } from './terminal.js';

interface CleanupOptions extends OutputOptions {
  readonly pin: string;
  readonly dryRun?: boolean;
}

export const defaultPin = '/sys/fs/bpf/weft';

/** What the kernel refuses without privilege, as exit 77; a missing addon as a failure that says what to do. */
export function explainKernelError(error: unknown): CommandFailure {
  const { code, message } = error as NodeJS.ErrnoException;
  if (code === 'EPERM' || code === 'EACCES')
    return new CommandFailure(exitCodes.notPermitted, `${message}: be root (weft doctor names what is missing)`);
  if (code === 'MODULE_NOT_FOUND' || code === 'ERR_DLOPEN_FAILED')
    return new CommandFailure(exitCodes.failed, 'the addon is not built: npm run build');
  return new CommandFailure(exitCodes.failed, message);
}

export function addCleanup(program: Command): void {
  program
    .command('cleanup')
    .description('remove everything an agent left in the kernel; refuses while one runs')
    .addOption(new Option('--pin <dir>', 'its pin directory').default(defaultPin))
    .option('--dry-run', 'only say what would be removed')
    .addOption(outputOption())
    .action(async ({ pin, dryRun = false, output }: CleanupOptions) => {
      const { cleanup } = await import('../kernel/cleanup.js');
      let result: ReturnType<typeof cleanup>;
      try {
        result = cleanup({ pin, dryRun });
      } catch (error) {
        throw explainKernelError(error);
      }
      if (result.refused !== undefined) throw new CommandFailure(exitCodes.failed, result.refused);
      if (isData(output)) return printValue(output, { dryRun, removed: result.removed });
      for (const path of result.removed) print(path);
      if (result.removed.length === 0) say(`nothing of Weft is left at ${pin}`);
    });
}
