metadata name = 'IoT Hub'
metadata description = 'One hub: telemetry, lifecycle, twin and connection events routed to hub "telemetry" with the hub own identity.'
metadata trust = 'Trusted: its stamps (device id, generation id, auth method) are the identity of every event.'

@description('Required. Name of the hub.')
param name string

@description('Required. Azure region.')
param location string

@description('Required. Tags of the deployment.')
param tags object

@description('Required. Tier. Basic tiers lack twins and methods, which containment needs.')
param sku 'S1' | 'S2' | 'S3'

@description('Required. Units.')
@minValue(1)
@maxValue(200)
param units int

@description('Required. Event Hubs namespace in this resource group.')
param eventHubsName string

@description('Required. Object id of each app identity, by app name.')
param principals object

@description('Required. Who may operate the registry: app names.')
param operatorApps string[]

@description('Required. Who may read the registry: app names.')
param readerApps string[]

@description('Required. Definition id of the custom registry operator role.')
param operatorRoleId string

@description('Required. Definition id of the custom registry reader role.')
param readerRoleId string

@description('Required. Workspace for diagnostics.')
param workspaceId string

var endpointName = 'telemetry'
// Events the pipeline reads. Lifecycle, twin and connection events share the hub with telemetry, so that a device's events keep
// one order: the Telemetry app learns a device's profile before it judges its first message.
var sources = [
  'DeviceMessages'
  'DeviceLifecycleEvents'
  'TwinChangeEvents'
  'DeviceConnectionStateEvents'
]

resource telemetryHub 'Microsoft.EventHub/namespaces/eventhubs@2024-01-01' existing = {
  name: '${eventHubsName}/telemetry'
}

resource identity 'Microsoft.ManagedIdentity/userAssignedIdentities@2024-11-30' = {
  name: 'id-${name}'
  location: location
  tags: tags
}

// Azure Event Hubs Data Sender: IoT Hub is the only sender into "telemetry".
var dataSender = subscriptionResourceId(
  'Microsoft.Authorization/roleDefinitions',
  '2b629674-e913-4c01-ae53-ef4638d8f975'
)

resource mayRoute 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(telemetryHub.id, identity.id, dataSender)
  scope: telemetryHub
  properties: {
    principalId: identity.properties.principalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: dataSender
  }
}

resource hub 'Microsoft.Devices/IotHubs@2023-06-30' = {
  name: name
  location: location
  tags: tags
  sku: { name: sku, capacity: units }
  identity: { type: 'UserAssigned', userAssignedIdentities: { '${identity.id}': {} } }
  properties: {
    minTlsVersion: '1.2'
    // DPS links hubs by shared access policy and stops working without it: the one exception to "no shared keys".
    disableLocalAuth: false
    disableDeviceSAS: true
    disableModuleSAS: true
    // Open also when the rest is isolated: devices come from the internet, and the hub has one door for devices and services alike.
    publicNetworkAccess: 'Enabled'
    enableFileUploadNotifications: false
    routing: {
      endpoints: {
        eventHubs: [
          {
            name: endpointName
            authenticationType: 'identityBased'
            identity: { userAssignedIdentity: identity.id }
            endpointUri: 'sb://${eventHubsName}.servicebus.windows.net'
            entityPath: 'telemetry'
            resourceGroup: resourceGroup().name
            subscriptionId: subscription().subscriptionId
          }
        ]
      }
      routes: [
        for source in sources: {
          name: toLower(source)
          source: source
          condition: 'true'
          endpointNames: [endpointName]
          isEnabled: true
        }
      ]
      // Off: an event that matches no route must be missed loudly, not collect where nobody reads.
      fallbackRoute: {
        name: 'fallback'
        source: 'DeviceMessages'
        condition: 'true'
        endpointNames: ['events']
        isEnabled: false
      }
      // Enrichments are application properties: a device can write the same names. Nothing here relies on them.
      enrichments: []
    }
  }
  dependsOn: [mayRoute]
}

resource operators 'Microsoft.Authorization/roleAssignments@2022-04-01' = [
  for app in operatorApps: {
    name: guid(hub.id, app, operatorRoleId)
    scope: hub
    properties: {
      principalId: principals[app]
      principalType: 'ServicePrincipal'
      description: '${app}: operate'
      roleDefinitionId: operatorRoleId
    }
  }
]

resource readers 'Microsoft.Authorization/roleAssignments@2022-04-01' = [
  for app in readerApps: {
    name: guid(hub.id, app, readerRoleId)
    scope: hub
    properties: {
      principalId: principals[app]
      principalType: 'ServicePrincipal'
      description: '${app}: read'
      roleDefinitionId: readerRoleId
    }
  }
]

resource diagnostics 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  name: 'to-workspace'
  scope: hub
  properties: {
    workspaceId: workspaceId
    logs: [{ categoryGroup: 'allLogs', enabled: true }]
    metrics: [{ category: 'AllMetrics', enabled: true }]
  }
}

resource lock 'Microsoft.Authorization/locks@2020-05-01' = {
  name: 'keep-registry'
  scope: hub
  properties: { level: 'CanNotDelete', notes: 'Every device identity is lost with the hub.' }
}

output name string = hub.name
output host string = hub.properties.hostName
