/** What a check says of the journal, which was brought into the store before the check could begin. */
import type { FindingKind, Trouble } from './check.ts'
import type { Recovered } from './committer.ts'

const journalGap: FindingKind = {
  name: 'journal-gap',
  means:
    'The disk has lost or changed a part of the journal: what was acknowledged last before the server ended is gone.',
}

export async function* journalTroubles({ missing }: Recovered): AsyncGenerator<Trouble> {
  if (missing > 0) yield { kind: journalGap, what: `${missing} commits` }
}
