import t from 'tap'
import { testPolicy } from '../support/policy-table.ts'
import { meshAccessLog } from './rows/mesh-access-log.ts'

testPolicy(t, meshAccessLog)
