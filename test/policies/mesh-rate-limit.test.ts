import t from 'tap'
import { testPolicy } from '../support/policy-table.ts'
import { meshRateLimit } from './rows/mesh-rate-limit.ts'

testPolicy(t, meshRateLimit)
