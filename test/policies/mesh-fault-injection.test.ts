import t from 'tap'
import { testPolicy } from '../support/policy-table.ts'
import { meshFaultInjection } from './rows/mesh-fault-injection.ts'

testPolicy(t, meshFaultInjection)
