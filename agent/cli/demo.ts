import { Command, InvalidArgumentError, Option } from 'commander';
import { systemClock } from '../clock.js';
import { leastSeconds, playDemo } from '../demo/demo.js';
import { endWithNpm } from './parent.js';

function readSeconds(text: string): number {
  const seconds = Number(text);
  if (!Number.isFinite(seconds) || seconds < leastSeconds) {
    throw new InvalidArgumentError(`At least ${leastSeconds}.`);
  }
  return seconds;
}

interface DemoArguments {
  readonly seconds?: number;
  readonly output: 'table' | 'json';
  readonly kubernetes?: boolean;
}

/** Other commands exit at once when their reader is gone; the demo has things to remove. */
function endInOrder(stream: NodeJS.WriteStream): void {
  stream.removeAllListeners('error');
  stream.on('error', () => process.emit('SIGHUP', 'SIGHUP'));
}

/** `weft demo`: the example of the documentation with real traffic, in network namespaces of its own. */
export function demoCommand(): Command {
  return new Command('demo')
    .description('play the example with real traffic and show what is routed where')
    .option('--seconds <n>', 'end by itself after this time, with a summary. Default: until Ctrl-C', readSeconds)
    .option('--kubernetes', 'feed the agent from a Kubernetes API server that the demo runs, instead of a directory')
    .addOption(new Option('-o, --output <format>', 'of the summary').choices(['table', 'json']).default('table'))
    .action(async ({ seconds, output, kubernetes = false }: DemoArguments) => {
      const streams = { output: process.stdout, words: process.stderr, environment: process.env };
      endWithNpm(systemClock);
      for (const stream of [process.stdout, process.stderr]) endInOrder(stream);
      const options = { seconds: seconds ?? null, format: output, kubernetes };
      process.exitCode = await playDemo(options, streams, systemClock);
    });
}
