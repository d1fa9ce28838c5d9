/** Writes the Prometheus text exposition format 0.0.4. */

import type { HistogramSample, MetricFamily, TelemetryLabels } from '../ports/telemetry.ts';

/*
 * family  = [ "# HELP " name " " text LF ] "# TYPE " name " " type LF sample*
 * sample  = name [ "{" label { "," label } "}" ] " " value LF
 * label   = key "=" DQUOTE value DQUOTE           \ , " and LF in the value are escaped with \
 * A histogram gives name_bucket{le=…} (cumulative, the last le is +Inf), name_sum and name_count.
 * https://prometheus.io/docs/instrumenting/exposition_formats/#text-based-format
 */

export function encodePrometheusText(families: Iterable<MetricFamily>): string {
  let text = '';
  for (const family of families) {
    if (family.help !== undefined) text += `# HELP ${family.name} ${escapeHelp(family.help)}\n`;
    text += `# TYPE ${family.name} ${family.type}\n`;
    if (family.type === 'histogram') for (const sample of family.samples) text += histogramLines(family.name, sample);
    else for (const { labels, value } of family.samples) text += line(family.name, labels, value);
  }
  return text;
}

function histogramLines(name: string, { labels, bounds, counts, sum }: HistogramSample): string {
  let text = '';
  let total = 0;
  counts.forEach((count, i) => {
    total += count;
    text += line(`${name}_bucket`, { ...labels, le: numberText(bounds[i] ?? Number.POSITIVE_INFINITY) }, total);
  });
  return text + line(`${name}_sum`, labels, sum) + line(`${name}_count`, labels, total);
}

function line(name: string, labels: TelemetryLabels, value: number): string {
  const pairs = Object.entries(labels).map(([key, text]) => `${key}="${escapeValue(text)}"`);
  return `${name}${pairs.length === 0 ? '' : `{${pairs.join(',')}}`} ${numberText(value)}\n`;
}

function numberText(value: number): string {
  if (value === Number.POSITIVE_INFINITY) return '+Inf';
  if (value === Number.NEGATIVE_INFINITY) return '-Inf';
  return String(value);
}

function escapeHelp(text: string): string {
  return text.replaceAll('\\', '\\\\').replaceAll('\n', '\\n');
}

function escapeValue(text: string): string {
  return escapeHelp(text).replaceAll('"', '\\"');
}
