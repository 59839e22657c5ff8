export interface KubeconfigOptions {
  /** `https://HOST:PORT`. */
  readonly server: string;
  /** PEM. */
  readonly authority: string;
  /** The token itself, or the file that has it. */
  readonly user: { readonly token: string } | { readonly tokenFile: string };
}

/** A kubeconfig (`clientcmd/api/v1.Config`) with one context, as YAML. */
export function kubeconfigText({ server, authority, user }: KubeconfigOptions): string {
  const [field, value] = 'token' in user ? ['token', user.token] : ['tokenFile', user.tokenFile];
  return `apiVersion: v1
kind: Config
current-context: weft
clusters:
  - name: weft
    cluster:
      server: ${server}
      certificate-authority-data: ${Buffer.from(authority).toString('base64')}
users:
  - name: weft
    user:
      ${field}: ${JSON.stringify(value)}
contexts:
  - name: weft
    context:
      cluster: weft
      user: weft
`;
}
