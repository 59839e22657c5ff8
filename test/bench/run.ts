import { writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { parseArgs } from 'node:util';
import type { Aim, Bench, Outcome, Row } from './bench.js';
import { change } from './change.js';
import { connect } from './connect.js';
import { http } from './http/http.js';
import { kubernetes } from './kubernetes.js';
import { type Machine, machine } from './machine.js';
import { program } from './program.js';
import { restart } from './restart.js';
import { label } from './row.js';
import { Scope, sweep } from './scope.js';

// npm puts packages' programs before the system's: one of them is called nft.
process.env.PATH = `/usr/sbin:/usr/bin:/sbin:/bin:${process.env.PATH ?? ''}`;

const benches: Readonly<Record<string, Bench>> = { connect, program, change, restart, http, kubernetes };

const usage = `npm run bench -- [NAME…] [--quick] [--rounds N] [--cpu N] [--only VARIANT,…] [--json FILE]

NAME: ${Object.keys(benches).join(', ')} (default: all)
--quick   100 services only (1 000 from an API server), few rounds
--rounds  rounds to measure (default: each bench's own)
--cpu     the CPU to pin to (default: the last)
--only    variants to measure besides the baseline, with commas: weft, nftables, iptables (connect); weft, nginx (http)
--json    also write the results there: one object, or an array when several benches ran
`;

/** What `--json` writes for one bench. */
interface Report {
  readonly bench: string;
  readonly machine: Machine;
  readonly rounds: number;
  readonly rows: readonly Row[];
  readonly aims: readonly Aim[];
  readonly notes: readonly string[];
}

function figure(value: number | null): string {
  if (value === null) return '';
  return Math.abs(value) >= 1000 ? value.toFixed(0) : value.toFixed(2);
}

/** Columns of equal width, the first flush left and the others right. */
function table(lines: readonly (readonly string[])[]): string {
  const widths = lines[0]!.map((_, column) => Math.max(...lines.map((line) => line[column]!.length)));
  return lines
    .map((line) =>
      line.map((cell, at) => (at === 0 ? cell.padEnd(widths[at]!) : cell.padStart(widths[at]!))).join('  '),
    )
    .join('\n');
}

function show(name: string, outcome: Outcome): string {
  const head = ['', 'unit', 'median', 'p10', 'min', 'max', 'added', 'added p10', 'ratio', 'ratio to'];
  const lines = outcome.rows.map((row) => [
    label(row),
    row.unit,
    ...[row.median, row.p10, row.min, row.max, row.added, row.added_p10, row.ratio].map(figure),
    row.ratio_to ?? '',
  ]);
  const aims = outcome.aims.map(
    (aim) => `${aim.met ? 'met   ' : 'MISSED'}  ${aim.text}: ${figure(aim.value)} ${aim.unit}`,
  );
  return [`${name}, ${outcome.rounds} rounds`, table([head, ...lines]), ...outcome.notes, ...aims, ''].join('\n');
}

function refuse(message: string): never {
  process.stderr.write(`${message}\n\n${usage}`);
  process.exit(64);
}

function parse() {
  try {
    return parseArgs({
      allowPositionals: true,
      options: {
        quick: { type: 'boolean', default: false },
        rounds: { type: 'string' },
        cpu: { type: 'string' },
        only: { type: 'string' },
        json: { type: 'string' },
        help: { type: 'boolean', default: false },
      },
    });
  } catch (error) {
    return refuse(error instanceof Error ? error.message : String(error));
  }
}

async function main(): Promise<void> {
  const { values, positionals } = parse();
  if (values.help) return void process.stdout.write(usage);
  const unknown = positionals.find((name) => !Object.hasOwn(benches, name));
  if (unknown !== undefined) refuse(`no bench is named ${unknown}`);
  const rounds = values.rounds === undefined ? undefined : Number(values.rounds);
  if (rounds !== undefined && !(Number.isInteger(rounds) && rounds > 1)) refuse('--rounds takes a number above 1');
  const only = values.only?.split(',');
  const cpu = Number(values.cpu ?? cpus().length - 1);
  if (!cpus()[cpu]) refuse(`--cpu takes 0 to ${cpus().length - 1}`);
  if (process.getuid?.() !== 0) {
    process.stderr.write('the benches make network namespaces and load BPF programs: run them as root\n');
    process.exit(77);
  }
  sweep();
  const reports: Report[] = [];
  for (const name of positionals.length > 0 ? positionals : Object.keys(benches)) {
    const scope = new Scope();
    const interrupted = () => process.exit(130);
    const exiting = () => scope.close();
    process.once('SIGINT', interrupted).once('SIGTERM', interrupted).once('exit', exiting);
    try {
      const say = (line: string) => process.stderr.write(`${line}\n`);
      const outcome = await benches[name]!({ quick: values.quick, rounds, cpu, only, scope, say });
      reports.push({ bench: name, machine: machine(), ...outcome });
      process.stdout.write(`${show(name, outcome)}\n`);
    } finally {
      scope.close();
      process.off('SIGINT', interrupted).off('SIGTERM', interrupted).off('exit', exiting);
    }
  }
  if (values.json) {
    writeFileSync(values.json, `${JSON.stringify(reports.length === 1 ? reports[0] : reports, null, 2)}\n`);
  }
}

await main();
