import test from 'ava';
import { type Compiled, compiled, outcomeOf } from '../../gateway/outcome.js';
import { rows } from '../../gateway/table.js';

/** Rows with the same manifests share what is compiled from them. */
const meshes = new Map<string, Promise<Compiled>>();

for (const row of rows) {
  test(row.name, async (t) => {
    let mesh = meshes.get(row.manifests);
    if (mesh === undefined) {
      mesh = compiled(row.manifests);
      meshes.set(row.manifests, mesh);
    }
    const { compiled: rule, ...outcome } = outcomeOf(row, await mesh);
    const { has, ...expected } = row.expect;
    if (Object.keys(expected).length > 0) t.like(outcome, expected);
    if (expected.shares !== undefined) t.deepEqual(outcome.shares, expected.shares);
    if (has !== undefined) t.like(rule, has);
  });
}

test('the rows have names of their own', (t) => {
  t.is(new Set(rows.map(({ name }) => name)).size, rows.length);
});
