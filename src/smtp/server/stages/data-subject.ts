/** What the checks of complete data look at. */
import type { MessageStructure } from '#message/structure.ts'

export interface DataSubject {
  readonly structure: MessageStructure
  /** A CR or LF outside CRLF. */
  readonly hasBareLineEnd: boolean
}
