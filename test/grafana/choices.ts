import type { VariableModel } from './model.js';
import type { Answer, Prometheus, Span } from './prometheus.js';

/** A value of each variable. */
export type Choice = Readonly<Record<string, string>>;

/** Four scrapes, half a second apart: what Grafana takes where a step is not longer. */
const rateInterval = '2s';

/** A query as Grafana sends it. */
export function substituted(query: string, choice: Choice): string {
  return query.replace(/\$\{?(\w+)\}?/g, (whole, name: string) => {
    return name === '__rate_interval' ? rateInterval : (choice[name] ?? whole);
  });
}

/** Every way to choose a dashboard's variables: each value of those that take one, all of those that take all. */
export async function choicesOf(
  variables: readonly VariableModel[],
  prometheus: Prometheus,
  span: Span,
): Promise<readonly Choice[]> {
  let choices: readonly Choice[] = [{}];
  for (const variable of variables) {
    if (variable.type === 'datasource') continue;
    const more = choices.map(async (choice) => {
      const values = await valuesOf(variable, choice, prometheus, span);
      if (values.length === 0) return [];
      const chosen = variable.includeAll ? [variable.allValue!] : values;
      return chosen.map((value) => ({ ...choice, [variable.name]: value }));
    });
    choices = (await Promise.all(more)).flat();
  }
  return choices;
}

async function valuesOf(
  { query, regex = '' }: VariableModel,
  choice: Choice,
  prometheus: Prometheus,
  span: Span,
): Promise<readonly string[]> {
  const text = substituted(query, choice);
  const labels = /^label_values\((.*), (\w+)\)$/s.exec(text);
  if (labels !== null) return prometheus.labelValues(labels[2]!, labels[1]!, span);
  const result = /^query_result\((.*)\)$/s.exec(text);
  if (result === null) throw new Error(`neither label_values nor query_result: ${text}`);
  const pattern = new RegExp(regex.slice(1, -1));
  const answers = await prometheus.at(result[1]!, span.to);
  return [...new Set(answers.map((answer) => pattern.exec(shown(answer))![1]!))];
}

/** As Grafana shows a row of a `query_result`. */
function shown({ metric, values }: Answer): string {
  const labels = Object.entries(metric).map(([name, value]) => `${name}="${value}"`);
  return `{${labels.join(',')}} ${values[0]} 0`;
}
