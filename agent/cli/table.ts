import { type Colour, paint, plain } from './terminal.js';

export interface Column<Item> {
  readonly title: string;
  readonly text: (item: Item) => string;
  readonly colour?: (item: Item) => Colour | undefined;
  /** Numbers stand at the right. */
  readonly right?: boolean;
  /** Shown only with `-o wide`. */
  readonly wide?: boolean;
}

const gap = '  ';
const nothing = '-';

/** Aligned lines, the first with the titles; empty text is `-`. No line ends with blanks. */
export function showTable<Item>(columns: readonly Column<Item>[], items: readonly Item[], colour: boolean): string[] {
  const rows = items.map((item) => columns.map((column) => plain(column.text(item)) || nothing));
  const widths = columns.map((column, index) =>
    rows.reduce((width, row) => Math.max(width, row[index]!.length), column.title.length),
  );
  const line = (cells: readonly string[], colours: readonly (Colour | undefined)[]): string =>
    cells
      .map((cell, index) => {
        const { right = false } = columns[index]!;
        const last = index === cells.length - 1;
        const blanks = ' '.repeat(widths[index]! - cell.length);
        const painted = paint(cell, colours[index], colour);
        return right ? blanks + painted : last ? painted : painted + blanks;
      })
      .join(gap);
  const titles = line(
    columns.map((column) => column.title),
    columns.map(() => 'bold'),
  );
  return [
    titles,
    ...items.map((item, index) =>
      line(
        rows[index]!,
        columns.map((column) => column.colour?.(item)),
      ),
    ),
  ];
}
