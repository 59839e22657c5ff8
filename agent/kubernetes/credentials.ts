/** Who the agent is to an API server, and how it knows the server: at one moment, for these change while it runs. */
export interface Access {
  /** Of authorities, PEM; undefined: those that this machine trusts. */
  readonly authority: string | undefined;
  /** Of the client, PEM; with `key` or not at all. */
  readonly certificate: string | undefined;
  readonly key: string | undefined;
  /** Sent as `Authorization: Bearer`. */
  readonly token: string | undefined;
}

/** Where an API server is and what speaking to it takes. */
export interface Credentials {
  /** https only; its path comes before those of requests. */
  readonly server: URL;
  /** In the server's certificate, and in SNI; undefined: the host of `server`. */
  readonly serverName: string | undefined;
  /** The server's certificate is not looked at (kubeconfig's insecure-skip-tls-verify). */
  readonly isInsecure: boolean;
  /** http, with a user perhaps; tunnels by CONNECT. */
  readonly proxy: URL | undefined;
  /** Of the kubeconfig's context, or the service account; undefined: neither names one. */
  readonly namespace: string | undefined;
  /**
   * Files are read anew at each call, and a plug-in is run when what it gave has expired. `refused` is what the server answered 401
   * to: a plug-in is run again if it gave that. Rejects with {@link CredentialsError}.
   */
  access(refused?: Access): Promise<Access>;
}

/** Why there are no credentials. */
export class CredentialsError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'CredentialsError';
  }
}

export function isSameAccess(one: Access, other: Access): boolean {
  return one.token === other.token && isSameIdentity(one, other);
}

/** Whether a connection made with one is good for the other. */
export function isSameIdentity(one: Access, other: Access): boolean {
  return one.authority === other.authority && one.certificate === other.certificate && one.key === other.key;
}
