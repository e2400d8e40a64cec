/** Mail between the server and Debian's Exim. */
import { testExchange } from './exchange-tests.ts'
import { exim } from './peers/exim.ts'

testExchange(exim)
