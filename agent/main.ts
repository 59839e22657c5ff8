#!/usr/bin/env node
import { CommanderError } from 'commander';
import { CommandFailure, exitCodes } from './cli/exit.js';
import { makeProgram } from './cli/program.js';

/** A reader that has had enough (`weft flows | head`) is no failure. */
function leaveQuietly(error: NodeJS.ErrnoException): void {
  if (error.code === 'EPIPE') process.exit(process.exitCode ?? exitCodes.ok);
  throw error;
}

process.stdout.on('error', leaveQuietly);
process.stderr.on('error', leaveQuietly);

try {
  const program = await makeProgram(process.argv[2]);
  await program.parseAsync();
} catch (error) {
  if (error instanceof CommanderError) {
    process.exitCode = error.exitCode === 0 ? exitCodes.ok : exitCodes.usage;
  } else if (error instanceof CommandFailure) {
    if (error.message !== '') process.stderr.write(`weft: ${error.message}\n`);
    process.exitCode = error.exitCode;
  } else {
    process.stderr.write(`weft: ${(error as Error).stack ?? String(error)}\n`);
    process.exitCode = exitCodes.failed;
  }
}
