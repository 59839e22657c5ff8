import { Option } from 'commander';
import { type Column, showTable } from './table.js';
import { hasColour, print, say } from './terminal.js';

export const outputFormats = ['table', 'wide', 'json', 'yaml'] as const;
export type OutputFormat = (typeof outputFormats)[number];

export interface OutputOptions {
  readonly output: OutputFormat;
}

export function outputOption(): Option {
  return new Option('-o, --output <format>', 'how to print').choices(outputFormats).default('table');
}

/** Prints a value as JSON or YAML. */
export async function printValue(format: 'json' | 'yaml', value: unknown): Promise<void> {
  if (format === 'json') {
    print(JSON.stringify(value, null, 2));
    return;
  }
  const { stringify } = await import('yaml');
  process.stdout.write(stringify(value, { lineWidth: 0, aliasDuplicateObjects: false }));
}

export function isData(format: OutputFormat): format is 'json' | 'yaml' {
  return format === 'json' || format === 'yaml';
}

/** Items as the lines of a table. */
export function showItems<Item>(
  format: 'table' | 'wide',
  columns: readonly Column<Item>[],
  items: readonly Item[],
  colours: boolean,
): string[] {
  const shown = columns.filter((column) => format === 'wide' || column.wide !== true);
  return showTable(shown, items, colours);
}

/** Prints items as a table; `none` is said when there are no items. */
export function printItems<Item>(
  format: 'table' | 'wide',
  columns: readonly Column<Item>[],
  items: readonly Item[],
  none: string,
): void {
  if (items.length === 0) say(none);
  else for (const line of showItems(format, columns, items, hasColour())) print(line);
}
