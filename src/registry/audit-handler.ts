/** The audit log as an object that is read like all others. */
import type { Db } from '#kv/db.ts'
import type { ReadTx } from '#kv/tx.ts'
import { dateTime, integer, oneOf, record, text } from '#settings/field.ts'
import type { Values } from '#settings/values.ts'
import { auditId, auditKey, type AuditRow, auditTable, listAudit } from './audit.ts'
import type { ManagedObject, ObjectHandler, QueryRequest, QueryResult } from './managed-object.ts'

const said = (help: string) => text({ fallback: '', settable: 'never', help })
const values = (help: string) => record({}, { fallback: {}, settable: 'never', help })

const auditObject: ManagedObject = {
  name: 'AuditEntry',
  title: 'Audit log',
  help: 'Who changed what.',
  kind: 'record',
  fields: {
    at: dateTime({ fallback: undefined, settable: 'never', help: 'When.' }),
    actor: said('Who, by name.'),
    actorId: integer({
      fallback: 0,
      settable: 'never',
      help: 'The account; 0: the administrator without one.',
    }),
    ip: said('From where.'),
    protocol: said('Over which protocol.'),
    verb: said('What was done: create, update, destroy or action.'),
    object: said('To what kind of object.'),
    objectId: said('To which one.'),
    account: integer({
      fallback: undefined,
      settable: 'never',
      help: 'Whose, by its number, of objects that every account has.',
    }),
    name: said('What that is called.'),
    before: values('What differed before.'),
    after: values('What differs after. Of secrets: that they changed.'),
  },
  filters: {
    object: text({ fallback: undefined, help: 'Only changes to this kind of object.' }),
    objectId: text({ fallback: undefined, help: 'Only changes to this one.' }),
    actor: text({ fallback: undefined, help: 'Only what this account did, by name.' }),
    verb: oneOf(['create', 'update', 'destroy', 'action'], {
      fallback: undefined,
      help: 'Only what was done so.',
    }),
    before: dateTime({ fallback: undefined, help: 'Only what is older.' }),
  },
}

const perSlice = 500
/** Further back nobody pages; a narrower question finds it. */
const mostLookedAt = 200_000

export class AuditHandler implements ObjectHandler {
  readonly object = auditObject
  readonly #db: Db

  constructor(db: Db) {
    this.#db = db
  }

  async locate(_tx: ReadTx, key: string): Promise<string | undefined> {
    return key
  }

  async read(tx: ReadTx, id: string): Promise<Values | undefined> {
    const key = auditKey(id)
    const row = key === undefined ? undefined : await tx.get(auditTable, ...key)
    if (key === undefined || row === undefined) return undefined
    const { id: objectId, ...rest } = row
    return { at: new Date(key[0]).toISOString(), ...rest, objectId }
  }

  /** Newest first. */
  async query({ filter, position, limit }: QueryRequest): Promise<QueryResult> {
    const isWanted = matcher(filter)
    const ids: string[] = []
    let total = 0
    const first = filter['before'] as string | undefined
    let before: readonly [number, string] | undefined =
      first === undefined ? undefined : [Date.parse(first), '00000000']
    for (let lookedAt = 0; lookedAt < mostLookedAt; lookedAt += perSlice) {
      const o = { limit: perSlice, ...(before === undefined ? {} : { before }) }
      const page = await this.#db.read((tx) => listAudit(tx, o))
      for (const [key, row] of page) {
        if (!isWanted(row)) continue
        if (total >= position && ids.length < limit) ids.push(auditId(key))
        total++
      }
      if (page.length < perSlice) break
      before = page.at(-1)![0]
    }
    return { ids, total }
  }
}

function matcher(filter: Values): (row: AuditRow) => boolean {
  const { object, objectId, actor, verb } = filter
  return (row) =>
    (object === undefined || row.object === object) &&
    (objectId === undefined || row.id === objectId || row.name === objectId) &&
    (actor === undefined || row.actor === actor) &&
    (verb === undefined || row.verb === verb)
}
