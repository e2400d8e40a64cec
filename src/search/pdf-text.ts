/** The text of PDF, by pdf.js without anything that draws. The library is loaded when the first one is read. */

const mostPages = 300

/** At most about `maxCharacters`. Throws what the library throws; it may take any time and memory. */
export async function pdfText(bytes: Uint8Array, maxCharacters: number): Promise<string> {
  const { getDocumentProxy } = await import('unpdf')
  // Its own copy: the library takes the memory away. Scripts in it are not run.
  const document = await getDocumentProxy(Uint8Array.from(bytes), { verbosity: 0 })
  const pieces: string[] = []
  let characters = 0
  try {
    for (let i = 1; i <= Math.min(document.numPages, mostPages) && characters < maxCharacters; i++) {
      const page = await document.getPage(i)
      for (const item of (await page.getTextContent()).items) {
        if (!('str' in item)) continue
        const text = item.hasEOL ? `${item.str}\n` : item.str
        pieces.push(text)
        characters += text.length
      }
      pieces.push('\n')
      page.cleanup()
    }
  } finally {
    await document.loadingTask.destroy()
  }
  return pieces.join('').slice(0, maxCharacters)
}
