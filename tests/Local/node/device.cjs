// A device as its maker would write it, on azure-iot-device with X.509. Reads its settings from stdin, says what happens as JSON lines.
'use strict';
const { Client, Message } = require('azure-iot-device');
const { Mqtt } = require('azure-iot-device-mqtt');
const settings = JSON.parse(require('node:fs').readFileSync(0, 'utf8'));
const say = (event, more) => console.log(JSON.stringify({ event, ...more }));

async function main() {
  const client = Client.fromConnectionString(`HostName=${settings.host};DeviceId=${settings.deviceId};x509=true`, Mqtt);
  await client.setOptions({ cert: settings.cert, key: settings.key });
  client.setRetryPolicy({ shouldRetry: () => false, nextRetryTimeout: () => -1 }); // a cut shows at once
  client.on('disconnect', (error) => { say('cut', { error: error && error.name }); process.exit(0); });
  client.on('error', (error) => { say('error', { error: error.name }); process.exit(0); });
  await client.open();

  const message = new Message(JSON.stringify({ temperature: 21.5 }));
  message.messageId = 'm-1';
  message.contentType = 'application/json';
  message.contentEncoding = 'utf-8';
  message.properties.add('batch', 'a&b=c');
  await client.sendEvent(message);
  say('sent');

  client.onDeviceMethod('ping', (request, response) => {
    say('method', { payload: request.payload });
    response.send(200, { pong: request.payload }, () => {});
  });
  client.on('message', (received) => {
    say('message', { body: received.getData().toString(), id: received.messageId });
    client.complete(received, () => {});
  });
  const twin = await client.getTwin();
  twin.on('properties.desired', (delta) => { if (delta.mode) say('desired', { mode: delta.mode }); });
  await new Promise((resolve, reject) => twin.properties.reported.update({ firmware: '1.0' }, (error) => error ? reject(error) : resolve()));
  say('ready');
}

main().catch((error) => { say('failed', { error: error.name, message: error.message }); process.exit(1); });
