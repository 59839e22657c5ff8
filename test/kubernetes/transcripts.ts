import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import test, { type ExecutionContext } from 'ava';

/** Beside the repository. */
const folder = fileURLToPath(new URL('../../../../shared/data/kubernetes', import.meta.url));

/** What a real API server was asked, and answered. */
export interface Transcript {
  readonly method: string;
  /** With its query. */
  readonly target: string;
  readonly status: number;
  readonly headers: readonly (readonly [string, string])[];
  readonly body: Buffer;
}

/** `>` request line, `<` status line and headers, an empty line, and the body as it came. */
export function readTranscript(name: string): Transcript {
  const bytes = readFileSync(join(folder, name));
  const end = bytes.indexOf('\n\n');
  const lines = bytes.subarray(0, end).toString('utf8').split('\n');
  const [method = '', target = ''] = lines[0]!.slice(2).split(' ');
  const answered = lines.filter((line) => line.startsWith('< ')).map((line) => line.slice(2));
  const headers = answered.slice(1).map((line) => {
    const colon = line.indexOf(': ');
    return [line.slice(0, colon), line.slice(colon + 2)] as const;
  });
  return { method, target, status: Number(answered[0]!.split(' ')[1]), headers, body: bytes.subarray(end + 2) };
}

/** A test that needs the transcripts. Without them it is skipped and says so, or with WEFT_REQUIRE_KERNEL=1 it fails. */
export function transcriptTest(title: string, run: (t: ExecutionContext) => Promise<void>): void {
  const missing = `no transcripts of an API server in ${folder}`;
  if (existsSync(folder)) test(title, run);
  else if (process.env.WEFT_REQUIRE_KERNEL === '1') test(title, (t) => t.fail(missing));
  else test.skip(`${title} [skipped: ${missing}]`, run);
}
