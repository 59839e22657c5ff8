import { createRequire } from 'node:module';

/** One message as a parser understood it. */
export interface Message {
  readonly method: string;
  readonly target: string;
  readonly status: number;
  /** All of the body that came, latin1. */
  body: string;
  /** Its end was seen. */
  isComplete: boolean;
  /** Asks for another protocol: a server that switches reads what follows as that. */
  readonly isUpgrade: boolean;
  /** Nothing may follow. */
  readonly isLast: boolean;
}

/** node's parser object, as lib/_http_server.js uses it. */
interface NativeParser {
  [event: number]: unknown;
  initialize(type: number, resource: object, maxHeaderSize: number, lenient: number): void;
  execute(bytes: Buffer): number | Error;
  finish(): Error | undefined;
  close(): void;
}

interface NativeParserClass {
  new (): NativeParser;
  readonly REQUEST: number;
  readonly RESPONSE: number;
  readonly kOnHeaders: number;
  readonly kOnHeadersComplete: number;
  readonly kOnBody: number;
  readonly kOnMessageComplete: number;
}

process.removeAllListeners('warning');
const load = createRequire(import.meta.url);
const common: { readonly HTTPParser: NativeParserClass; readonly methods: readonly string[] } = load('_http_common');
const { HTTPParser, methods } = common;

/** Reads with llhttp as `http.Server` does with `insecureHTTPParser: false`; gives the messages it saw before it ended or refused. */
export class Llhttp {
  readonly #parser: NativeParser = new HTTPParser();
  #messages: Message[] = [];
  #url = '';

  constructor() {
    const parser = this.#parser;
    parser[HTTPParser.kOnHeaders] = (_headers: unknown, url: string) => {
      this.#url += url;
    };
    parser[HTTPParser.kOnHeadersComplete] = this.#onHead.bind(this);
    parser[HTTPParser.kOnBody] = (chunk: Buffer) => {
      const message = this.#messages.at(-1);
      if (message !== undefined) message.body += chunk.toString('latin1');
    };
    parser[HTTPParser.kOnMessageComplete] = () => {
      const message = this.#messages.at(-1);
      if (message !== undefined) message.isComplete = true;
      this.#url = '';
    };
  }

  /** Messages, and whether the bytes were refused. */
  read(
    bytes: Buffer,
    type: 'request' | 'response',
  ): { readonly messages: readonly Message[]; readonly refused: boolean } {
    this.#messages = [];
    this.#url = '';
    const kind = type === 'request' ? HTTPParser.REQUEST : HTTPParser.RESPONSE;
    this.#parser.initialize(kind, {}, 64 * 1024, 0);
    const result = this.#parser.execute(bytes);
    const refused = typeof result !== 'number';
    if (!refused) this.#parser.finish();
    return { messages: this.#messages, refused };
  }

  #onHead(
    _major: number,
    _minor: number,
    _headers: unknown,
    method: number,
    url: string,
    status: number,
    _reason: string,
    upgrade: boolean,
    keepAlive: boolean,
  ): number {
    this.#messages.push({
      method: methods[method] ?? '',
      target: this.#url + (url ?? ''),
      status: status ?? 0,
      body: '',
      isComplete: false,
      isLast: !keepAlive,
      isUpgrade: upgrade,
    });
    this.#url = '';
    return 0;
  }
}
