metadata name = 'Network isolation'
metadata description = 'Virtual network with one delegated subnet a function app, and private endpoints with their DNS zones.'
metadata trust = 'Not trusted to protect by itself: every service still wants a token.'

@export()
@description('A service to reach privately.')
type privateServiceType = {
  name: string
  resourceId: string
  @description('Sub-resource of the private link; decides the DNS zone.')
  groupId: 'namespace' | 'vault' | 'blob' | 'table'
}

@description('Required. Name of the network.')
param name string

@description('Required. Azure region.')
param location string

@description('Required. Tags of the deployment.')
param tags object

@description('Required. Names of the function apps, one subnet each.')
param apps string[]

@description('Required. Services that get a private endpoint.')
param services privateServiceType[]

resource network 'Microsoft.Network/virtualNetworks@2024-05-01' = {
  name: name
  location: location
  tags: tags
  properties: {
    addressSpace: { addressPrefixes: ['10.40.0.0/16'] }
    subnets: concat(
      [
        {
          name: 'endpoints'
          properties: { addressPrefix: '10.40.0.0/24', defaultOutboundAccess: false }
        }
      ],
      map(range(0, length(apps)), index => {
        name: apps[index]
        properties: {
          addressPrefix: '10.40.${index + 1}.0/24'
          defaultOutboundAccess: false
          delegations: [{ name: 'flex', properties: { serviceName: 'Microsoft.App/environments' } }]
        }
      })
    )
  }
}

var zones = {
  namespace: 'privatelink.servicebus.windows.net'
  vault: 'privatelink.vaultcore.azure.net'
  blob: 'privatelink.blob.${environment().suffixes.storage}'
  table: 'privatelink.table.${environment().suffixes.storage}'
}

resource dnsZones 'Microsoft.Network/privateDnsZones@2024-06-01' = [
  for zone in items(zones): {
    name: zone.value
    location: 'global'
    tags: tags
  }
]

resource links 'Microsoft.Network/privateDnsZones/virtualNetworkLinks@2024-06-01' = [
  for (zone, index) in items(zones): {
    parent: dnsZones[index]
    name: name
    location: 'global'
    tags: tags
    properties: { registrationEnabled: false, virtualNetwork: { id: network.id } }
  }
]

resource endpoints 'Microsoft.Network/privateEndpoints@2024-05-01' = [
  for service in services: {
    name: 'pe-${service.name}'
    location: location
    tags: tags
    properties: {
      subnet: { id: '${network.id}/subnets/endpoints' }
      privateLinkServiceConnections: [
        { name: service.name, properties: { privateLinkServiceId: service.resourceId, groupIds: [service.groupId] } }
      ]
    }
  }
]

resource zoneGroups 'Microsoft.Network/privateEndpoints/privateDnsZoneGroups@2024-05-01' = [
  for (service, index) in services: {
    parent: endpoints[index]
    name: 'default'
    properties: {
      privateDnsZoneConfigs: [
        {
          name: 'zone'
          properties: { privateDnsZoneId: resourceId('Microsoft.Network/privateDnsZones', zones[service.groupId]) }
        }
      ]
    }
    dependsOn: [dnsZones]
  }
]

output subnetIds object = toObject(apps, app => app, app => '${network.id}/subnets/${app}')
