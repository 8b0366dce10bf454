import { nameOf, compactNameOf, customRoleId } from 'modules/names.bicep'

metadata name = 'Secure device pipeline'
metadata description = 'The whole system: one resource group, one function app a subject, each with its own identity and only the rights listed here.'

targetScope = 'subscription'

@description('A linked IoT hub.')
type hubType = {
  @description('Suffix of the name, such as a.')
  suffix: string
  sku: 'S1' | 'S2' | 'S3'
  @minValue(1)
  @maxValue(200)
  units: int
}

@description('Sizes; infra/README.md says what each carries.')
type sizeType = {
  @description('Event Hubs throughput units.')
  throughputUnits: int
  @description('Event Hubs throughput units reached by auto-inflate.')
  throughputUnitsMax: int
  @description('Partitions a hub.')
  partitions: int
  @description('Most instances a function app.')
  maximumInstances: int
  @description('Instances of the DPS webhook kept warm.')
  webhookInstances: int
}

@description('Required. Environment, part of every name.')
@minLength(2)
@maxLength(5)
param environment string

@description('Optional. Azure region of everything but Front Door.')
param location string = deployment().location

@description('Optional. Workload, part of every name.')
@minLength(2)
@maxLength(4)
param workload string = 'sdp'

@description('Required. IoT hubs linked to DPS.')
@minLength(1)
param hubs hubType[]

@description('Required. Sizes.')
param size sizeType

@description('Required. Mail address of the people on call.')
param opsEmail string

@description('Required. Application (client) id of the pipeline API in Entra ID; infra/entra makes it.')
param apiClientId string

@description('Optional. Private endpoints and no public access to what needs none.')
param isolated bool = false

@description('Optional. What devices wait for outlives the loss of a zone: two warm instances each in a zone of its own, and their storage in three.')
param zoneRedundant bool = false

@description('Optional. Signing keys in hardware.')
param hardwareKeys bool = false

@description('Optional. Keeps what devices sent, byte for byte, beside the audit records.')
param forensics bool = false

@description('Optional. Days that audit records cannot be changed or deleted.')
@minValue(1)
@maxValue(3650)
param auditDays int = 365

@description('Optional. Days that refused events are kept.')
@minValue(1)
param rejectedDays int = 30

@description('Optional. Days that a published firmware file cannot be changed or removed.')
@minValue(1)
@maxValue(3650)
param otaDays int = 180

@description('Optional. Days that the copy of telemetry is kept, and cannot be changed meanwhile.')
@minValue(1)
@maxValue(3650)
param forensicsDays int = 30

@description('Required. What a month may cost before people are told, in the currency of the subscription.')
@minValue(1)
param monthlyBudget int

@description('Required. First day of the month of the first deployment, as yyyy-MM-01; the platform refuses to change it later.')
param budgetStart string

var tags = { workload: workload, environment: environment, source: 'infra/main.bicep' }
var token = take(uniqueString(subscription().id, workload, environment, location), 5)
var prefix = '${workload}-${environment}'

// The apps. Adding one is one entry here, and its rights below. Devices wait for those with zones; what people and timers ask of the
// others can wait until a zone is back, and would cost two warm instances for each function.
var apps = {
  enrollment: {
    alwaysReady: [
      { name: 'http', instanceCount: zoneRedundant ? max(2, size.webhookInstances) : size.webhookInstances }
    ]
    zones: zoneRedundant
    api: true
  }
  telemetry: {
    alwaysReady: [{ name: 'function:IngestTelemetry', instanceCount: zoneRedundant ? 2 : 1 }]
    zones: zoneRedundant
    api: false
  }
  firmware: {
    alwaysReady: []
    zones: false
    api: true
  }
  lifecycle: {
    alwaysReady: []
    zones: false
    api: true
  }
}
var eventHubsName = nameOf('evhns', workload, environment, token)
var roleSuffix = '${prefix}-${token}'
var appNames = map(items(apps), app => app.key)

resource group 'Microsoft.Resources/resourceGroups@2024-11-01' = {
  name: 'rg-${prefix}'
  location: location
  tags: tags
}

module roles 'modules/roles.bicep' = {
  name: 'roles'
  params: { suffix: roleSuffix, resourceGroupId: group.id }
}

module identities 'modules/identity.bicep' = [
  for app in appNames: {
    name: 'identity-${app}'
    scope: group
    params: { name: nameOf('id', '${workload}-${app}', environment, token), location: location, tags: tags }
  }
]

var principals = {
  enrollment: identities[indexOf(appNames, 'enrollment')].outputs.principalId
  telemetry: identities[indexOf(appNames, 'telemetry')].outputs.principalId
  firmware: identities[indexOf(appNames, 'firmware')].outputs.principalId
  lifecycle: identities[indexOf(appNames, 'lifecycle')].outputs.principalId
}

module captureIdentity 'modules/identity.bicep' = if (forensics) {
  name: 'identity-capture'
  scope: group
  params: { name: nameOf('id', '${workload}-capture', environment, token), location: location, tags: tags }
}

module monitoring 'modules/monitoring.bicep' = {
  name: 'monitoring'
  scope: group
  params: {
    workspaceName: nameOf('log', workload, environment, token)
    componentName: nameOf('appi', workload, environment, token)
    location: location
    tags: tags
    principals: principals
    apps: appNames
    isolated: isolated
  }
}

module eventHubs 'modules/eventHubs.bicep' = {
  name: 'event-hubs'
  scope: group
  params: {
    name: eventHubsName
    location: location
    tags: tags
    throughputUnits: size.throughputUnits
    throughputUnitsMax: size.throughputUnitsMax
    partitions: size.partitions
    capture: forensics
      ? {
          identityId: captureIdentity!.outputs.id
          storageAccountId: auditStorage.outputs.id
          container: 'capture'
        }
      : null
    workspaceId: monitoring.outputs.workspaceId
    isolated: isolated
    principals: principals
    access: [
      // Telemetry reads what IoT Hub routes, publishes its verdicts, and reads them back after a crash to publish nothing twice.
      { hub: 'telemetry', app: 'telemetry', right: 'receive' }
      { hub: 'validated', app: 'telemetry', right: 'send' }
      { hub: 'validated', app: 'telemetry', right: 'receive' }
      { hub: 'alerts', app: 'telemetry', right: 'send' }
      { hub: 'alerts', app: 'telemetry', right: 'receive' }
      { hub: 'alerts', app: 'lifecycle', right: 'send' }
    ]
  }
}

// The Functions host of each app keeps leases, keys and packages in an account of its own.
module hostStorage 'modules/storage.bicep' = [
  for (app, index) in appNames: {
    name: 'host-storage-${app}'
    scope: group
    params: {
      name: compactNameOf('st', '${workload}${take(app, 4)}', environment, token)
      location: location
      tags: tags
      sku: apps[app].zones ? 'Standard_ZRS' : 'Standard_LRS'
      containers: [{ name: 'deployments' }]
      principals: principals
      rights: [
        { on: '', kind: 'blobs', app: app, right: 'own' }
        { on: '', kind: 'queues', app: app, right: 'write' }
        { on: '', kind: 'tables', app: app, right: 'write' }
      ]
      workspaceId: monitoring.outputs.workspaceId
      isolated: isolated
      locked: false
    }
  }
]

module stateStorage 'modules/storage.bicep' = {
  name: 'state-storage'
  scope: group
  params: {
    name: compactNameOf('st', '${workload}state', environment, token)
    location: location
    tags: tags
    sku: 'Standard_ZRS'
    containers: [
      { name: 'profiles' }
      { name: 'telemetry-state' }
      { name: 'rejected', deleteAfterDays: rejectedDays }
      { name: 'enrollment' }
    ]
    tables: ['devices', 'incidents', 'releases']
    principals: principals
    rights: [
      { on: 'profiles', kind: 'container', app: 'telemetry', right: 'read' }
      { on: 'telemetry-state', kind: 'container', app: 'telemetry', right: 'write' }
      { on: 'rejected', kind: 'container', app: 'telemetry', right: 'write' }
      { on: 'profiles', kind: 'container', app: 'enrollment', right: 'read' }
      { on: 'enrollment', kind: 'container', app: 'enrollment', right: 'write' }
      { on: 'devices', kind: 'table', app: 'enrollment', right: 'write' }
      { on: 'devices', kind: 'table', app: 'lifecycle', right: 'write' }
      { on: 'releases', kind: 'table', app: 'firmware', right: 'write' }
    ]
    workspaceId: monitoring.outputs.workspaceId
    isolated: isolated
  }
}

module firmwareStorage 'modules/storage.bicep' = {
  name: 'firmware-storage'
  scope: group
  params: {
    name: compactNameOf('st', '${workload}fw', environment, token)
    location: location
    tags: tags
    sku: 'Standard_ZRS'
    containers: [{ name: 'firmware' }]
    principals: principals
    rights: [
      { on: 'firmware', kind: 'container', app: 'firmware', right: 'read' }
    ]
    workspaceId: monitoring.outputs.workspaceId
    isolated: isolated
  }
}

module otaStorage 'modules/storage.bicep' = {
  name: 'ota-storage'
  scope: group
  params: {
    name: compactNameOf('st', '${workload}ota', environment, token)
    location: location
    tags: tags
    sku: 'Standard_ZRS'
    containers: [{ name: 'ota', versionsKeptDays: otaDays }]
    principals: principals
    rights: [
      { on: 'ota', kind: 'container', app: 'firmware', right: 'write' }
    ]
    anonymousRead: true
    workspaceId: monitoring.outputs.workspaceId
    isolated: isolated
  }
}

module auditStorage 'modules/storage.bicep' = {
  name: 'audit-storage'
  scope: group
  params: {
    name: compactNameOf('st', '${workload}aud', environment, token)
    location: location
    tags: tags
    sku: 'Standard_GZRS'
    containers: concat(
      [{ name: 'audit', immutableDays: auditDays }],
      forensics ? [{ name: 'capture', immutableDays: forensicsDays, deleteAfterDays: forensicsDays + 1 }] : []
    )
    principals: union(principals, forensics ? { capture: captureIdentity!.outputs.principalId } : {})
    rights: concat(
      [
        { on: 'audit', kind: 'container', app: 'enrollment', right: 'write' }
        { on: 'audit', kind: 'container', app: 'lifecycle', right: 'write' }
      ],
      forensics ? [{ on: 'capture', kind: 'container', app: 'capture', right: 'write' }] : []
    )
    workspaceId: monitoring.outputs.workspaceId
    isolated: isolated
  }
}

module keyVault 'modules/keyVault.bicep' = {
  name: 'key-vault'
  scope: group
  params: {
    name: compactNameOf('kv', workload, environment, token)
    location: location
    tags: tags
    principals: principals
    keys: [
      { name: 'tuf-snapshot', signer: 'firmware' }
      { name: 'tuf-timestamp', signer: 'firmware' }
      { name: 'tuf-policy', signer: 'firmware' }
      { name: 'death-certificates', signer: 'lifecycle' }
    ]
    signerRoleId: customRoleId('signer', roleSuffix)
    hardware: hardwareKeys
    workspaceId: monitoring.outputs.workspaceId
    isolated: isolated
  }
}

// The function key by which DPS proves itself to the webhook, for the app that writes it into enrolments: a vault of its own, so that
// reading it is no right on anything else. 'rotate-webhook-key' fills it.
module webhookVault 'modules/keyVault.bicep' = {
  name: 'webhook-vault'
  scope: group
  params: {
    name: compactNameOf('kv', '${workload}hook', environment, token)
    location: location
    tags: tags
    principals: principals
    secretReaders: ['enrollment']
    workspaceId: monitoring.outputs.workspaceId
    isolated: isolated
  }
}

module iotHubs 'modules/iotHub.bicep' = [
  for hub in hubs: {
    name: 'iot-hub-${hub.suffix}'
    scope: group
    params: {
      name: nameOf('iot', '${workload}-${hub.suffix}', environment, token)
      location: location
      tags: tags
      sku: hub.sku
      units: hub.units
      eventHubsName: eventHubsName
      principals: principals
      operatorApps: ['lifecycle']
      readerApps: ['enrollment']
      operatorRoleId: customRoleId('registryOperator', roleSuffix)
      readerRoleId: customRoleId('registryReader', roleSuffix)
      workspaceId: monitoring.outputs.workspaceId
    }
  }
]

module provisioning 'modules/provisioning.bicep' = {
  name: 'provisioning'
  scope: group
  params: {
    name: nameOf('dps', workload, environment, token)
    location: location
    tags: tags
    hubNames: [for hub in hubs: nameOf('iot', '${workload}-${hub.suffix}', environment, token)]
    principals: principals
    operatorApps: [
      'enrollment'
      'lifecycle'
    ]
    operatorRoleId: customRoleId('enrollmentOperator', roleSuffix)
    workspaceId: monitoring.outputs.workspaceId
  }
  dependsOn: [iotHubs]
}

module ota 'modules/ota.bicep' = {
  name: 'ota'
  scope: group
  params: {
    name: nameOf('afd', workload, environment, token)
    tags: tags
    originHost: split(otaStorage.outputs.blobEndpoint, '/')[2]
    workspaceId: monitoring.outputs.workspaceId
  }
}

// Endpoints of the accounts that the Functions hosts keep, one each for blobs, queues and tables.
var hostServices = flatten(map(
  appNames,
  app =>
    map(['blob', 'queue', 'table'], kind => {
      name: 'host-${app}-${kind}s'
      resourceId: resourceId(
        subscription().subscriptionId,
        'rg-${prefix}',
        'Microsoft.Storage/storageAccounts',
        compactNameOf('st', '${workload}${take(app, 4)}', environment, token)
      )
      groupId: kind
    })
))

// What several apps are told. A connection named X is settings X__fullyQualifiedNamespace or X__blobServiceUri and the identity to use.
var entraSettings = {
  // Tokens of version 2.0, as the registration asks for: their issuer and audience are these, not the ones of version 1.0.
  Entra__Authority: '${az.environment().authentication.loginEndpoint}${tenant().tenantId}/v2.0'
  Entra__Audience: apiClientId
}
var eventHubSettings = {
  EventHubs__fullyQualifiedNamespace: '${eventHubsName}.servicebus.windows.net'
  EventHubs__credential: 'managedidentity'
}
var storageSettings = {
  Storage__blobServiceUri: stateStorage.outputs.blobEndpoint
  Storage__tableServiceUri: stateStorage.outputs.tableEndpoint
}
// Low load costs by the batch, not by the event: one state append, one checkpoint and one execution each. Waiting up to five seconds for
// a batch to fill makes them two hundred times fewer (infra/README.md, Costs); under load batches are full at once.
var batchSettings = {
  AzureFunctionsJobHost__extensions__eventHubs__minEventBatchSize: '100'
  AzureFunctionsJobHost__extensions__eventHubs__maxWaitTime: '00:00:05'
}
var appSettings = {
  enrollment: union(entraSettings, storageSettings, {
    Provisioning__host: provisioning.outputs.host
    Webhook__key: '@Microsoft.KeyVault(SecretUri=${webhookVault.outputs.uri}secrets/webhook-key)'
    Audit__blobServiceUri: auditStorage.outputs.blobEndpoint
  })
  telemetry: union(eventHubSettings, batchSettings, { Storage__blobServiceUri: stateStorage.outputs.blobEndpoint })
  firmware: union(entraSettings, {
    Storage__tableServiceUri: stateStorage.outputs.tableEndpoint
    KeyVault__vaultUri: keyVault.outputs.uri
    Firmware__blobServiceUri: firmwareStorage.outputs.blobEndpoint
    Ota__blobServiceUri: otaStorage.outputs.blobEndpoint
  })
  lifecycle: union(entraSettings, eventHubSettings, {
    Provisioning__host: provisioning.outputs.host
    IotHubs__hosts: join(
      map(hubs, hub => '${nameOf('iot', '${workload}-${hub.suffix}', environment, token)}.azure-devices.net'),
      ','
    )
    KeyVault__vaultUri: keyVault.outputs.uri
    Storage__tableServiceUri: stateStorage.outputs.tableEndpoint
    // Statements and audit entries are the only blobs it writes.
    Audit__blobServiceUri: auditStorage.outputs.blobEndpoint
  })
}
var speaksEvents = ['telemetry', 'lifecycle']

module functionApps 'modules/functionApp.bicep' = [
  for (app, index) in appNames: {
    name: 'function-app-${app}'
    scope: group
    params: {
      name: nameOf('func', '${workload}-${app}', environment, token)
      planName: nameOf('plan', '${workload}-${app}', environment, token)
      location: location
      tags: tags
      identityId: identities[index].outputs.id
      identityClientId: identities[index].outputs.clientId
      hostStorageName: compactNameOf('st', '${workload}${take(app, 4)}', environment, token)
      settings: union(
        appSettings[app],
        contains(speaksEvents, app) ? { EventHubs__clientId: identities[index].outputs.clientId } : {}
      )
      insightsConnectionString: monitoring.outputs.connectionString
      maximumInstanceCount: size.maximumInstances
      alwaysReady: apps[app].alwaysReady
      zoneRedundant: apps[app].zones
      subnetId: isolated ? network!.outputs.subnetIds[app] : ''
      workspaceId: monitoring.outputs.workspaceId
    }
    dependsOn: [hostStorage]
  }
]

module network 'modules/network.bicep' = if (isolated) {
  name: 'network'
  scope: group
  params: {
    name: nameOf('vnet', workload, environment, token)
    location: location
    tags: tags
    apps: appNames
    services: concat(hostServices, [
      {
        name: 'event-hubs'
        resourceId: eventHubs.outputs.id
        groupId: 'namespace'
      }
      { name: 'key-vault', resourceId: keyVault.outputs.id, groupId: 'vault' }
      { name: 'webhook-vault', resourceId: webhookVault.outputs.id, groupId: 'vault' }
      {
        name: 'state-blobs'
        resourceId: stateStorage.outputs.id
        groupId: 'blob'
      }
      {
        name: 'state-tables'
        resourceId: stateStorage.outputs.id
        groupId: 'table'
      }
      {
        name: 'firmware-blobs'
        resourceId: firmwareStorage.outputs.id
        groupId: 'blob'
      }
      {
        name: 'audit-blobs'
        resourceId: auditStorage.outputs.id
        groupId: 'blob'
      }
    ])
  }
  dependsOn: [hostStorage]
}

// Messages a day and unit, by tier: the quota at which IoT Hub stops taking telemetry.
var dailyMessages = { S1: 400000, S2: 6000000, S3: 300000000 }
var inGroup = '${subscription().id}/resourceGroups/rg-${prefix}/providers'
var storageIds = '${inGroup}/Microsoft.Storage/storageAccounts'
// Ids by name, not by output: so that what the rules watch is known before anything is deployed.
var targets = concat(
  map(hubs, hub => {
    kind: 'iotHub'
    name: 'hub-${hub.suffix}'
    id: '${inGroup}/Microsoft.Devices/IotHubs/${nameOf('iot', '${workload}-${hub.suffix}', environment, token)}'
    dailyQuota: dailyMessages[hub.sku] * hub.units
  }),
  [
    {
      kind: 'eventHubs'
      name: 'event-hubs'
      id: '${inGroup}/Microsoft.EventHub/namespaces/${eventHubsName}'
      dailyQuota: 0
    }
    {
      kind: 'provisioning'
      name: 'dps'
      id: '${inGroup}/Microsoft.Devices/provisioningServices/${nameOf('dps', workload, environment, token)}'
      dailyQuota: 0
    }
    {
      kind: 'keyVault'
      name: 'vault'
      id: '${inGroup}/Microsoft.KeyVault/vaults/${compactNameOf('kv', workload, environment, token)}'
      dailyQuota: 0
    }
    {
      kind: 'ota'
      name: 'front-door'
      id: '${inGroup}/Microsoft.Cdn/profiles/${nameOf('afd', workload, environment, token)}'
      dailyQuota: 0
    }
  ],
  map(
    [
      { kind: 'stateStorage', part: 'state' }
      { kind: 'auditStorage', part: 'aud' }
      { kind: 'otaStorage', part: 'ota' }
    ],
    account => {
      kind: account.kind
      name: 'storage-${account.part}'
      id: '${storageIds}/${compactNameOf('st', '${workload}${account.part}', environment, token)}'
      dailyQuota: 0
    }
  )
)

module alerts 'modules/alerts.bicep' = {
  name: 'alerts'
  scope: group
  params: {
    location: location
    tags: tags
    prefix: prefix
    workspaceId: monitoring.outputs.workspaceId
    opsEmail: opsEmail
    signers: [principals.firmware, principals.lifecycle]
    targets: targets
    rules: loadJsonContent('alert-rules.json')
  }
  // The rules name what they watch, so it must be there.
  dependsOn: [iotHubs, eventHubs, provisioning, keyVault, stateStorage, auditStorage, otaStorage, ota]
}

module workbook 'modules/workbook.bicep' = {
  name: 'workbook'
  scope: group
  params: {
    location: location
    tags: tags
    title: 'Device pipeline ${environment}'
    workspaceId: monitoring.outputs.workspaceId
  }
}

module budget 'modules/budget.bicep' = {
  name: 'budget'
  scope: group
  params: { name: '${prefix}-monthly', monthlyAmount: monthlyBudget, start: budgetStart, opsEmail: opsEmail }
}

output resourceGroup string = group.name
output provisioningIdScope string = provisioning.outputs.idScope
output otaHost string = ota.outputs.host
output deviceEndpoints array = [for (hub, index) in hubs: iotHubs[index].outputs.host]
output functionApps object = toObject(
  appNames,
  app => app,
  app => nameOf('func', '${workload}-${app}', environment, token)
)
output provisioningName string = provisioning.outputs.name
output webhookVaultName string = compactNameOf('kv', '${workload}hook', environment, token)
output keyVaultName string = compactNameOf('kv', workload, environment, token)
output stateAccount string = stateStorage.outputs.name
output otaAccount string = otaStorage.outputs.name
output firmwareAccount string = firmwareStorage.outputs.name
