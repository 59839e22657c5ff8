/** What is wrong with what the user wrote. Bad input is data: parsing never throws. */
export interface Problem {
  /** `WEFT` and four digits; the codes and their meaning are in problem-codes.ts. */
  readonly code: string;
  readonly severity: 'error' | 'warning';
  /** The file, or the address of the API server; empty when the problem belongs to no file. */
  readonly file: string;
  /** Counted from 1; 0 when unknown. */
  readonly line: number;
  readonly column: number;
  /** `Kind NS/NAME`, or empty. */
  readonly resource: string;
  /** The field, as `spec.ports[0].port`. */
  readonly path: string;
  readonly message: string;
  /** What to do about it. */
  readonly fix: string;
}

/** A problem before its place in a file is known. */
export interface Finding {
  readonly code: string;
  readonly severity: 'error' | 'warning';
  readonly path: string;
  readonly message: string;
  readonly fix: string;
}

/** `file:line:col LEVEL [WEFT0101] message`, as every command prints it. */
export function showProblem(problem: Problem): string {
  const place = problem.file === '' ? '-' : `${problem.file}:${problem.line}:${problem.column}`;
  const subject = [problem.resource, problem.path].filter((part) => part !== '').join(' ');
  const fix = problem.fix === '' ? '' : ` (${problem.fix})`;
  return `${place} ${problem.severity.toUpperCase()} [${problem.code}] ${subject === '' ? '' : `${subject}: `}${problem.message}${fix}`;
}

/** By place, then code, object, field and message. */
export function compareProblems(a: Problem, b: Problem): number {
  return (
    compareText(a.file, b.file) ||
    a.line - b.line ||
    a.column - b.column ||
    compareText(a.code, b.code) ||
    compareText(a.resource, b.resource) ||
    compareText(a.path, b.path) ||
    compareText(a.message, b.message)
  );
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
