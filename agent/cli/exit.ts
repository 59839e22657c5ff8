/** Exit codes, after sysexits.h. */
export const exitCodes = {
  ok: 0,
  /** Unknown object, not ready, or the agent could not do it. */
  failed: 1,
  usage: 64,
  invalidInput: 65,
  unreachable: 69,
  notPermitted: 77,
} as const;

export type ExitCode = (typeof exitCodes)[keyof typeof exitCodes];

/** Ends a command: its message goes to stderr. An empty message was said already. */
export class CommandFailure extends Error {
  override readonly name = 'CommandFailure';
  readonly exitCode: ExitCode;

  constructor(exitCode: ExitCode, message: string) {
    super(message);
    this.exitCode = exitCode;
  }
}
