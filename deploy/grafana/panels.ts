import type { Builder } from '@grafana/grafana-foundation-sdk/cog';
import {
  AxisPlacement,
  BigValueColorMode,
  BigValueGraphMode,
  type DataSourceRef,
  GraphDrawStyle,
  LegendDisplayMode,
  LegendPlacement,
  LineInterpolation,
  ReduceDataOptionsBuilder,
  SortOrder,
  StackingConfigBuilder,
  StackingMode,
  TableSortByFieldStateBuilder,
  TooltipDisplayMode,
  VisibilityMode,
  VizLegendOptionsBuilder,
  VizTooltipOptionsBuilder,
} from '@grafana/grafana-foundation-sdk/common';
import {
  FieldColorBuilder,
  FieldColorModeId,
  type GridPos,
  MappingType,
  type Panel,
  type Threshold,
  ThresholdsConfigBuilder,
  ThresholdsMode,
  type ValueMap,
} from '@grafana/grafana-foundation-sdk/dashboard';
import {
  PanelBuilder as HeatmapBuilder,
  HeatmapColorMode,
  HeatmapColorOptionsBuilder,
  YAxisConfigBuilder,
} from '@grafana/grafana-foundation-sdk/heatmap';
import { DataqueryBuilder, PromQueryFormat } from '@grafana/grafana-foundation-sdk/prometheus';
import { PanelBuilder as StatBuilder } from '@grafana/grafana-foundation-sdk/stat';
import { PanelBuilder as TableBuilder } from '@grafana/grafana-foundation-sdk/table';
import { PanelBuilder as TimeSeriesBuilder } from '@grafana/grafana-foundation-sdk/timeseries';

/** The data source that the variable `datasource` names. */
// biome-ignore lint/suspicious/noTemplateCurlyInString: Grafana's own syntax for a variable
export const datasource: DataSourceRef = { type: 'prometheus', uid: '${datasource}' };

/** A panel that has no place yet. */
export interface Unplaced {
  /** In columns of 24. */
  readonly width: number;
  /** In rows of 30 px. */
  readonly height: number;
  readonly panel: Builder<Panel> & { id(id: number): unknown; gridPos(position: GridPos): unknown };
}

export interface Query {
  readonly expr: string;
  /** What a series is called: text with `{{label}}`. */
  readonly legend: string;
}

/** Steps of colour: from each value on. The first is of everything below. */
export type Steps = readonly (readonly [from: number | null, color: string])[];

export interface PanelText {
  readonly title: string;
  readonly description: string;
  /** A unit's id of Grafana's (`reqps`, `ms`, `percentunit`). */
  readonly unit: string;
}

interface Sized extends PanelText {
  readonly width: number;
  readonly height?: number;
  readonly decimals?: number;
  readonly min?: number;
  readonly max?: number;
  readonly steps?: Steps;
}

const refIds = 'ABCDEFGHIJ';

function targets(queries: readonly Query[], instant: boolean, format: PromQueryFormat): DataqueryBuilder[] {
  return queries.map(({ expr, legend }, index) => {
    const query = new DataqueryBuilder()
      .refId(refIds[index]!)
      .datasource(datasource)
      .expr(expr)
      .legendFormat(legend)
      .format(format);
    return instant ? query.instant() : query.range();
  });
}

function thresholds(steps: Steps): ThresholdsConfigBuilder {
  const each = steps.map(([value, color]): Threshold => ({ value, color }));
  return new ThresholdsConfigBuilder().mode(ThresholdsMode.Absolute).steps(each);
}

const noSteps: Steps = [[null, 'green']];

export interface TimeSeriesOptions extends Sized {
  readonly queries: readonly Query[];
  /** Values on top of each other: as they are, or as parts of the whole. */
  readonly stacked?: 'values' | 'parts';
}

/** Lines over time, with last and greatest values in the legend. */
export function timeSeries(options: TimeSeriesOptions): Unplaced {
  const { decimals, height = 8, max, min = 0, queries, stacked, steps = noSteps, unit, width } = options;
  const panel = new TimeSeriesBuilder()
    .title(options.title)
    .description(options.description)
    .datasource(datasource)
    .targets(targets(queries, false, PromQueryFormat.TimeSeries))
    .unit(unit)
    .min(min)
    .thresholds(thresholds(steps))
    .colorScheme(new FieldColorBuilder().mode(FieldColorModeId.PaletteClassicByName))
    .drawStyle(GraphDrawStyle.Line)
    .lineInterpolation(LineInterpolation.Linear)
    .lineWidth(1)
    .fillOpacity(stacked === undefined ? 8 : 40)
    .showPoints(VisibilityMode.Never)
    .spanNulls(false)
    .axisPlacement(AxisPlacement.Auto)
    .legend(
      new VizLegendOptionsBuilder()
        .displayMode(LegendDisplayMode.Table)
        .placement(LegendPlacement.Bottom)
        .showLegend(true)
        .calcs(['lastNotNull', 'max']),
    )
    .tooltip(new VizTooltipOptionsBuilder().mode(TooltipDisplayMode.Multi).sort(SortOrder.Descending));
  if (decimals !== undefined) panel.decimals(decimals);
  if (max !== undefined) panel.max(max);
  if (stacked !== undefined) {
    const mode = stacked === 'parts' ? StackingMode.Percent : StackingMode.Normal;
    panel.stacking(new StackingConfigBuilder().mode(mode).group('A'));
  }
  return { width, height, panel };
}

export interface StatOptions extends Sized {
  readonly queries: readonly Query[];
  /** Text instead of a value. */
  readonly texts?: Readonly<Record<string, { readonly text: string; readonly color: string }>>;
  /** What is shown while nothing is there. */
  readonly nothing?: string;
}

/** The last value, large, with its course behind it. */
export function stat(options: StatOptions): Unplaced {
  const { decimals, height = 4, max, min, nothing = '–', queries, steps = noSteps, texts, unit, width } = options;
  const panel = new StatBuilder()
    .title(options.title)
    .description(options.description)
    .datasource(datasource)
    .targets(targets(queries, false, PromQueryFormat.TimeSeries))
    .unit(unit)
    .noValue(nothing)
    .thresholds(thresholds(steps))
    .colorScheme(new FieldColorBuilder().mode(FieldColorModeId.Thresholds))
    .colorMode(BigValueColorMode.Value)
    .graphMode(texts === undefined ? BigValueGraphMode.Area : BigValueGraphMode.None)
    .reduceOptions(new ReduceDataOptionsBuilder().calcs(['lastNotNull']).values(false));
  if (decimals !== undefined) panel.decimals(decimals);
  if (min !== undefined) panel.min(min);
  if (max !== undefined) panel.max(max);
  if (texts !== undefined) {
    const mapping: ValueMap = { type: MappingType.ValueToText, options: texts };
    panel.mappings([mapping]);
  }
  return { width, height, panel };
}

export interface Column {
  /** What heads it. */
  readonly name: string;
  /** A label, or a query's value. */
  readonly of: { readonly label: string } | { readonly expr: string };
  readonly unit?: string;
  readonly decimals?: number;
  /** Where a click leads: `uid` of a dashboard, with the label as its variable. */
  readonly link?: { readonly title: string; readonly url: string };
}

export interface TableOptions extends Sized {
  readonly columns: readonly Column[];
  /** The column to sort by, greatest first. */
  readonly sortBy: string;
}

interface Property {
  readonly id: string;
  readonly value: unknown;
}

function properties({ decimals, link, of, unit }: Column): Property[] {
  return [
    ...(unit === undefined ? [] : [{ id: 'unit', value: unit }]),
    ...(decimals === undefined ? [] : [{ id: 'decimals', value: decimals }]),
    ...(link === undefined ? [] : [{ id: 'links', value: [link] }]),
    ...('label' in of ? [{ id: 'custom.filterable', value: true }] : []),
  ];
}

/** One row a set of labels: each query is one column, the labels that all of them have are the others. */
export function table(options: TableOptions): Unplaced {
  const { columns, height = 9, sortBy, steps = noSteps, unit, width } = options;
  const queries = columns.flatMap(({ of }) => ('expr' in of ? [{ expr: of.expr, legend: '' }] : []));
  const valued = columns.filter(({ of }) => 'expr' in of);
  const fieldOf = (column: Column): string => {
    if ('label' in column.of) return column.of.label;
    return valued.length === 1 ? 'Value' : `Value #${refIds[valued.indexOf(column)]}`;
  };
  const panel = new TableBuilder()
    .title(options.title)
    .description(options.description)
    .datasource(datasource)
    .targets(targets(queries, true, PromQueryFormat.Table))
    .unit(unit)
    .thresholds(thresholds(steps))
    .sortBy([new TableSortByFieldStateBuilder().displayName(sortBy).desc(true)])
    .withTransformation({ id: 'merge', options: {} })
    .withTransformation({
      id: 'organize',
      options: {
        excludeByName: { Time: true },
        indexByName: Object.fromEntries(columns.map((column, index) => [fieldOf(column), index])),
        renameByName: Object.fromEntries(columns.map((column) => [fieldOf(column), column.name])),
      },
    });
  for (const column of columns) {
    const each = properties(column);
    if (each.length > 0) panel.overrideByName(column.name, each);
  }
  return { width, height, panel };
}

export interface HeatmapOptions extends Sized {
  /** A counter of buckets by `le`. */
  readonly expr: string;
}

/** How many of a histogram's values were in each bucket, over time. */
export function heatmap({ description, expr, height = 8, title, unit, width }: HeatmapOptions): Unplaced {
  const panel = new HeatmapBuilder()
    .title(title)
    .description(description)
    .datasource(datasource)
    .targets(targets([{ expr, legend: '{{le}}' }], false, PromQueryFormat.Heatmap))
    .unit('short')
    .calculate(false)
    .color(new HeatmapColorOptionsBuilder().mode(HeatmapColorMode.Scheme).scheme('Oranges').exponent(0.5).steps(64))
    .yAxis(new YAxisConfigBuilder().unit(unit).axisPlacement(AxisPlacement.Left))
    .hideLegend();
  return { width, height, panel };
}
