import { engineSuite } from '../suite.ts'
import { openTestStore } from '../../../test/harness/store.ts'

engineSuite('sqlite', async () => {
  const store = await openTestStore('sqlite')
  return {
    limits: store.engine.limits,
    snapshot: () => store.engine.snapshot(),
    revision: () => store.engine.revision(),
    commit: (batch) => store.engine.commit(batch),
    [Symbol.asyncDispose]: () => store[Symbol.asyncDispose](),
  }
})
