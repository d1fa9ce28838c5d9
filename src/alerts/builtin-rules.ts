/** The rules that every tenant has from the start; a rule file adjusts them under `builtin`. */
import type { RuleSpec } from '../model/alert.ts';
import { MINUTE_MS } from '../model/window.ts';

/** The group of the built-in rules. */
export const BUILTIN_GROUP = 'builtin';

const COMMON = { group: BUILTIN_GROUP, keepFiringForMs: 0, labels: {}, overrides: [] } as const;

/** Each ends a little below where it began, so that a value that hovers at its threshold is one alert and not ten. */
export const BUILTIN_RULES: readonly RuleSpec[] = [
  {
    ...COMMON,
    alert: 'HighCpu',
    expr: 'avg(cpu) > params.threshold',
    clear: 'avg(cpu) < params.threshold - params.margin',
    forMs: 5 * MINUTE_MS,
    severity: 'high',
    params: { threshold: 90, margin: 5 },
    annotations: {
      summary: 'CPU of {{ host }} is at {{ value | percent }}',
      description: 'The CPU of {{ host }} has been busy for more than {{ params.threshold | percent }} of the time.',
      runbook_url: 'docs/rules.md#highcpu',
    },
  },
  {
    ...COMMON,
    alert: 'HighMemory',
    expr: 'avg(memory_used_percent) > params.threshold',
    clear: 'avg(memory_used_percent) < params.threshold - params.margin',
    forMs: 2 * MINUTE_MS,
    severity: 'critical',
    params: { threshold: 95, margin: 2 },
    annotations: {
      summary: 'Memory of {{ host }} is {{ value | percent }} full',
      description:
        'More than {{ params.threshold | percent }} of the memory of {{ host }} is in use: processes may soon be killed.',
      runbook_url: 'docs/rules.md#highmemory',
    },
  },
  {
    ...COMMON,
    alert: 'LowDiskSpace',
    expr: 'last(disk_free_percent) < params.percent && last(disk_free) < params.gib * GiB',
    clear: 'last(disk_free_percent) > params.percent + params.margin || last(disk_free) > (params.gib + params.margin) * GiB',
    forMs: 5 * MINUTE_MS,
    severity: 'high',
    params: { percent: 10, gib: 20, margin: 1 },
    annotations: {
      summary: '{{ labels.mount }} of {{ host }} has {{ values["last(disk_free)"] | bytes }} left',
      description:
        'Of {{ labels.mount }} on {{ host }} {{ value | percent }} are free: less than {{ params.percent | percent }}, and less than {{ params.gib }} GiB.',
      runbook_url: 'docs/rules.md#lowdiskspace',
    },
  },
  {
    ...COMMON,
    alert: 'HostSilent',
    expr: 'silence() > params.seconds',
    clear: undefined,
    forMs: 0,
    severity: 'critical',
    params: { seconds: 300 },
    annotations: {
      summary: '{{ host }} has been silent for {{ value | duration }}',
      description:
        'Nothing has come from {{ host }} for more than {{ params.seconds | duration }}: it, its agent or its network is down.',
      runbook_url: 'docs/rules.md#hostsilent',
    },
  },
];
