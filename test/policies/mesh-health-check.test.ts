import t from 'tap'
import { testPolicy } from '../support/policy-table.ts'
import { meshHealthCheck } from './rows/mesh-health-check.ts'

testPolicy(t, meshHealthCheck)
