import { basename } from 'node:path';
import type { PodItem, TableItem } from '../../agent/api/items.js';
import type { Outcome } from '../../agent/api/view.js';
import { showExplanation } from '../../agent/cli/explain.js';
import { type KindName, type KindView, kindNames, kinds } from '../../agent/cli/kinds.js';
import { showItems } from '../../agent/cli/output.js';
import { indexKey } from '../../agent/kernel/store.js';
import { showProblem } from '../../agent/model/problem.js';
import { showEndpoint } from '../../agent/tables/address.js';
import { viewOf } from '../../agent/tables/bytes.js';
import {
  readBackendStateRow,
  readServiceStateRow,
  type TableName,
  tableLayouts,
  writeBackendStateRow,
  writeServiceStateRow,
} from '../../agent/tables/layout.gen.js';
import { Machine, type Running } from './machine.js';
import type { Script, Step } from './script.js';

/** What a step does. Returns the lines to stand below it. */
type Perform = (machine: Machine, words: readonly string[], step: Step) => Promise<readonly string[]>;

/*
 * The steps of a story:
 *   weft run [--node NAME] [--capacity TABLE=N]…   starts the agent; capacities count in the first start
 *   kill -9                                        ends it; its tables stay
 *   write FILE, rm FILE…                           manifests come, change and go
 *   after N                                        N seconds pass
 *   ip netns add|del NAME
 *   weft get KIND [NAME] [-o wide], weft explain --from NS/POD --to HOST[:PORT] [--protocol udp], weft problems
 *   weft weight NS/SERVICE BACKEND=N…|--clear, weft drain|undrain NS/POD
 *   tables TABLE…                                  rows as they are
 *   ring ADDRESS:PORT                              how many entries of its Maglev ring each backend has
 *   events                                         what the agent told since the last time
 *   inflight WHAT N                                connections in flight, as the programs count them: of NS/SERVICE:PORT, of a
 *                                                  backend by its name, or by #ID
 */
const steps: Readonly<Record<string, Perform>> = {
  write: async (machine, [file], { body }) => {
    await machine.write(file!, `${body.join('\n')}\n`);
    return body;
  },
  rm: async (machine, files) => {
    await machine.remove(files);
    return [];
  },
  after: async (machine, [seconds]) => {
    machine.clock.advance(Number(seconds) * 1000);
    return [];
  },
  kill: async (machine) => {
    machine.kill();
    return [];
  },
  ip: async (machine, [, verb, name]) => {
    if (verb === 'add') machine.addNamespace(name!);
    else machine.removeNamespace(name!);
    return [];
  },
  events: async (machine) => machine.events.splice(0),
  inflight: async (machine, [what, count]) => {
    setInflight(machine, what!, Number(count));
    return [];
  },
  tables: async (machine, names) => {
    const items = [...machine.agent.view.tables().items];
    return names.flatMap((name) =>
      items.filter((item) => item.table === name && item.kernel + item.desired !== '').map(showRow),
    );
  },
  ring: async (machine, [address]) => ringShares(machine, address!),
  weft: async (machine, [command, ...words], step) => {
    const perform = commands[command!];
    if (perform === undefined) throw new Error(`line ${step.line}: there is no step weft ${command}`);
    return perform(machine, words, step);
  },
};

const commands: Readonly<Record<string, Perform>> = {
  run: async (machine, words) => {
    await machine.run(optionOf(words, '--node') ?? 'here');
    return [];
  },
  get: async ({ agent }, [kind, ...words]) => {
    const name = kindNames.find((each) => each === kind)!;
    const wide = optionOf(words, '-o') === 'wide';
    const items = [...(name === 'pods' ? podsOf(agent) : agent.view[name]().items)];
    return showKind(name, items, wide ? 'wide' : 'table', words[0]);
  },
  explain: async ({ agent }, words) => {
    const outcome = await agent.view.explain({
      from: optionOf(words, '--from')!,
      to: optionOf(words, '--to')!,
      protocol: optionOf(words, '--protocol') === 'udp' ? 'UDP' : 'TCP',
      method: '',
      path: '',
      headers: [],
    });
    return outcome.ok ? showExplanation('table', outcome.value, false) : refused(outcome);
  },
  problems: async ({ agent }) => [...agent.view.problems().items].map(showProblem),
  weight: async ({ agent }, [service, ...words]) =>
    refused(
      words[0] === '--clear'
        ? await agent.view.clearWeights(service!)
        : await agent.view.setWeights(
            service!,
            new Map(
              words.map((word) => [
                word.slice(0, word.lastIndexOf('=')),
                Number(word.slice(word.lastIndexOf('=') + 1)),
              ]),
            ),
          ),
    ),
  drain: async ({ agent }, [pod]) => refused(await agent.view.drain(pod!)),
  undrain: async ({ agent }, [pod]) => refused(await agent.view.undrain(pod!)),
};

/** Plays a story on a machine of its own. Returns it with what each step really shows. */
export async function play(script: Script): Promise<Script> {
  const start = script.steps.find(({ words }) => words[0] === 'weft' && words[1] === 'run');
  const machine = new Machine(capacitiesOf(start?.words ?? []));
  try {
    const played: Step[] = [];
    for (const step of script.steps) {
      const perform = steps[step.words[0]!];
      if (perform === undefined) throw new Error(`line ${step.line}: there is no step ${step.words[0]}`);
      const lines = await perform(machine, step.words.slice(1), step);
      played.push({ ...step, body: lines.map((line) => machine.plain(line)) });
    }
    if (machine.events.length > 0) played.push({ line: 0, words: ['events'], body: machine.events.splice(0) });
    return { ...script, steps: played };
  } finally {
    machine.close();
  }
}

function optionOf(words: readonly string[], option: string): string | undefined {
  const at = words.indexOf(option);
  return at < 0 ? undefined : words[at + 1];
}

function capacitiesOf(words: readonly string[]): Partial<Record<TableName, number>> {
  const capacities: Partial<Record<TableName, number>> = {};
  words.forEach((word, index) => {
    if (word !== '--capacity') return;
    const [name, rows] = words[index + 1]!.split('=');
    const table = tableLayouts.find((each) => each.name === name);
    if (table === undefined) throw new Error(`there is no table ${name}`);
    capacities[table.name as TableName] = Number(rows);
  });
  return capacities;
}

/** With namespaces as the manifests name them. */
function podsOf({ view }: Running): readonly PodItem[] {
  return [...view.pods().items].map((item) => ({ ...item, netns: basename(item.netns) }));
}

function showKind(
  kind: KindName,
  items: readonly unknown[],
  format: 'table' | 'wide',
  name: string | undefined,
): string[] {
  const view = kinds[kind] as KindView<unknown>;
  const chosen = name === undefined || name.startsWith('-') ? items : items.filter((item) => view.named(item, name));
  return chosen.length === 0 ? [view.none] : showItems(format, view.columns, chosen, false);
}

function showRow({ table, key, desired, kernel, drift }: TableItem): string {
  return `${table} ${key}: ${kernel || 'nothing'}${drift ? `, but should be: ${desired || 'nothing'}` : ''}`;
}

function refused<Value>(outcome: Outcome<Value>): string[] {
  return outcome.ok ? [] : [`${outcome.refusal.type}: ${outcome.refusal.message}`];
}

function ringShares({ agent, store }: Machine, address: string): string[] {
  const programmed = [...agent.reconciler.programmed()].find(({ plan }) =>
    plan.addresses.some((each) => showEndpoint(each, plan.port) === address),
  );
  if (programmed === undefined) return [`${address} is in no table`];
  const size = programmed.ring.size;
  const entries = viewOf(store.read('rings').values);
  const shares = new Map<number, number>();
  for (let entry = programmed.ring.base; entry < programmed.ring.base + size; entry++) {
    const backend = entries.getUint32(entry * 4, true);
    shares.set(backend, (shares.get(backend) ?? 0) + 1);
  }
  return [...shares]
    .sort(([a], [b]) => a - b)
    .map(([id, share]) => `${agent.reconciler.backends.byId(id)?.name ?? `backend ${id}`} ${share} of ${size}`);
}

function setInflight({ agent, store }: Machine, what: string, inflight: number): void {
  const programmed = [...agent.reconciler.programmed()];
  const ofPort = programmed.find(({ plan }) => `${plan.service}:${plan.port}` === what);
  if (ofPort !== undefined) {
    const row = store.lookup('service_states', indexKey(ofPort.service))!;
    writeServiceStateRow({ ...readServiceStateRow(viewOf(row), 0), inflight }, viewOf(row), 0);
    store.update('service_states', { keys: indexKey(ofPort.service), values: row, count: 1 });
    return;
  }
  const named = programmed.flatMap(({ plan, ids }) => ids.filter((_, index) => plan.backends[index]!.name === what));
  const backend = what.startsWith('#') ? Number(what.slice(1)) : named[0];
  if (backend === undefined) throw new Error(`nothing in the tables is ${what}`);
  const row = store.lookup('backend_states', indexKey(backend))!;
  writeBackendStateRow({ ...readBackendStateRow(viewOf(row), 0), inflight }, viewOf(row), 0);
  store.update('backend_states', { keys: indexKey(backend), values: row, count: 1 });
}
