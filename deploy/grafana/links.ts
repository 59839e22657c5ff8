/* biome-ignore-all lint/suspicious/noTemplateCurlyInString: Grafana's own syntax for variables */

export interface DataLink {
  readonly title: string;
  readonly url: string;
}

/** Keeps data source, job and time. */
const kept = '${datasource:queryparam}&${job:queryparam}&${__url_time_range}';

/** From a Service's host to its dashboard. */
export const serviceLink: DataLink = {
  title: 'Service ${__value.text}',
  url: `/d/weft-service?var-service=\${__value.text}&${kept}`,
};

/** From a workload's name to its dashboard; its namespace is in a column beside it. */
export const workloadLink: DataLink = {
  title: 'Workload ${__value.text}',
  url: `/d/weft-workload?var-namespace=\${__data.fields.Namespace}&var-workload=\${__value.text}&${kept}`,
};

/** From a node's name to its dashboard. */
export const nodeLink: DataLink = {
  title: 'Node ${__value.text}',
  url: `/d/weft-node?var-node=\${__value.text}&${kept}`,
};
