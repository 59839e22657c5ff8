/** ECMA-48 SGR parameters. */
const styles = { bold: '1', dim: '2', red: '31', green: '32', yellow: '33', cyan: '36' } as const;

export type Style = keyof typeof styles;

/** Text of one style; a line is made of them. */
export interface Span {
  readonly text: string;
  readonly style?: Style;
}

export type Line = readonly Span[];

export function plain(text: string): Line {
  return [{ text }];
}

export function styled(text: string, style: Style): Span {
  return { text, style };
}

/** The line as text of at most `columns` characters; without `color` it has no escape sequence. */
export function paint(line: Line, columns: number, color: boolean): string {
  let left = columns;
  let text = '';
  for (const span of line) {
    const part = [...span.text].slice(0, left).join('');
    left -= [...part].length;
    if (part === '') continue;
    text += color && span.style !== undefined ? `\x1b[${styles[span.style]}m${part}\x1b[0m` : part;
  }
  return text;
}

/** Cells side by side, each column as wide as its widest cell; numbers go to the right. Two spaces between columns. */
export function table(rows: readonly (readonly Span[])[], right: readonly boolean[]): Line[] {
  const widths = right.map((_, column) => Math.max(...rows.map((row) => [...(row[column]?.text ?? '')].length)));
  return rows.map((row) =>
    row.map((cell, column) => {
      const width = widths[column]!;
      const aligned = right[column] ? cell.text.padStart(width) : cell.text.padEnd(width);
      const text = column === row.length - 1 ? (right[column] ? aligned : cell.text) : `${aligned}  `;
      return cell.style === undefined ? { text } : { text, style: cell.style };
    }),
  );
}

export interface Column {
  readonly header: string;
  /** Numbers. */
  readonly right: boolean;
  /** Left out where there is no room, the highest first. Omitted: never. */
  readonly dispensable?: number;
}

export function widthOf(line: Line): number {
  return line.reduce((sum, { text }) => sum + [...text].length, 0);
}

/** A table with a dim header of as many of the columns as `width` has room for. */
export function fittedTable<Any extends Column>(
  columns: readonly Any[],
  rowsOf: (columns: readonly Any[]) => readonly (readonly Span[])[],
  width: number,
): Line[] {
  const header = columns.map((column) => styled(column.header, 'dim'));
  const lines = table(
    [header, ...rowsOf(columns)],
    columns.map(({ right }) => right),
  );
  const last = Math.max(...columns.map(({ dispensable = 0 }) => dispensable));
  if (last === 0 || Math.max(...lines.map(widthOf)) <= width) return lines;
  return fittedTable(
    columns.filter(({ dispensable }) => dispensable !== last),
    rowsOf,
    width,
  );
}

/** A bar of `width` characters of which `fraction` (0…1) is full, to an eighth of a character. */
export function bar(fraction: number, width: number): string {
  const eighths = Math.round(Math.min(1, Math.max(0, fraction)) * width * 8);
  const partial = eighths % 8 === 0 ? '' : '▏▎▍▌▋▊▉'[(eighths % 8) - 1]!;
  return `${'█'.repeat(Math.floor(eighths / 8))}${partial}`.padEnd(width);
}
