import { readFileSync } from 'node:fs';
import type { IncomingMessage } from 'node:http';
import { type Command, Option } from 'commander';
import { defaultApi, parseAddress, showAddress } from '../api/address.js';
import type { ProblemDetails } from '../api/problem-details.js';
import { CommandFailure, type ExitCode, exitCodes } from './exit.js';

/** An answer of 400 and above. */
export class AgentRefusal extends CommandFailure {
  readonly status: number;
  readonly details: Partial<ProblemDetails>;

  constructor(status: number, details: Partial<ProblemDetails>) {
    super(exitCodeOf(status), details.detail ?? `the agent answered ${status}`);
    this.status = status;
    this.details = details;
  }
}

function exitCodeOf(status: number): ExitCode {
  if (status === 401 || status === 403) return exitCodes.notPermitted;
  return status === 400 || status === 413 || status === 422 ? exitCodes.invalidInput : exitCodes.failed;
}

export interface Query {
  readonly body?: string;
  readonly type?: string;
  readonly accept?: string;
  /** Ends the request and its answer when it aborts. */
  readonly signal?: AbortSignal;
  /** The answer may pause for as long as it likes. */
  readonly endless?: boolean;
}

/** How long the agent may say nothing before it counts as unreachable. */
const silenceMs = 10_000;

/** Talks to one agent. Failures are {@link CommandFailure}s: 69 unreachable, 77 not permitted, else by the answer's status. */
export class AgentClient {
  readonly #where: string;
  readonly #target: { readonly socketPath: string } | { readonly host: string; readonly port: number };
  readonly #token: string;

  constructor(address: string, tokenFile: string) {
    const parsed = parseAddress(address);
    if (typeof parsed === 'string') throw new CommandFailure(exitCodes.usage, parsed);
    this.#where = showAddress(parsed);
    this.#target = parsed.type === 'unix' ? { socketPath: parsed.path } : { host: parsed.host, port: parsed.port };
    this.#token = tokenFile === '' ? '' : readToken(tokenFile);
  }

  /** The parsed JSON of the answer. */
  async call<Answer>(method: string, path: string, query: Query = {}): Promise<Answer> {
    const response = await this.open(method, path, query);
    let text = '';
    response.setEncoding('utf8');
    try {
      for await (const chunk of response) text += chunk;
      return JSON.parse(text) as Answer;
    } catch {
      throw new CommandFailure(exitCodes.failed, `the agent at ${this.#where} ended its answer too early`);
    }
  }

  /** The answer's body as it comes. */
  async open(method: string, path: string, query: Query = {}): Promise<IncomingMessage> {
    const response = await this.#send(method, path, query);
    const status = response.statusCode ?? 0;
    if (status < 400) return response;
    let text = '';
    for await (const chunk of response) text += chunk;
    throw new AgentRefusal(status, detailsOf(text));
  }

  async #send(method: string, path: string, query: Query): Promise<IncomingMessage> {
    const { request } = await import('node:http');
    const headers: Record<string, string> = { accept: query.accept ?? 'application/json' };
    if (query.body !== undefined) headers['content-type'] = query.type ?? 'application/json';
    if (this.#token !== '') headers.authorization = `Bearer ${this.#token}`;
    return new Promise((resolve, reject) => {
      const { body, signal, endless = false } = query;
      const limits = { ...(endless ? {} : { timeout: silenceMs }), ...(signal ? { signal } : {}) };
      const outgoing = request({ ...this.#target, method, path, headers, agent: false, ...limits });
      outgoing.once('timeout', () => outgoing.destroy(new Error(`no answer within ${silenceMs / 1000} s`)));
      outgoing.once('error', (error: NodeJS.ErrnoException) => reject(this.#explain(error)));
      outgoing.once('response', resolve);
      outgoing.end(body);
    });
  }

  #explain(error: NodeJS.ErrnoException): CommandFailure {
    if (error.code === 'EACCES' || error.code === 'EPERM')
      return new CommandFailure(
        exitCodes.notPermitted,
        `not permitted to use ${this.#where}: be root, or a member of --api-group`,
      );
    const why = { ENOENT: 'there is no such socket', ECONNREFUSED: 'nothing listens there' }[error.code ?? ''];
    return new CommandFailure(
      exitCodes.unreachable,
      `no agent at ${this.#where} (${why ?? error.message}); is \`weft run\` running, and is --api or WEFT_API right?`,
    );
  }
}

function detailsOf(text: string): Partial<ProblemDetails> {
  try {
    return JSON.parse(text) as Partial<ProblemDetails>;
  } catch {
    return {};
  }
}

function readToken(file: string): string {
  try {
    return readFileSync(file, 'utf8').trim();
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    const exitCode = code === 'EACCES' ? exitCodes.notPermitted : exitCodes.usage;
    throw new CommandFailure(exitCode, `--api-token-file: ${message}`);
  }
}

export interface AgentOptions {
  readonly api?: string;
  readonly apiTokenFile?: string;
}

/** Gives a command --api and --api-token-file. */
export function withAgent(command: Command): Command {
  return command
    .addOption(new Option('--api <address>', 'the agent: unix:/PATH or 127.0.0.1:PORT').env('WEFT_API'))
    .addOption(new Option('--api-token-file <file>', 'bearer token for an agent on TCP').env('WEFT_API_TOKEN_FILE'));
}

/** The agent that a command's options, the program's, the environment or the default name. */
export function connectAgent(command: Command): AgentClient {
  const own = command.opts<AgentOptions>();
  const all = command.optsWithGlobals<AgentOptions>();
  const chosen = (name: keyof AgentOptions): string | undefined =>
    command.getOptionValueSource(name) === 'cli' ? own[name] : (all[name] ?? own[name]);
  return new AgentClient(chosen('api') ?? defaultApi, chosen('apiTokenFile') ?? '');
}
