import { eventHubs } from 'names.bicep'

metadata name = 'Event Hubs'
metadata description = 'Namespace with hubs telemetry, validated and alerts. Entra tokens only; each right is held on one hub.'
metadata trust = 'Trusted to keep order and bytes. Who can send to telemetry can forge a device stamp: only IoT Hub may.'

@export()
@description('Who may do what on which hub.')
type accessType = {
  @description('Hub name.')
  hub: 'telemetry' | 'validated' | 'alerts'
  @description('Function app whose identity holds the right.')
  app: string
  @description('Data Sender or Data Receiver.')
  right: 'send' | 'receive'
}

@export()
@description('Where hub telemetry is copied to, and as whom.')
type captureType = {
  @description('Resource id of the user-assigned identity that writes.')
  identityId: string
  @description('Resource id of the storage account.')
  storageAccountId: string
  container: string
}

@description('Required. Name of the namespace.')
param name string

@description('Required. Azure region.')
param location string

@description('Required. Tags of the deployment.')
param tags object

@description('Required. Throughput units: 1 MB/s or 1 000 events/s in, each.')
@minValue(1)
@maxValue(40)
param throughputUnits int

@description('Required. Throughput units that auto-inflate may reach; equal to throughputUnits switches it off.')
@minValue(1)
@maxValue(40)
param throughputUnitsMax int

@description('Required. Partitions a hub; fixed for its life below Premium. Bounds the parallel function instances.')
@minValue(2)
@maxValue(32)
param partitions int

@description('Optional. Days that events are kept, 1 to 7: how long an outage may last before telemetry is lost.')
@minValue(1)
@maxValue(7)
param retentionDays int = 7

@description('Required. Object id of each app identity, by app name.')
param principals object

@description('Required. Every right on the hubs.')
param access accessType[]

@description('Optional. Keeps what devices sent, byte for byte, for forensics: a copy of hub telemetry in a container.')
param capture captureType?

@description('Required. Workspace for diagnostics.')
param workspaceId string

@description('Required. Whether public network access is refused.')
param isolated bool

// IoT Hub routes and the platform reach the namespace as trusted services also when it is closed to the public.
resource namespace 'Microsoft.EventHub/namespaces@2024-01-01' = {
  name: name
  location: location
  tags: tags
  sku: { name: 'Standard', tier: 'Standard', capacity: throughputUnits }
  identity: capture == null
    ? { type: 'None' }
    : { type: 'UserAssigned', userAssignedIdentities: { '${capture!.identityId}': {} } }
  properties: {
    disableLocalAuth: true
    minimumTlsVersion: '1.2'
    publicNetworkAccess: isolated ? 'Disabled' : 'Enabled'
    isAutoInflateEnabled: throughputUnitsMax > throughputUnits
    maximumThroughputUnits: throughputUnitsMax > throughputUnits ? throughputUnitsMax : 0
  }

  resource networkRules 'networkRuleSets' = {
    name: 'default'
    properties: {
      defaultAction: isolated ? 'Deny' : 'Allow'
      publicNetworkAccess: isolated ? 'Disabled' : 'Enabled'
      trustedServiceAccessEnabled: true
    }
  }
}

resource hubs 'Microsoft.EventHub/namespaces/eventhubs@2024-01-01' = [
  for hub in items(eventHubs): {
    parent: namespace
    name: hub.key
    properties: {
      partitionCount: partitions
      retentionDescription: { cleanupPolicy: 'Delete', retentionTimeInHours: retentionDays * 24 }
      captureDescription: hub.key != 'telemetry' || capture == null
        ? null
        : {
            enabled: true
            encoding: 'Avro'
            intervalInSeconds: 300
            sizeLimitInBytes: 314572800
            skipEmptyArchives: true
            destination: {
              name: 'EventHubArchive.AzureBlockBlob'
              identity: { type: 'UserAssigned', userAssignedIdentity: capture!.identityId }
              properties: {
                storageAccountResourceId: capture!.storageAccountId
                blobContainer: capture!.container
                archiveNameFormat: '{Namespace}/{EventHub}/{PartitionId}/{Year}/{Month}/{Day}/{Hour}/{Minute}/{Second}'
              }
            }
          }
    }
  }
]

var groups = flatten(map(
  items(eventHubs),
  hub => map(hub.value.consumerGroups, group => { hub: hub.key, group: group })
))

resource consumerGroups 'Microsoft.EventHub/namespaces/eventhubs/consumergroups@2024-01-01' = [
  for pair in groups: {
    name: '${name}/${pair.hub}/${pair.group}'
    dependsOn: [hubs]
  }
]

resource hub 'Microsoft.EventHub/namespaces/eventhubs@2024-01-01' existing = [
  for right in access: {
    parent: namespace
    name: right.hub
  }
]

var roleIds = {
  // Azure Event Hubs Data Sender
  send: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', '2b629674-e913-4c01-ae53-ef4638d8f975')
  // Azure Event Hubs Data Receiver
  receive: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', 'a638d3c7-ab3a-418d-83e6-5f17a39d4fde')
}

resource rights 'Microsoft.Authorization/roleAssignments@2022-04-01' = [
  for (right, index) in access: {
    name: guid(namespace.id, right.hub, right.app, right.right)
    scope: hub[index]
    properties: {
      principalId: principals[right.app]
      principalType: 'ServicePrincipal'
      description: '${right.app}: ${right.right} ${right.hub}'
      roleDefinitionId: roleIds[right.right]
    }
    dependsOn: [hubs]
  }
]

resource diagnostics 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  name: 'to-workspace'
  scope: namespace
  properties: {
    workspaceId: workspaceId
    logs: [{ categoryGroup: 'allLogs', enabled: true }]
    metrics: [{ category: 'AllMetrics', enabled: true }]
  }
}

resource lock 'Microsoft.Authorization/locks@2020-05-01' = {
  name: 'keep-telemetry'
  scope: namespace
  properties: { level: 'CanNotDelete', notes: 'Undelivered telemetry is lost with the namespace.' }
}

output id string = namespace.id
output name string = namespace.name
output host string = '${namespace.name}.servicebus.windows.net'
