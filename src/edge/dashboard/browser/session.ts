/** What the session may do: the sign-in's answer said it, and the browser keeps the word. The server decides all the same. */
import type { Role } from '../../../model/access.ts';

export interface Session {
  /** Why nothing may be changed; undefined: it may. */
  refusal(): string | undefined;
  /** @param role undefined where it is over, or not known. */
  setRole(role: Role | undefined): void;
}

const STORED = 'metricstream.role';
const REFUSAL = 'This session may look, but not change anything.';

/** @param storage may refuse: then the word lasts as long as the page. */
export function createSession(storage: () => Storage): Session {
  const attempt = <T>(run: (store: Storage) => T): T | undefined => {
    try {
      return run(storage());
    } catch {
      return undefined;
    }
  };
  let role = attempt((store) => store.getItem(STORED)) ?? undefined;
  return {
    // Without a word of it: who may not change anything is told so by the answer.
    refusal: () => (role === 'read' ? REFUSAL : undefined),
    setRole(next) {
      role = next;
      attempt((store) => (next === undefined ? store.removeItem(STORED) : store.setItem(STORED, next)));
    },
  };
}
