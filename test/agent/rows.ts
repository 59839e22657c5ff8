import type { TableItem } from '../../agent/api/items.js';
import type { AgentProcess } from './agent-process.js';

const deciding = ['backends', 'frontends', 'slots', 'rings', 'pods', 'overrides'];

/**
 * The rows that decide where connections go, as desired and as the kernel has them, as text. Backends that are
 * gone and wait for their ids to be given away decide nothing.
 */
export async function decidingRows(agent: AgentProcess): Promise<readonly string[]> {
  const tables = await Promise.all(deciding.map((table) => agent.items<TableItem>(`tables?table=${table}`)));
  return tables
    .flat()
    .filter(({ desired, drift }) => desired !== '' || drift)
    .map(({ table, key, desired, kernel }) => `${table} ${key}: ${desired} | ${kernel}`);
}
