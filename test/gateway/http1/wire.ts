import { type Duplex, duplexPair } from 'node:stream';
import type {
  BodyReceiver,
  ClientExchange,
  Downstream,
  Failure,
  FieldLines,
  RequestHead,
  ResponseHead,
  ResponseReceiver,
  ServerExchange,
  Tunnel,
} from '../../../agent/gateway/exchange.js';
import { Http1Client } from '../../../agent/gateway/http1/client.js';
import { type Http1Limits, http1Limits } from '../../../agent/gateway/http1/limits.js';
import { type Http1ServerOptions, type ServedConnection, serveHttp1 } from '../../../agent/gateway/http1/server.js';
import { HandClock } from '../../view/world.js';

export const downstream: Downstream = {
  origin: 'mesh',
  pod: 'shop/cart',
  address: '10.0.0.1',
  port: 40000,
  target: 'shop/users:80',
  tls: undefined,
};

/** Lets everything run that is ready to run. */
export async function settle(): Promise<void> {
  for (let turn = 0; turn < 12; turn++) await new Promise((resolve) => setImmediate(resolve));
}

/** Writes down what it receives. */
export class Recorder implements ResponseReceiver {
  text = '';
  readonly events: string[] = [];
  responseHead: ResponseHead | undefined;
  tunnel: Tunnel | undefined;
  hasEnded = false;

  data(chunk: Buffer): void {
    this.text += chunk.toString('latin1');
  }
  end(trailers: FieldLines): void {
    this.hasEnded = true;
    this.events.push(trailers.length === 0 ? 'end' : `end ${trailers.join(' ')}`);
  }
  fail(why: Failure): void {
    this.events.push(`fail ${why}`);
  }
  drained(): void {
    this.events.push('drained');
  }
  informational(status: number): void {
    this.events.push(`informational ${status}`);
  }
  head(head: ResponseHead, ended: boolean): void {
    this.responseHead = head;
    this.events.push(`head ${head.status}${ended ? ' ended' : ''}`);
  }
  upgraded(head: ResponseHead, tunnel: Tunnel): void {
    this.tunnel = tunnel;
    this.events.push(`upgraded ${head.status}`);
  }
}

/** A request as the test's server got it. */
export interface Received {
  readonly exchange: ServerExchange;
  readonly head: RequestHead;
  readonly body: Recorder;
}

/** A served connection in memory with a client's end that speaks bytes. */
export class Wire {
  readonly clock: HandClock = new HandClock();
  readonly near: Duplex;
  readonly far: Duplex;
  readonly connection: ServedConnection;
  readonly received: Received[] = [];
  readonly refused: number[] = [];
  closed = 0;
  output = '';
  hasEnd = false;

  /** `take`: what to do with a request; default: only its body is received. */
  constructor(
    take: (received: Received) => void = ({ exchange, body }) => exchange.receive(body),
    options: { readonly first?: string; readonly limits?: Partial<Http1Limits> } = {},
  ) {
    const [near, far] = duplexPair();
    this.near = near;
    this.far = far;
    far.on('data', (chunk: Buffer) => {
      this.output += chunk.toString('latin1');
    });
    far.on('end', () => {
      this.hasEnd = true;
    });
    far.on('error', () => {});
    const served: Http1ServerOptions = {
      downstream,
      first: Buffer.from(options.first ?? '', 'latin1'),
      scheme: 'http',
      limits: { ...http1Limits, ...options.limits },
      clock: this.clock,
      onRequest: (exchange) => {
        const one: Received = { exchange, head: exchange.head, body: new Recorder() };
        this.received.push(one);
        take(one);
      },
      onClosed: () => {
        this.closed++;
      },
      onRefused: (status) => this.refused.push(status),
    };
    this.connection = serveHttp1(near, served);
  }

  async send(...texts: readonly string[]): Promise<void> {
    for (const text of texts) {
      this.far.write(text, 'latin1');
      await settle();
    }
  }

  async advance(ms: number): Promise<void> {
    this.clock.advance(ms);
    await settle();
  }

  /** The output without its Date lines, and then nothing. */
  takeOutput(): string {
    const text = this.output.replace(/Date: [^\r]*\r\n/g, '');
    this.output = '';
    return text;
  }
}

/** Answers at once with a text. */
export function answerWith(text: string, status = 200): (received: Received) => void {
  return ({ exchange, body }) => {
    exchange.receive(body);
    exchange.respond({ status, fields: [], length: text.length }, text === '');
    if (text !== '') {
      exchange.write(Buffer.from(text));
      exchange.end([]);
    }
  };
}

/** A client's connection in memory with a backend's end that speaks bytes. */
export class BackendWire {
  readonly clock: HandClock = new HandClock();
  readonly near: Duplex;
  readonly far: Duplex;
  readonly client: Http1Client;
  output = '';
  changes = 0;
  closed = 0;

  constructor(options: { readonly maxRequests?: number; readonly limits?: Partial<Http1Limits> } = {}) {
    const [near, far] = duplexPair();
    this.near = near;
    this.far = far;
    far.on('data', (chunk: Buffer) => {
      this.output += chunk.toString('latin1');
    });
    far.on('error', () => {});
    const owner = { changed: () => this.changes++, closed: () => this.closed++ };
    this.client = new Http1Client(near, owner, {
      limits: { ...http1Limits, ...options.limits },
      clock: this.clock,
      ...(options.maxRequests === undefined ? {} : { maxRequests: options.maxRequests }),
    });
  }

  ask(
    change: Partial<RequestHead> = {},
    ended = true,
  ): { readonly recorder: Recorder; readonly exchange: ClientExchange } {
    const recorder = new Recorder();
    return { recorder, exchange: this.client.request({ ...plainRequest, ...change }, ended, recorder) };
  }

  async send(...texts: readonly string[]): Promise<void> {
    for (const text of texts) {
      this.far.write(text, 'latin1');
      await settle();
    }
  }
}

export const plainRequest: RequestHead = {
  version: 'HTTP/1.1',
  method: 'GET',
  scheme: 'http',
  authority: 'a',
  target: '/',
  fields: [],
  length: 0,
  upgrade: '',
  expectContinue: false,
};

/** A proxy of nothing but the codecs: each exchange goes to `client` as it is. */
export function forward({ exchange }: { readonly exchange: ServerExchange }, client: Http1Client): void {
  const { head } = exchange;
  const isBodiless = head.length === 0;
  const upstream = client.request(head, isBodiless, {
    data: (chunk) => {
      if (!exchange.write(chunk)) upstream.pause();
    },
    end: (trailers) => exchange.end(trailers),
    fail: (why) => exchange.abort(why),
    drained: () => exchange.resume(),
    informational: (status, fields) => exchange.informational(status, fields),
    head: (response, ended) => exchange.respond(response, ended),
    upgraded: (response, tunnel) => join(exchange.upgrade(response), tunnel),
  });
  exchange.receive({
    data: (chunk) => {
      if (!upstream.write(chunk)) exchange.pause();
    },
    end: (trailers) => {
      if (!isBodiless) upstream.end(trailers);
    },
    fail: () => upstream.abort(),
    drained: () => upstream.resume(),
  });
}

function join(one: Tunnel, other: Tunnel): void {
  const carry = (from: Tunnel, to: Tunnel): BodyReceiver => ({
    data: (chunk) => {
      if (!to.write(chunk)) from.pause();
    },
    end: () => to.end(),
    fail: () => to.abort(),
    drained: () => to.resume(),
  });
  one.receive(carry(one, other));
  other.receive(carry(other, one));
}
