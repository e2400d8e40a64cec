/** What fails once on a disk that fails does so with everything: one report in a while says it. */

const troubleMs = 10_000

export function troubleTeller(tell: (trouble: string) => void): (error: unknown) => void {
  let toldAt = Number.NEGATIVE_INFINITY
  return (error) => {
    const now = performance.now()
    if (now - toldAt < troubleMs) return
    toldAt = now
    tell(error instanceof Error ? error.message : String(error))
  }
}
