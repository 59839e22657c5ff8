import { counted } from '../model/findings.js';
import { compareProblems, type Problem, showProblem } from '../model/problem.js';
import { CommandFailure, exitCodes } from './exit.js';
import { print } from './terminal.js';

/** What is understood of files and directories, and what is wrong with them and between their objects. */
export interface Checked {
  readonly objects: number;
  /** Sorted by place. */
  readonly problems: readonly Problem[];
}

/** Reads files and directories as an agent would, and checks their objects by themselves and against each other. */
export async function checkManifests(paths: readonly string[]): Promise<Checked> {
  const [{ readManifests }, { locateFields }, { placeFindings }, { Catalog }, { findingsOf }] = await Promise.all([
    import('../sources/files.js'),
    import('../sources/file-store.js'),
    import('../sources/problems.js'),
    import('../model/catalog.js'),
    import('../mesh-findings.js'),
  ]);
  const { objects, problems } = await readManifests(paths);
  const catalog = new Catalog();
  catalog.apply(objects.map((object) => ({ type: 'put', object })));
  const between = placeFindings(findingsOf(catalog), locateFields);
  return { objects: objects.length, problems: [...problems, ...between].sort(compareProblems) };
}

export function summarise(checked: Checked): string {
  const errors = checked.problems.filter((problem) => problem.severity === 'error').length;
  const warnings = checked.problems.length - errors;
  return `${counted(checked.objects, 'object')}, ${counted(errors, 'error')}, ${counted(warnings, 'warning')}`;
}

export function printProblems(problems: readonly Problem[]): void {
  for (const problem of problems) print(showProblem(problem));
}

/** Ends with 65 when there is an error among the problems. */
export function failOnErrors(checked: Checked): void {
  if (checked.problems.some((problem) => problem.severity === 'error'))
    throw new CommandFailure(exitCodes.invalidInput, summarise(checked));
}
