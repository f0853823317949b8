import t from 'tap'
import { testPolicy } from '../support/policy-table.ts'
import { meshCircuitBreaker } from './rows/mesh-circuit-breaker.ts'

testPolicy(t, meshCircuitBreaker)
