/** Which role may ask for what, so that nobody is shown a button that would be refused. docs/roles.md has it all. */
import { session } from './session'

export const WHO = {
  'POST /alerts/{alert_id}/ack': 'duty squad',
  'POST /alerts/{alert_id}/dismiss': 'duty squad',
  'POST /alerts/groups/{group_id}/ack': 'duty squad',
  'POST /alerts/groups/{group_id}/dismiss': 'duty squad',
  'POST /leads': 'duty squad',
  'POST /leads/{lead_id}/assignee': 'duty',
  'POST /leads/{lead_id}/merge': 'duty squad',
  'POST /leads/{lead_id}/split': 'duty squad',
  'POST /leads/{lead_id}/notes': 'duty squad reviewer',
  'POST /leads/{lead_id}/photos': 'duty squad',
  'POST /leads/{lead_id}/worksheets': 'squad reviewer',
  'POST /transfers': 'duty squad reviewer',
  'POST /transfers/{transfer_id}/receipt': 'duty squad reviewer',
  'POST /handovers': 'duty',
  'POST /directory/companies/{company_id}/standing': 'reviewer',
  'POST /directory/vehicles/{plate}/standing': 'reviewer',
  'POST /draws': 'reviewer',
  'POST /devices/{device_id}/commands': 'duty',
  'POST /correction-orders': 'duty squad',
  'POST /outlets/{outlet_id}/cleanings': 'duty squad',
  'PUT /meal-hours': '',
  'POST /subscriptions': 'duty squad reviewer',
  'PUT /channels/{name}': '',
  'PUT /companies/{company_id}': '',
  'PUT /office/review-levels': '',
  'PUT /office/time-limits/{severity}': '',
  'GET /webhooks': '',
  'GET /audit': 'reviewer',
} as const

/** An admin may do all of it. */
export const may = (route: keyof typeof WHO): boolean => session.role === 'admin' || WHO[route].split(' ').includes(session.role)
