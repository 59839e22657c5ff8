/** Commands of header values that take no argument (Envoy, "Custom request/response headers"): as many as the gateway fills in. */
export const headerCommands = [
  'DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT',
  'DOWNSTREAM_REMOTE_ADDRESS',
  'DOWNSTREAM_REMOTE_PORT',
  'DOWNSTREAM_LOCAL_PORT',
  'PROTOCOL',
  'START_TIME',
  'UPSTREAM_HOST',
  'UPSTREAM_CLUSTER',
  'ROUTE_NAME',
  'REQUESTED_SERVER_NAME',
] as const;

export type HeaderCommand = (typeof headerCommands)[number];

const plain: ReadonlySet<string> = new Set(headerCommands);

export function isHeaderCommand(name: string): name is HeaderCommand {
  return plain.has(name);
}

const command = /%%|%([A-Z_]+)(?:\(([^()]*)\))?(?::(\d{1,5}))?%/g;

/** What looks like commands in a value and is none that the gateway fills in, so that it stays as it is written: `%HOSTNAME%`. */
export function unknownCommands(value: string): readonly string[] {
  const unknown: string[] = [];
  for (const [written, name, argument, length] of value.matchAll(command)) {
    if (name === undefined) continue;
    const takesField = name === 'REQ' || name === 'RESP';
    const isKnown = takesField
      ? argument !== undefined && argument !== '' && !argument.includes('%')
      : argument === undefined && length === undefined && isHeaderCommand(name);
    if (!isKnown) unknown.push(written);
  }
  return unknown;
}
