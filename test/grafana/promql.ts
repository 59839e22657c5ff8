/** One selector of a query: a metric, or several where its name is matched, and the labels it asks for. */
export interface Selector {
  readonly metrics: readonly string[];
  readonly labels: readonly string[];
}

const words = new Set([
  ...['sum', 'min', 'max', 'avg', 'count', 'group', 'topk', 'by', 'on', 'group_left', 'or', 'and', 'unless', 'bool'],
  ...['rate', 'increase', 'histogram_quantile', 'avg_over_time', 'max_over_time', 'absent', 'vector', 'time'],
  ...['label_replace', 'label_join', 'clamp_min', 'offset'],
]);

const token = /"(?:[^"\\]|\\.)*"|\[[^\]]*\]|\{|\}|\(|\)|[a-zA-Z_:][a-zA-Z0-9_:]*|[^\s\w]|\d[\w.]*/g;

/** Every selector of a query. Throws at a word that is neither a metric nor known. */
export function selectorsOf(query: string): readonly Selector[] {
  const tokens: readonly string[] = query.match(token) ?? [];
  const selectors: Selector[] = [];
  for (let i = 0; i < tokens.length; i++) {
    const word = tokens[i]!;
    if (word === '{') {
      const [selector, end] = matchersFrom(tokens, i, []);
      selectors.push(selector);
      i = end;
    } else if (['by', 'on', 'group_left'].includes(word)) {
      i = tokens.indexOf(')', i);
    } else if (/^[a-z_:]/i.test(word) && !words.has(word)) {
      const [selector, end] =
        tokens[i + 1] === '{' ? matchersFrom(tokens, i + 1, [word]) : [{ metrics: [word], labels: [] }, i];
      selectors.push(selector);
      i = end;
    }
  }
  return selectors;
}

function matchersFrom(
  tokens: readonly string[],
  open: number,
  metrics: readonly string[],
): readonly [Selector, number] {
  const close = tokens.indexOf('}', open);
  const labels: string[] = [];
  const named = [...metrics];
  for (let i = open + 1; i < close; i++) {
    if (!/^[a-z_]/i.test(tokens[i]!)) continue;
    if (tokens[i] !== '__name__') labels.push(tokens[i]!);
    else
      named.push(
        ...tokens
          .slice(i, close)
          .find((each) => each.startsWith('"'))!
          .slice(1, -1)
          .split('|'),
      );
  }
  return [{ metrics: named, labels }, close];
}

/** Labels that a query groups or joins by. */
export function groupingsOf(query: string): readonly string[] {
  const lists = [...query.matchAll(/\b(?:by|on|group_left) \(([^)]*)\)/g)].map(([, list]) => list!);
  return lists.flatMap((list) => list.split(',').map((label) => label.trim())).filter((label) => label !== '');
}

/** Labels that a query makes itself. */
export function labelsMadeBy(query: string): readonly string[] {
  return [...query.matchAll(/label_(?:replace|join)\(.*?, "(\w+)", "/g)].map(([, label]) => label!);
}

export function labelsOfLegend(legend: string): readonly string[] {
  return [...legend.matchAll(/\{\{(\w+)\}\}/g)].map(([, label]) => label!);
}
