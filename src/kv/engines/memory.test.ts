import { engineSuite } from '../suite.ts'
import { MemoryEngine } from './memory.ts'

engineSuite('memory', () => Promise.resolve(new MemoryEngine()))
