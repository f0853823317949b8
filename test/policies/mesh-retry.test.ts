import t from 'tap'
import { testPolicy } from '../support/policy-table.ts'
import { meshRetry } from './rows/mesh-retry.ts'

testPolicy(t, meshRetry)
