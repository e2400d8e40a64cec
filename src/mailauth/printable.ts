/**
 * Text of others, made fit for a header field, a reply or a line of a log: printable ASCII, and no longer than
 * is said.
 */

/** What is not printable ASCII becomes `?`. At most `most` characters, `...` standing for what was cut off. */
export function printable(text: string, most: number): string {
  const kept = text.length > most ? `${text.slice(0, most - 3)}...` : text
  return kept.replace(/[^\x20-\x7e]/g, '?')
}
