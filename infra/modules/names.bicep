metadata name = 'Names'
metadata description = 'The one naming function, and the names that code, templates and tests share (design: hubs, containers, tables).'
metadata trust = 'No resource. A wrong name here breaks deployment, not security.'

@export()
@description('Name of a resource: kind, workload, environment and a suffix that is stable for the resource group. Kinds that forbid dashes pass dash = false.')
func nameOf(kind string, workload string, environment string, token string) string =>
  '${kind}-${workload}-${environment}-${token}'

@export()
@description('The same without dashes, at most 24 characters: storage accounts and key vaults.')
func compactNameOf(kind string, workload string, environment string, token string) string =>
  take('${kind}${workload}${environment}${token}', 24)

@export()
@description('Event hubs and their consumer groups beside $Default.')
var eventHubs = {
  telemetry: { consumerGroups: ['functions', 'ops'] }
  validated: { consumerGroups: ['functions', 'ops'] }
  alerts: { consumerGroups: ['functions', 'ops'] }
}

@export()
@description('App roles of the pipeline API. Ids are fixed, so that a redeployment changes nothing.')
var appRoles = [
  'Device.Enroll'
  'Device.Decommission'
  'Release.Submit'
  'Release.Approve'
  'Incident.Respond'
  'Fleet.Read'
]

@export()
@description('Definition id of a custom role of this deployment: known before anything is deployed.')
func customRoleId(role string, suffix string) string =>
  subscriptionResourceId('Microsoft.Authorization/roleDefinitions', guid(subscription().id, role, suffix))
