/** Which faults the simulation makes, and how often each really happened. */

/** Every one of them has to happen over the seeds of a run. */
export const FAULTS = [
  'crash_before_log_commit',
  'crash_before_log_sync',
  'crash_after_log_commit',
  'crash_inside_checkpoint',
  'crash_after_checkpoint_commit',
  'crash_in_upkeep',
  'crash_while_reading',
  'crash_between_steps',
  'crash_while_starting',
  'crash_with_open_windows',
  'crash_with_closed_windows',
  'crash_with_corrected_windows',
  'crash_with_sealed_samples',
  'crash_with_bundled_hours',
  'crash_with_bundled_days',
  'restart_by_signal',
  'log_write_failed',
  'log_sync_failed',
  'checkpoint_write_failed',
  'disk_full',
  'poison_record',
  'log_trimmed',
  'server_clock_stepped',
  'server_slept',
  'request_lost',
  'request_duplicated_in_flight',
  'request_duplicated_later',
  'response_lost',
  'requests_reordered',
  'server_unreachable',
  'gateway_answered_503',
  'client_gave_up',
  'client_silent',
  'world_slept',
  'boot_renewed',
  'agent_restarted',
  'agent_dropped_samples',
  'agent_breaker_opened',
  'samples_late_by_minutes',
  'samples_late_by_hours',
  'samples_too_old',
  'samples_in_future',
  'samples_by_nanoseconds',
  'samples_at_a_boundary',
  'samples_staggered',
  'samples_unstamped',
  'samples_repeated',
  'samples_in_conflict',
  'push_repeated',
  'push_repeated_after_restart',
  'push_id_with_other_content',
  'push_without_id',
  'series_over_limit',
  'rate_limited',
  'heads_overloaded',
] as const;

export type Fault = (typeof FAULTS)[number];

export class FaultCounts {
  readonly #counts = new Map<Fault, number>(FAULTS.map((fault) => [fault, 0]));

  count(fault: Fault, by = 1): void {
    this.#counts.set(fault, this.of(fault) + by);
  }

  of(fault: Fault): number {
    return this.#counts.get(fault) ?? 0;
  }

  add(other: FaultCounts): void {
    for (const fault of FAULTS) this.count(fault, other.of(fault));
  }

  missing(): Fault[] {
    return FAULTS.filter((fault) => this.of(fault) === 0);
  }

  /** Three columns of name and count. */
  table(): string {
    const cells = FAULTS.map((fault) => `${fault.padEnd(32)}${String(this.of(fault)).padStart(8)}`);
    const height = Math.ceil(cells.length / 3);
    return Array.from({ length: height }, (_, row) => cells.filter((_, i) => i % height === row).join('   ')).join('\n');
  }
}
