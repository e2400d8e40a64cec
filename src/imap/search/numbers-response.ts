/** The responses SEARCH and SORT of IMAP4rev1 (RFC 3501 §7.2.5, RFC 5256 §4): numbers, and their highest MODSEQ. */
import type { SearchResult } from './esearch-response.ts'
import type { ResponseWriter } from '../wire/writer.ts'

export async function writeNumbers(
  out: ResponseWriter,
  name: 'SEARCH' | 'SORT',
  { found, number, modseq }: Pick<SearchResult, 'found' | 'number' | 'modseq'>,
): Promise<void> {
  out.ascii(`* ${name}`)
  for (const position of found) {
    const full = out.sp().uint(number(position)).room()
    if (full !== undefined) await full
  }
  // RFC 7162 §3.1.5
  if (modseq > 0) out.ascii(' (MODSEQ ').uint(modseq).byte(0x29)
  out.crlf()
}
