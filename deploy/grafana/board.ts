import type { Builder } from '@grafana/grafana-foundation-sdk/cog';
import {
  DashboardBuilder,
  DashboardCursorSync,
  type DashboardLink,
  DashboardLinkType,
  RowBuilder,
} from '@grafana/grafana-foundation-sdk/dashboard';
import type { Unplaced } from './panels.js';
import type { Variable } from './variables.js';

export interface Section {
  readonly title: string;
  readonly panels: readonly Unplaced[];
}

export interface Board {
  /** Fixed: links and bookmarks name it. */
  readonly uid: string;
  readonly title: string;
  readonly description: string;
  readonly variables: readonly Variable[];
  readonly sections: readonly Section[];
}

const columns = 24;
const tag = 'weft';

/** Every dashboard with the tag, in the bar above the panels; the SDK's builder would put them into a menu. */
const otherDashboards: Builder<DashboardLink> = {
  build: () => ({
    title: 'Weft',
    type: DashboardLinkType.Dashboards,
    icon: 'external link',
    tooltip: '',
    tags: [tag],
    asDropdown: false,
    targetBlank: false,
    includeVars: true,
    keepTime: true,
  }),
};

/** The dashboard's JSON model, as Grafana's import and its provisioning take it. */
export function render(board: Board): string {
  const builder = new DashboardBuilder(board.title)
    .uid(board.uid)
    .description(board.description)
    .tags([tag])
    .timezone('browser')
    .tooltip(DashboardCursorSync.Crosshair)
    .time({ from: 'now-1h', to: 'now' })
    .refresh('30s')
    .editable()
    .link(otherDashboards)
    .variables([...board.variables]);
  let id = 0;
  let y = 0;
  for (const { panels, title } of board.sections) {
    builder.withRow(new RowBuilder(title).id(++id).gridPos({ x: 0, y, w: columns, h: 1 }));
    y += 1;
    for (const line of linesOf(panels)) {
      let x = 0;
      for (const { height, panel, width } of line) {
        panel.id(++id);
        panel.gridPos({ x, y, w: width, h: height });
        builder.withPanel(panel);
        x += width;
      }
      y += Math.max(...line.map(({ height }) => height));
    }
  }
  return `${JSON.stringify(builder.build(), null, 2)}\n`;
}

/** Panels side by side, as many as there are columns for. */
function linesOf(panels: readonly Unplaced[]): readonly (readonly Unplaced[])[] {
  const lines: Unplaced[][] = [];
  let used = columns;
  for (const panel of panels) {
    if (used + panel.width > columns) {
      lines.push([]);
      used = 0;
    }
    lines.at(-1)!.push(panel);
    used += panel.width;
  }
  return lines;
}
