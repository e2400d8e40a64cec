/**
 * Text in the form in which it is compared, wherever letter case does not matter: NFC and lower case, which is
 * Unicode's simple case folding but for a few letters (RFC 9051 §6.4.4 asks for ASCII only). Nothing else is
 * equated.
 */
export const isAsciiText = (text: string): boolean => !/[^\0-\x7f]/.test(text)

export function foldText(text: string): string {
  if (isAsciiText(text)) return text.toLowerCase()
  // Lower case of a capital sigma depends on where it stands in a word.
  return text.normalize('NFC').toLowerCase().replaceAll('ς', 'σ')
}
