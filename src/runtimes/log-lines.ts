/** Log lines for operators: JSON, one a line, on stderr. */
import type { Telemetry } from '../ports/telemetry.ts';

export const logLine: Telemetry['log'] = (level, message, fields) => {
  if (level === 'debug') return;
  process.stderr.write(`${JSON.stringify({ time: new Date().toISOString(), level, message, ...fields })}\n`);
};
