/** What of a message words are kept of. The numbers are on disk: append only, below eight. */
export const fields = {
  from: 0,
  to: 1,
  cc: 2,
  bcc: 3,
  subject: 4,
  body: 5,
  /** Names of attachments. */
  name: 6,
  /** The text in attachments that are not text themselves. */
  attachment: 7,
} as const

export type Field = keyof typeof fields

/** A set of fields, as bits. */
export type FieldSet = number

export const fieldSet = (...names: readonly Field[]): FieldSet =>
  names.reduce((set, name) => set | (1 << fields[name]), 0)

/** Header fields as they stand in the message have a dictionary of their own, and there only this field. */
export const headerField = 0
