import t from 'tap'
import { testPolicy } from '../support/policy-table.ts'
import { meshPassthrough } from './rows/mesh-passthrough.ts'

testPolicy(t, meshPassthrough)
