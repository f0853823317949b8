import t from 'tap'
import { testPolicy } from '../support/policy-table.ts'
import { meshTimeout } from './rows/mesh-timeout.ts'

testPolicy(t, meshTimeout)
