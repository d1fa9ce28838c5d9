/** An edge that starts to take pushes: the table of all other routes is read when one of them is first asked for. */
import type { EdgeDependencies } from './app.ts';
import { isPush, openDoor } from './door.ts';

/** What answers requests, as `createApp` does. */
interface Answering {
  fetch(request: Request): Response | Promise<Response>;
}

/**
 * For hosts where starts are frequent and what they read is weighed: the table brings schemas, OpenAPI and alerting with it, more than half of all code.
 * @throws invalid_request when a secret is too short.
 */
export function pushFirst(deps: EdgeDependencies): Answering {
  const door = openDoor(deps);
  let app: Answering | undefined;
  const elsewhere = async (request: Request): Promise<Response> => {
    // Each request asks by itself: in workerd none may wait for what another has begun.
    const { createApp } = await import('./app.ts');
    app ??= createApp(deps, door);
    return app.fetch(request);
  };
  return { fetch: (request) => (isPush(request) ? door.push.respond(request) : elsewhere(request)) };
}
