metadata name = 'Device Provisioning Service'
metadata description = 'DPS with its linked hubs. Enrolments name the Allocate webhook; the service policy is never read by an app.'
metadata trust = 'Trusted: it proves a device credential before it asks our webhook. Management-plane write here reaches its keys.'

@description('Required. Name of the service.')
param name string

@description('Required. Azure region.')
param location string

@description('Required. Tags of the deployment.')
param tags object

@description('Required. Names of the IoT hubs to link, in this resource group and region.')
param hubNames string[]

@description('Required. Object id of each app identity, by app name.')
param principals object

@description('Required. Who may read and write enrolments: app names.')
param operatorApps string[]

@description('Required. Definition id of the custom enrolment operator role.')
param operatorRoleId string

@description('Required. Workspace for diagnostics.')
param workspaceId string

resource hubs 'Microsoft.Devices/IotHubs@2023-06-30' existing = [for hub in hubNames: { name: hub }]

resource service 'Microsoft.Devices/provisioningServices@2022-12-12' = {
  name: name
  location: location
  tags: tags
  sku: { name: 'S1', capacity: 1 }
  properties: {
    // For enrolments that name none. Ours say custom: the policy of an enrolment, not of the service.
    allocationPolicy: 'Hashed'
    publicNetworkAccess: 'Enabled' // devices come from the internet
    // A link is a connection string: the platform offers no other way. It stays inside this resource, in no setting and no output.
    iotHubs: [
      for (hub, index) in hubNames: {
        location: location
        allocationWeight: 1
        applyAllocationPolicy: true
        connectionString: 'HostName=${hubs[index].properties.hostName};SharedAccessKeyName=iothubowner;SharedAccessKey=${hubs[index].listKeys().value[0].primaryKey}'
      }
    ]
  }
}

resource operators 'Microsoft.Authorization/roleAssignments@2022-04-01' = [
  for app in operatorApps: {
    name: guid(service.id, app, operatorRoleId)
    scope: service
    properties: {
      principalId: principals[app]
      principalType: 'ServicePrincipal'
      description: '${app}: operate'
      roleDefinitionId: operatorRoleId
    }
  }
]

resource diagnostics 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  name: 'to-workspace'
  scope: service
  properties: {
    workspaceId: workspaceId
    logs: [{ categoryGroup: 'allLogs', enabled: true }]
    metrics: [{ category: 'AllMetrics', enabled: true }]
  }
}

resource lock 'Microsoft.Authorization/locks@2020-05-01' = {
  name: 'keep-enrolments'
  scope: service
  properties: { level: 'CanNotDelete', notes: 'Without enrolments no device can come back.' }
}

output name string = service.name
output host string = service.properties.serviceOperationsHostName
output idScope string = service.properties.idScope
