/** Mail between the server and Debian's Postfix. */
import { testExchange } from './exchange-tests.ts'
import { postfix } from './peers/postfix.ts'

testExchange(postfix)
