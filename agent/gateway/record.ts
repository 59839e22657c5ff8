/** What became of one request (or L4 connection through the gateway): for metrics, flows and the access log. */
export interface RequestRecord {
  /** Wall time in ms. */
  readonly startedMs: number;
  readonly durationMs: number;
  readonly origin: 'mesh' | 'ingress';
  /** NS/POD; empty outside. */
  readonly pod: string;
  readonly clientAddress: string;
  /** NS/NAME that was addressed; empty for ingress. */
  readonly target: string;
  readonly port: number;
  /** `HttpRule.name`; empty without a rule. */
  readonly rule: string;
  readonly cluster: string;
  /** NS/NAME of the cluster's Service; empty when there is none. */
  readonly service: string;
  /** `ClusterEndpoint.name` and `ADDRESS:PORT`; empty when none was asked. */
  readonly backend: string;
  readonly backendAddress: string;
  readonly protocol: 'http' | 'grpc' | 'tcp';
  readonly version: string;
  readonly method: string;
  readonly authority: string;
  /** Path with query. */
  readonly path: string;
  readonly userAgent: string;
  readonly requestId: string;
  /** 0: none was sent (the client was gone), or L4. */
  readonly status: number;
  /** Undefined unless gRPC. */
  readonly grpcStatus: number | undefined;
  /** Envoy's response flags, comma-separated, `-` for none. */
  readonly flags: string;
  readonly requestBytes: number;
  readonly responseBytes: number;
  readonly attempts: number;
  /** Time until the response's head came from the backend, ms; 0 when none came. */
  readonly upstreamMs: number;
}
