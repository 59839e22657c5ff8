import type { Command } from 'commander';
import type { Drain } from '../api/items.js';
import { connectAgent, withAgent } from './agent-client.js';
import { isData, type OutputOptions, outputOption, printValue } from './output.js';
import { print } from './terminal.js';
import { pathOf, unknownFails } from './weight.js';

function add(program: Command, name: string, description: string, method: 'PUT' | 'DELETE'): void {
  const command = program.command(name).description(description).argument('<pod>', 'NS/POD').addOption(outputOption());
  withAgent(command).action(async (pod: string, { output }: OutputOptions) => {
    const call = connectAgent(command).call<Drain>(method, pathOf('backends', pod, 'drain'));
    const answer = await unknownFails(call);
    if (isData(output)) await printValue(output, answer);
    else print(`${answer.pod} is ${answer.drained ? 'drained' : 'not drained'}`);
  });
}

export function addDrain(program: Command): void {
  add(program, 'drain', 'give a Pod no new connections on this node; those it has go on', 'PUT');
}

export function addUndrain(program: Command): void {
  add(program, 'undrain', 'end a drain', 'DELETE');
}
