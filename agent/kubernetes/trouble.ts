import { ApiError } from './api.js';

/** What to do about errors of the system and of TLS, by code. */
const remedies: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'nothing listens there: is the API server up, and its address right?',
  ECONNRESET: 'the connection was cut',
  EPIPE: 'the connection was cut',
  ENOTFOUND: 'its name is not known: check the address, and the resolver of this machine',
  EAI_AGAIN: 'its name could not be looked up now: check the resolver of this machine',
  ETIMEDOUT: 'no answer: check routes and firewalls',
  EHOSTUNREACH: 'no way there: check routes and firewalls',
  ENETUNREACH: 'no way there: check routes and firewalls',
  CERT_HAS_EXPIRED: "the server's certificate has expired: renew it, or set this machine's clock right",
  CERT_NOT_YET_VALID: "the server's certificate is not valid yet: is this machine's clock right?",
  DEPTH_ZERO_SELF_SIGNED_CERT:
    "the server's certificate is signed by itself: give that certificate, or its authority, as certificate-authority",
  SELF_SIGNED_CERT_IN_CHAIN:
    "the authority of the server's certificate is not trusted: give the cluster's own as certificate-authority",
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    "the authority of the server's certificate is not trusted: give the cluster's own as certificate-authority",
  UNABLE_TO_VERIFY_LEAF_SIGNATURE:
    "the authority of the server's certificate is not trusted: give the cluster's own as certificate-authority",
  ERR_TLS_CERT_ALTNAME_INVALID:
    "the server's certificate is for other names: check the address, or say the name with tls-server-name",
  EPROTO: 'it does not speak TLS as expected: is the address that of the API server?',
  ERR_SSL_WRONG_VERSION_NUMBER: 'it does not speak TLS: is the address that of the API server?',
  ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED: 'it demands a client certificate: give client-certificate and client-key',
  ERR_SSL_SSLV3_ALERT_HANDSHAKE_FAILURE:
    'it refused the handshake: perhaps it demands a client certificate (client-certificate and client-key)',
  ERR_SSL_TLSV1_ALERT_UNKNOWN_CA: 'it does not trust the authority of the client certificate',
  ERR_SSL_SSLV3_ALERT_CERTIFICATE_EXPIRED: 'the client certificate has expired: renew it',
  ERR_OSSL_X509_KEY_VALUES_MISMATCH: 'the client certificate and key do not belong together',
};

/** Of a connection that failed, with status 0, the error's code for a reason, and a message that names the server and what to do. */
export function systemTrouble(server: string, error: unknown): ApiError {
  if (error instanceof ApiError) return error;
  const { code = '', message } = error as NodeJS.ErrnoException;
  const remedy = remedies[code];
  const detail = oneLine(message || code, 300);
  return new ApiError(`${server}: ${remedy === undefined ? detail : `${remedy} (${detail || code})`}`, 0, code);
}

/** A text of somebody else's for a row of ours: white space and control characters are blanks, and it ends after `most` characters. */
export function oneLine(text: string, most: number): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is to go.
  const line = text.replace(/[\s\u0000-\u001f\u007f-\u009f]+/g, ' ').trim();
  return line.length > most ? `${line.slice(0, most - 1)}…` : line;
}
