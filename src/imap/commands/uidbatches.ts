/**
 * UIDBATCHES: ranges of UIDs that hold so many messages each, from the newest on. They leave no UID out, and the last
 * one ends at 1, so that a client need not ask for what lies between.
 */
import { command, type Completion, whole } from '../session/command.ts'
import { Refusal } from '../errors.ts'
import type { Arguments } from '../wire/grammar.ts'
import type { ImapSession } from '../session/session.ts'
import type { SessionView } from '../session/view.ts'

interface BatchArguments {
  readonly size: number
  /** From 1; undefined for all. */
  readonly batches: { readonly first: number; readonly last: number } | undefined
}

export const uidbatches = command<BatchArguments>({
  name: 'UIDBATCHES',
  states: ['selected'],
  standard: 'RFC 10022 §3.1',
  parse: whole((args: Arguments) => {
    args.sp()
    const size = args.nzNumber()
    if (args.atEnd) return { size, batches: undefined }
    args.sp()
    const first = args.nzNumber()
    args.expect(0x3a, '":"')
    const last = args.nzNumber()
    return { size, batches: { first, last } }
  }),
  async run(session, args) {
    const { size, batches } = args
    assertReasonable(session, args)
    await session.selectedNow('r')
    const { selectedView: view, reader, out } = session
    const count = Math.ceil(view.count / size)
    const { first, last } = batches ?? { first: 1, last: count }
    const request = batches === undefined ? String(size) : `${size} ${first}:${last}`
    if (!view.batchesAsked.mayAsk(request, size, view))
      throw new Refusal('You have the answer, and little has changed since', 'LIMIT')
    out.ascii('* UIDBATCHES (TAG "').ascii(reader.tag).ascii('")')
    for (let batch = first; batch <= Math.min(last, count); batch++) {
      out
        .ascii(batch === first ? ' ' : ',')
        .uint(highestUid(view, size, batch))
        .byte(0x3a)
        .uint(lowestUid(view, size, batch))
    }
    out.crlf()
    const full = out.room()
    if (full !== undefined) await full
    return {} satisfies Completion
  },
})

function assertReasonable(
  { settings, selectedView: view }: ImapSession,
  { size, batches }: BatchArguments,
): void {
  const { minUidBatchSize, maxUidBatches } = settings
  if (batches !== undefined && batches.first > batches.last)
    throw new Refusal('Invalid batch range', 'CLIENTBUG', 'BAD')
  if (size < minUidBatchSize) throw new Refusal(`Minimum batch size is ${minUidBatchSize}`, 'TOOFEW')
  const asked = batches === undefined ? Math.ceil(view.count / size) : batches.last - batches.first + 1
  if (asked > maxUidBatches)
    throw new Refusal(batches === undefined ? 'Too many messages in mailbox' : 'Too many messages', 'TOOMANY')
}

const highestUid = (view: SessionView, size: number, batch: number): number =>
  batch === 1 ? view.uidAt(view.count - 1) : lowestUid(view, size, batch - 1) - 1

function lowestUid(view: SessionView, size: number, batch: number): number {
  const below = view.count - batch * size - 1
  return below < 0 ? 1 : view.uidAt(below) + 1
}
