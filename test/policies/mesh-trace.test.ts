import t from 'tap'
import { testPolicy } from '../support/policy-table.ts'
import { meshTrace } from './rows/mesh-trace.ts'

testPolicy(t, meshTrace)
