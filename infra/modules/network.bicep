metadata name = 'Network isolation'
metadata description = 'Virtual network with one delegated subnet a function app, one way out, and private endpoints with their DNS zones.'
metadata trust = 'Not trusted to protect by itself: every service still wants a token.'

@export()
@description('A service to reach privately.')
type privateServiceType = {
  name: string
  resourceId: string
  @description('Sub-resource of the private link; decides the DNS zone.')
  groupId: 'namespace' | 'vault' | 'blob' | 'table' | 'queue'
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

// The apps reach out for tokens (Entra ID), IoT Hub, DPS and telemetry ingestion, which have no private endpoint here: TLS and AMQP over TLS.
resource appRules 'Microsoft.Network/networkSecurityGroups@2024-05-01' = {
  name: 'nsg-${name}-apps'
  location: location
  tags: tags
  properties: {
    securityRules: [
      {
        name: 'tls-out'
        properties: {
          priority: 100
          direction: 'Outbound'
          access: 'Allow'
          protocol: 'Tcp'
          sourceAddressPrefix: 'VirtualNetwork'
          sourcePortRange: '*'
          destinationAddressPrefix: 'Internet'
          destinationPortRanges: ['443', '5671']
        }
      }
      {
        name: 'no-management-out'
        properties: {
          priority: 200
          direction: 'Outbound'
          access: 'Deny'
          protocol: 'Tcp'
          sourceAddressPrefix: 'VirtualNetwork'
          sourcePortRange: '*'
          destinationAddressPrefix: '*'
          destinationPortRanges: ['22', '3389']
        }
      }
      {
        name: 'nothing-else-out'
        properties: {
          priority: 4000
          direction: 'Outbound'
          access: 'Deny'
          protocol: '*'
          sourceAddressPrefix: '*'
          sourcePortRange: '*'
          destinationAddressPrefix: 'Internet'
          destinationPortRange: '*'
        }
      }
    ]
  }
}

resource endpointRules 'Microsoft.Network/networkSecurityGroups@2024-05-01' = {
  name: 'nsg-${name}-endpoints'
  location: location
  tags: tags
  properties: {
    securityRules: [
      {
        name: 'no-management-out'
        properties: {
          priority: 200
          direction: 'Outbound'
          access: 'Deny'
          protocol: 'Tcp'
          sourceAddressPrefix: 'VirtualNetwork'
          sourcePortRange: '*'
          destinationAddressPrefix: '*'
          destinationPortRanges: ['22', '3389']
        }
      }
      {
        name: 'nothing-out'
        properties: {
          priority: 4000
          direction: 'Outbound'
          access: 'Deny'
          protocol: '*'
          sourceAddressPrefix: '*'
          sourcePortRange: '*'
          destinationAddressPrefix: 'Internet'
          destinationPortRange: '*'
        }
      }
    ]
  }
}

resource wayOutAddress 'Microsoft.Network/publicIPAddresses@2024-05-01' = {
  name: 'pip-${name}'
  location: location
  tags: tags
  sku: { name: 'Standard', tier: 'Regional' }
  properties: { publicIPAllocationMethod: 'Static', publicIPAddressVersion: 'IPv4' }
}

// Subnets without default outbound access have no way out but this one, with one address that others may list.
resource wayOut 'Microsoft.Network/natGateways@2024-05-01' = {
  name: 'ng-${name}'
  location: location
  tags: tags
  sku: { name: 'Standard' }
  properties: { idleTimeoutInMinutes: 10, publicIpAddresses: [{ id: wayOutAddress.id }] }
}

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
          properties: {
            addressPrefix: '10.40.0.0/24'
            defaultOutboundAccess: false
            networkSecurityGroup: { id: endpointRules.id }
          }
        }
      ],
      map(range(0, length(apps)), index => {
        name: apps[index]
        properties: {
          addressPrefix: '10.40.${index + 1}.0/24'
          defaultOutboundAccess: false
          networkSecurityGroup: { id: appRules.id }
          natGateway: { id: wayOut.id }
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
  queue: 'privatelink.queue.${environment().suffixes.storage}'
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
output outboundAddress string = wayOutAddress.properties.ipAddress
