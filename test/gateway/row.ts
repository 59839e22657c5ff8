/**
 * One line of the table of HTTP rules: manifests beside the cast (cast.ts), one request, and what must become of it. The same
 * rows are played on the matcher, on the running gateway and on `weft explain`.
 */
export interface Row {
  readonly name: string;
  /** YAML, added to the cast's. */
  readonly manifests: string;
  /** NS/POD that asks; default/client when omitted. Ingress: undefined with `ingress`. */
  readonly from?: string;
  /** The request comes from outside, to this port of the node. */
  readonly ingress?: number;
  /** HOST:PORT that is connected to, as the client writes it; ingress: only its Host. */
  readonly to: string;
  readonly request?: {
    /** GET when omitted. */
    readonly method?: string;
    /** With the query; `/` when omitted. */
    readonly path?: string;
    /** Names in lower case; `host` instead of `to`. */
    readonly headers?: Readonly<Record<string, string>>;
  };
  readonly expect: Expected;
}

/** What is said must hold. */
export interface Expected {
  /** Name of the rule; empty: no rule decides, the request goes to the Service itself. */
  readonly rule?: string;
  /** Shares of clusters, 0…1, by their keys; a share that is answered by the gateway itself as `status N`. */
  readonly shares?: Readonly<Record<string, number>>;
  /** Of an answer that the gateway gives by itself. */
  readonly status?: number;
  readonly location?: string;
  readonly body?: string;
  /** What the backend gets. A header of undefined is not there. */
  readonly sent?: {
    /** With the query. */
    readonly path?: string;
    readonly authority?: string;
    readonly headers?: Readonly<Record<string, string | undefined>>;
  };
  /** Headers that the answer gets where the backend sends none of them. */
  readonly answered?: Readonly<Record<string, string | undefined>>;
  /** Parts of the compiled rule, where what they do takes time or chance. */
  readonly has?: object;
  /** The port is not the gateway's: the connection is balanced as it is. */
  readonly l4?: true;
}
