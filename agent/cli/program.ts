import { Command, Option } from 'commander';
import { version } from '../version.js';
import { addCleanup } from './cleanup.js';
import { addCompletion } from './completion.js';
import { addDiff } from './diff.js';
import { addDoctor } from './doctor.js';
import { addDrain, addUndrain } from './drain.js';
import { addExplain } from './explain.js';
import { addFlows } from './flows.js';
import { addGet } from './get.js';
import { addRun } from './run.js';
import { addStatus } from './status.js';
import { addTop } from './top.js';
import { addValidate } from './validate.js';
import { addWeight } from './weight.js';

/** `demo` brings its own modules: they are loaded when it is meant, or when all commands are listed for completion. */
async function addDemo(program: Command, first: string | undefined): Promise<void> {
  if (first !== 'demo' && first !== 'completion') {
    program.command('demo').description('play the example with real traffic and show what is routed where');
    return;
  }
  const { demoCommand } = await import('./demo.js');
  program.addCommand(demoCommand().copyInheritedSettings(program));
}

/** Every command. `first`: the first word of the command line. */
export async function makeProgram(first: string | undefined): Promise<Command> {
  const program = new Command('weft')
    .description('A service mesh without sidecars.')
    .version(version, '-V, --version')
    .addOption(new Option('--api <address>', 'the agent (default: unix:/run/weft/api.sock)').env('WEFT_API'))
    .addOption(new Option('--api-token-file <file>', 'bearer token for an agent on TCP').env('WEFT_API_TOKEN_FILE'))
    .enablePositionalOptions()
    .showHelpAfterError('(weft --help says more)')
    .exitOverride();
  addRun(program);
  await addDemo(program, first);
  addDoctor(program);
  addStatus(program);
  addGet(program);
  addExplain(program);
  addFlows(program);
  addTop(program);
  addValidate(program);
  addDiff(program);
  addWeight(program);
  addDrain(program);
  addUndrain(program);
  addCleanup(program);
  addCompletion(program);
  return program;
}
