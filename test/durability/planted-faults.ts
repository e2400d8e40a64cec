/**
 * Mistakes that somebody could make in the server, each of which the tests here must notice. A fault is a
 * replacement in one file of a copy of the sources; the text must be there exactly once, so that a change of
 * the code brings its author here.
 */

export interface PlantedFault {
  readonly name: string
  readonly file: string
  readonly from: string
  readonly to: string
}

const checkpoint = `    this.#syncBlobs()
    this.#writer.apply(this.#newestRows())
    Atomics.add`

const attachedLink =
  'this.put(blobLinkTable, [blob.hash, owner.account, owner.kind, owner.id], true)\n    return blob.hash'

export const plantedFaults: readonly PlantedFault[] = [
  {
    name: 'the journal is not synced',
    file: 'src/kv/journal.ts',
    from: ', trailer], this.#at)\n      fdatasyncSync(fd)\n',
    to: ', trailer], this.#at)\n',
  },
  {
    name: 'answers leave before the sync',
    file: 'src/kv/committer.ts',
    from: '      this.#journal.append(group, encodeGroup(accepted))\n',
    to: `      const payload = encodeGroup(accepted).map((part) => part.slice())
      setTimeout(() => this.#journal.append(group, payload), 20)\n`,
  },
  {
    name: 'the journal is given back before the engine has committed',
    file: 'src/kv/committer.ts',
    from: '    if (this.#rows.bytes > checkpointBytes) this.#tryCheckpoint()',
    to: `    this.#journal.release(this.#group)
    if (this.#rows.bytes > checkpointBytes) this.#tryCheckpoint()`,
  },
  {
    name: 'segments are not synced before the rows that point at them',
    file: 'src/kv/committer.ts',
    from: checkpoint,
    to: `    this.#writer.apply(this.#newestRows())
    Atomics.add`,
  },
  {
    name: 'the directory of the rows is not synced',
    file: 'src/server/store/committer-thread.ts',
    from: "[data.directory, join(data.directory, 'rows')]) syncDirectory(directory)",
    to: '[data.directory]) syncDirectory(directory)',
  },
  {
    name: 'a UID is used again',
    file: 'src/mail/edit.ts',
    from: '    draft.expunged.push(entry.uid)\n',
    to: `    draft.expunged.push(entry.uid)
    if (entry.uid + 1 === draft.row.uidNext) draft.row.uidNext = entry.uid\n`,
  },
  {
    name: 'a blob is linked twice',
    file: 'src/kv/transaction.ts',
    from: attachedLink,
    to: `this.put(blobLinkTable, [blob.hash, owner.account, owner.kind, owner.id + 1e6], true)
    ${attachedLink}`,
  },
  {
    name: 'a blob is not linked',
    file: 'src/kv/transaction.ts',
    from: attachedLink,
    to: 'return blob.hash',
  },
  {
    name: 'a log entry is dropped',
    file: 'src/kv/transaction.ts',
    from: 'if (work.changes.size > 0) this.put(changeLogTable',
    to: 'if (work.changes.size > 0 && modseq % 20 !== 0) this.put(changeLogTable',
  },
  {
    name: 'a message is delivered twice',
    file: 'src/mail/deliver.ts',
    from: 'const outcome = await tx.attempt(() => applyActions(tx, plan))\n',
    to: `await tx.attempt(() => applyActions(tx, plan))
  const outcome = await tx.attempt(() => applyActions(tx, plan))\n`,
  },
  {
    name: 'a flag changes no counter',
    file: 'src/mail/edit.ts',
    from: 'if (!isSeen(row.keywords)) mailbox.unseen += by',
    to: 'if (!isSeen(row.keywords) && by > 0) mailbox.unseen += by',
  },
]
