/**
 * The contract between the protocol codecs (http1, http2), which parse bytes, and the proxy, which decides. One exchange is one request with its
 * response. A codec hands over only what it has fully understood; the proxy never sees framing.
 */

/** Field lines in their order, flat: name, value, name, value. Names as received (HTTP/2: lower case), values without surrounding blanks, latin1. */
export type FieldLines = string[];

export type HttpVersion = 'HTTP/1.0' | 'HTTP/1.1' | 'HTTP/2';

export interface RequestHead {
  readonly version: HttpVersion;
  readonly method: string;
  readonly scheme: 'http' | 'https';
  /** Host or :authority as received; empty when HTTP/1.0 has none. */
  readonly authority: string;
  /** Normalised path (RFC 3986 6.2.2, slashes not merged), with the query as received: what is matched is what is forwarded. `*` for OPTIONS. */
  readonly target: string;
  /** Without Host, Connection and what Connection names, Transfer-Encoding, Content-Length, Keep-Alive, Proxy-Connection, TE other than trailers, Upgrade, Expect. */
  readonly fields: FieldLines;
  /** Bytes of the body when announced; undefined: chunked or by stream. 0: none. */
  readonly length: number | undefined;
  /** Protocol of an Upgrade that was asked for, lower case; empty without. */
  readonly upgrade: string;
  readonly expectContinue: boolean;
}

export interface ResponseHead {
  readonly status: number;
  /** As `RequestHead.fields`. */
  readonly fields: FieldLines;
  /** Bytes of the body (of HEAD and 304: what Content-Length says); undefined: not announced. */
  readonly length: number | undefined;
}

/** Why an exchange ended before its end. */
export type Failure =
  /** The connection could not be made; no byte of the request was sent. */
  | 'connect-failure'
  | 'connect-timeout'
  /** Ended by the peer before any byte of the response; `reset-unsent`: and it is sure that the request was not processed (REFUSED_STREAM, GOAWAY, an idle connection that closed). */
  | 'reset-unsent'
  | 'reset'
  /** Bytes that are no valid response. */
  | 'protocol-error'
  | 'idle-timeout'
  | 'cancelled'
  | 'overload';

/** Receives one direction of an exchange's body. Nothing comes after `end` or `fail`. */
export interface BodyReceiver {
  /** The chunk is the receiver's. */
  data(chunk: Buffer): void;
  end(trailers: FieldLines): void;
  fail(why: Failure): void;
  /** What was written in the other direction has drained. */
  drained(): void;
}

/** Who sent a request. */
export interface Downstream {
  readonly origin: 'mesh' | 'ingress';
  /** NS/POD; empty for traffic from outside. */
  readonly pod: string;
  readonly address: string;
  readonly port: number;
  /** `Snapshot.targets` key (mesh), or the port's number (ingress). */
  readonly target: string;
  /** Of a terminated connection. */
  readonly tls: { readonly sni: string } | undefined;
}

/** The gateway as a server of one request. */
export interface ServerExchange {
  readonly downstream: Downstream;
  readonly head: RequestHead;
  /** From now on the request's body (if any) comes; before this it is held back by flow control. */
  receive(receiver: BodyReceiver): void;
  pause(): void;
  resume(): void;
  /** 100, 103; HTTP/1.0 clients get none. */
  informational(status: number, fields: FieldLines): void;
  /** `ended`: no body follows. Connection, Transfer-Encoding, Content-Length, Date are the codec's. */
  respond(head: ResponseHead, ended: boolean): void;
  /** False: wait for `drained`. */
  write(chunk: Buffer): boolean;
  end(trailers: FieldLines): void;
  /** Ends it without an end: HTTP/1.1 closes the connection, HTTP/2 resets the stream. Before `respond` nothing was sent. */
  abort(why: Failure): void;
  /** 101 (or 200 to an extended CONNECT): the connection becomes a tunnel. */
  upgrade(head: ResponseHead): Tunnel;
}

/** Bytes in both directions, with backpressure. */
export interface Tunnel {
  receive(receiver: BodyReceiver): void;
  pause(): void;
  resume(): void;
  write(chunk: Buffer): boolean;
  /** Half close. */
  end(): void;
  abort(): void;
}

export interface ResponseReceiver extends BodyReceiver {
  informational(status: number, fields: FieldLines): void;
  head(head: ResponseHead, ended: boolean): void;
  /** The peer switched protocols; only after a request with `upgrade`. */
  upgraded(head: ResponseHead, tunnel: Tunnel): void;
}

/** The gateway as a client of one request. */
export interface ClientExchange {
  /** False: wait for `drained`. */
  write(chunk: Buffer): boolean;
  end(trailers: FieldLines): void;
  pause(): void;
  resume(): void;
  /** The answer is not wanted any more. */
  abort(): void;
}

/** An upstream connection that can take requests. */
export interface ClientConnection {
  /** Requests that it could take now: HTTP/1.1 1 or 0. */
  readonly capacity: number;
  readonly inFlight: number;
  /** False after GOAWAY, `Connection: close` or an error: it finishes what it has. */
  readonly isOpen: boolean;
  /** `ended`: the request has no body. */
  request(head: RequestHead, ended: boolean, receiver: ResponseReceiver): ClientExchange;
  /** After the last request in flight. */
  close(): void;
  destroy(): void;
}

/** Told by a ClientConnection to the pool that made it. */
export interface ConnectionOwner {
  /** `capacity` or `isOpen` changed. */
  changed(connection: ClientConnection): void;
  /** It has ended. */
  closed(connection: ClientConnection): void;
}
