/** Where the page shows an incident. */

/** @param publicUrl where people reach the page. */
export function incidentLink(publicUrl: string, incident: string): string {
  return `${publicUrl.replace(/\/+$/, '')}/#/incidents/${incident}`;
}
