import t from 'tap'
import { testPolicy } from '../support/policy-table.ts'
import { meshService } from './rows/mesh-service.ts'

testPolicy(t, meshService)
