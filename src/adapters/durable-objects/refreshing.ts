/** What an edge knows from control, asked for again when it may be too old. */

export interface RefreshingOptions {
  /** How old it may be before control is asked. */
  readonly refreshMs: number;
  /** While one asks, for so long, the others go on with what is known. */
  readonly askMs: number;
  /** If that is not older than this. */
  readonly ageMsMax: number;
  /** While control cannot be reached, what is known is good for so long. */
  readonly staleMs: number;
  /** Asks control, and takes over what it answers. */
  ask(): Promise<void>;
}

/** @returns refresh, as the ports have it. */
export function refreshing(options: RefreshingOptions): (nowMs: number) => Promise<void> | undefined {
  const { refreshMs, askMs, ageMsMax, staleMs, ask } = options;
  /** When control was last asked, and when it last answered. */
  let askedMs = 0;
  let knownMs = 0;

  // Each request asks for itself: one that waited for the question of another would wait for ever when that is cancelled.
  const update = async (nowMs: number): Promise<void> => {
    askedMs = nowMs;
    try {
      await ask();
      knownMs = nowMs;
    } catch (error) {
      if (Math.abs(nowMs - knownMs) > staleMs) throw error;
    }
  };
  return (nowMs) => {
    const age = Math.abs(nowMs - knownMs);
    const isAsked = Math.abs(nowMs - askedMs) < askMs && age < ageMsMax;
    return age < refreshMs || isAsked ? undefined : update(nowMs);
  };
}
