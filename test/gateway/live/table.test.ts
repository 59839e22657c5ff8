import { grpcStatusOf } from '../../../agent/gateway/proxy/grpc.js';
import { eventually } from '../../agent/site.js';
import { kernelTest } from '../../kernel-test.js';
import type { Row } from '../row.js';
import { rows } from '../table.js';
import { Board, backendsOf, isGrpc } from './board.js';
import type { Answer } from './client.js';
import type { Echo } from './origin.js';

/** The gateway deals weights from decks of at least 64: of so many requests each share is nearly exact. */
const manyRequests = 64;
const shareTolerance = 0.1;

/** What differs from what a row says, one sentence each. */
class Differences {
  readonly all: string[] = [];
  readonly #row: string;

  constructor(row: string) {
    this.#row = row;
  }

  same(what: string, found: unknown, wanted: unknown): void {
    if (wanted === undefined || found === wanted) return;
    this.all.push(`${this.#row}: ${what} is ${JSON.stringify(found)}, not ${JSON.stringify(wanted)}`);
  }

  /** Of the same header names; undefined: it is not there. */
  headers(what: string, found: Readonly<Record<string, string>>, wanted: Readonly<Record<string, string | undefined>>) {
    for (const [name, value] of Object.entries(wanted)) {
      if (value === undefined) this.same(`${what} ${name}`, found[name] === undefined, true);
      else this.same(`${what} ${name}`, found[name], value);
    }
  }

  share(what: string, found: number, wanted: number, tolerance: number): void {
    if (Math.abs(found - wanted) <= tolerance) return;
    this.all.push(`${this.#row}: ${what} has ${found}, not ${wanted}`);
  }
}

function echoOf({ body }: Answer): Echo | undefined {
  return body.startsWith('{"backend"') ? (JSON.parse(body) as Echo) : undefined;
}

/** Lower case names; several lines joined by `, `. */
function headersOf({ headers }: Echo): Record<string, string> {
  const found: Record<string, string> = {};
  for (let index = 0; index < headers.length; index += 2) {
    const name = headers[index]!.toLowerCase();
    const value = headers[index + 1]!;
    found[name] = found[name] === undefined ? value : `${found[name]}, ${value}`;
  }
  return found;
}

/** A gRPC client is told a status of HTTP as one of gRPC. */
function compareStatus(row: Row, answer: Answer, status: number, differences: Differences): void {
  if (isGrpc(row)) differences.same('grpc-status', answer.headers['grpc-status'], String(grpcStatusOf(status)));
  else differences.same('status', answer.status, status);
}

function compareAnswer(row: Row, answer: Answer, differences: Differences): void {
  const { expect } = row;
  const echo = echoOf(answer);
  if (expect.status === undefined && expect.shares !== undefined && row.request?.method !== 'HEAD') {
    const known = Object.keys(expect.shares).flatMap(backendsOf);
    const mayFail = Object.keys(expect.shares).some((key) => key.startsWith('status '));
    if (echo === undefined ? !mayFail : !known.includes(echo.backend))
      differences.same('backend', echo?.backend ?? `${answer.status} ${answer.error}`, known.join(' or '));
  }
  if (expect.status !== undefined) compareStatus(row, answer, expect.status, differences);
  if (expect.location !== undefined) differences.same('location', answer.headers.location, expect.location);
  if (expect.body !== undefined) differences.same('body', answer.body, expect.body);
  differences.headers('answered', answer.headers, expect.answered ?? {});
  const { sent } = expect;
  if (sent === undefined || echo === undefined) return;
  const { host = '', ...headers } = headersOf(echo);
  differences.same('path', echo.url, sent.path);
  differences.same('authority', host, sent.authority);
  const { host: _, ...wanted } = sent.headers ?? {};
  differences.headers('sent', headers, wanted);
}

async function compareShares(row: Row, board: Board, differences: Differences): Promise<void> {
  const shares = Object.entries(row.expect.shares ?? {});
  if (shares.length < 2) return;
  const counts = await board.spread(row, manyRequests);
  for (const [key, share] of shares) {
    const failing = isGrpc(row) ? ['200'] : [key.slice(7)];
    const members = key.startsWith('status ') ? failing : backendsOf(key);
    const found = members.reduce((sum, backend) => sum + (counts[backend] ?? 0), 0) / manyRequests;
    differences.share(key, found, share, shareTolerance);
  }
}

async function compareExplanation(row: Row, board: Board, differences: Differences): Promise<void> {
  if (row.ingress !== undefined) return;
  const { rule, shares, status, l4 } = row.expect;
  const path = l4 === true ? 'l4' : 'gateway';
  await eventually(
    () => board.explain(row),
    (answer) => answer.path === path,
  );
  if (l4 === true) return;
  const told = await board.explain(row);
  if (rule !== undefined && rule !== '') differences.same('explained rule', told.rule, rule);
  differences.same('explained status', told.status, status);
  const failing = Object.keys(shares ?? {}).some((key) => key.startsWith('status '));
  if (shares !== undefined && !failing) differences.same('explained status', told.status, 0);
  for (const [key, share] of Object.entries(shares ?? {})) {
    if (key.startsWith('status ')) continue;
    const members = backendsOf(key);
    const found = told.candidates.filter(({ address }) => members.includes(address));
    const sum = found.reduce((total, { probability }) => total + probability, 0);
    differences.share(`explained ${key}`, sum, share, 1e-6);
  }
}

kernelTest('every row of the table is so in the running gateway, and explained so', async (t) => {
  t.timeout(600_000);
  const board = await Board.open(t);
  const all: string[] = [];
  let shown: string | undefined;
  for (const [index, row] of rows.entries()) {
    const differences = new Differences(row.name);
    try {
      if (row.manifests !== shown) await board.show(row.manifests);
      shown = row.manifests;
      await compareExplanation(row, board, differences);
      const answer = await board.ask(row, `row-${index}`);
      if (row.expect.l4 === true) {
        const headers = headersOf(echoOf(answer)!);
        differences.same('x-envoy-attempt-count', headers['x-envoy-attempt-count'] === undefined, true);
      } else {
        compareAnswer(row, answer, differences);
        await compareShares(row, board, differences);
      }
    } catch (error) {
      all.push(`${row.name}: ${error instanceof Error ? error.message : error}`);
    }
    all.push(...differences.all);
  }
  const toBeLogged = rows.flatMap(({ expect }, index) => (expect.l4 === true ? [] : [`row-${index}`]));
  await eventually(
    () => toBeLogged.filter((name) => !board.logged().has(name)),
    (missing) => missing.length === 0,
  );
  const logged = board.logged();
  for (const [index, { name, expect }] of rows.entries()) {
    const differences = new Differences(name);
    const line = logged.get(`row-${index}`);
    if (expect.l4 === true) differences.same('logged', line === undefined, true);
    else if (expect.rule !== undefined) differences.same('logged rule', line?.route_name ?? '', expect.rule);
    const clusters = Object.keys(expect.shares ?? {});
    if (clusters.length === 1 && expect.status === undefined && expect.l4 !== true)
      differences.same('logged cluster', line?.upstream_cluster, clusters[0]);
    all.push(...differences.all);
  }
  t.deepEqual(all, []);
});
