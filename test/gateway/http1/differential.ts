import { pathToFileURL } from 'node:url';
import { requestTarget } from '../../../agent/compile/request-path.js';
import { Llhttp, type Message } from './llhttp.js';
import { mutated, randomOf } from './mutations.js';
import { readOwn } from './own.js';

export interface Report {
  readonly heads: number;
  /** Messages that Weft's parser accepted. */
  readonly accepted: number;
  /** Inputs that it refused and llhttp did not: stricter. */
  readonly stricter: number;
  /** Inputs, as JSON text, with what is disputed. */
  readonly disputes: readonly string[];
}

/**
 * Reads mutated messages with Weft's parsers and with llhttp, strict: each message that Weft accepts, llhttp must have accepted with the same method, target,
 * status and body. Weft may accept fewer.
 */
export function compareParsers(heads: number, seed: number): Report {
  const llhttp = new Llhttp();
  const random = randomOf(seed);
  const disputes: string[] = [];
  let accepted = 0;
  let stricter = 0;
  for (let count = 0; count < heads; count++) {
    const type = count % 4 === 3 ? 'response' : 'request';
    const text = mutated(type, random);
    const theirs = llhttp.read(Buffer.from(text, 'latin1'), type);
    const own = readOwn(Buffer.from(text, 'latin1'), type);
    accepted += own.messages.length;
    if (own.refused && !theirs.refused) stricter++;
    const dispute = disputeOf(own.messages, theirs.messages);
    if (dispute !== undefined) disputes.push(`${dispute}: ${JSON.stringify(text)}`);
  }
  return { heads, accepted, stricter, disputes };
}

function disputeOf(own: readonly Message[], theirs: readonly Message[]): string | undefined {
  for (const [index, mine] of own.entries()) {
    const other = theirs[index];
    if (other === undefined) return `message ${index} is Weft's alone`;
    if (mine.method !== other.method || mine.status !== other.status) return `method or status of message ${index}`;
    if (mine.target !== normalised(other.target)) return `target of message ${index}`;
    if (mine.isComplete && !other.isComplete && !mine.isLast) return `end of message ${index}`;
    if (mine.isComplete ? mine.body !== other.body : !other.body.startsWith(mine.body))
      return `body of message ${index}`;
    if (other.isUpgrade) return undefined;
    if (other.isLast) return index + 1 < own.length ? `message ${index} is llhttp's last` : undefined;
  }
  return undefined;
}

/** llhttp's target as Weft forwards it. */
function normalised(target: string): string | undefined {
  if (target === '*' || target === '') return target;
  if (target.startsWith('/')) return requestTarget(target);
  const rest = target.replace(/^https?:\/\/[^/?]*/i, '');
  return requestTarget(rest.startsWith('/') ? rest : `/${rest}`);
}

function main(): void {
  const heads = Number(process.argv[2] ?? 1_000_000);
  const seed = Number(process.argv[3] ?? 1);
  const began = process.hrtime.bigint();
  const report = compareParsers(heads, seed);
  const seconds = Number((process.hrtime.bigint() - began) / 1_000_000n) / 1000;
  const { accepted, stricter, disputes } = report;
  console.log(
    `${heads} messages, seed ${seed}, ${seconds} s: ${accepted} accepted, ${stricter} refused that llhttp accepts, ${disputes.length} disputed`,
  );
  for (const dispute of disputes.slice(0, 20)) console.log(dispute);
  if (disputes.length > 0) process.exitCode = 1;
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) main();
