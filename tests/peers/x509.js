'use strict';
// azure-iot-device (npm) connects with certificates over all of its transports: a device that is known by its thumbprint, and
// one that an authority has signed. It sends, takes a message from the cloud, has a twin and answers a method; another's certificate is
// refused.

const crypto = require('node:crypto');
const fs = require('node:fs');
const { Client, ConnectionString, Message } = require('azure-iot-device');
const { Amqp, AmqpWs } = require('azure-iot-device-amqp');
const { Http } = require('azure-iot-device-http');
const { Mqtt, MqttWs } = require('azure-iot-device-mqtt');
const { EventHubConsumerClient, earliestEventPosition } = require('@azure/event-hubs');
const { Client: Service, Registry } = require('azure-iothub');
const { READY, assert, collect, run, within } = require('./hub');

const TRANSPORTS = [Amqp, AmqpWs, Mqtt, MqttWs, Http];
const OWN = 'js-x509-own';
const SIGNED = 'js-x509-ca';

/** A certificate and its key. */
function certificate(name) {
  const [cert, key] = ['pem', 'key'].map((kind) => fs.readFileSync(`${process.env.PEERS_CERTIFICATES}/${name}.${kind}`, 'utf8'));
  return { cert, key };
}

function connect(device, held, Transport) {
  const client = Client.fromConnectionString(ConnectionString.createWithX509Certificate(READY.hub, device), Transport);
  // They hold at once; not every transport says so.
  client.setOptions(certificate(held), () => {});
  return client;
}

/** One message each way, and the twin where the transport has one. */
async function works(device, held, Transport, service) {
  const what = `${device} over ${Transport.name}`;
  const client = connect(device, held, Transport);
  await within(client.open(), `opening ${what}`);
  await within(client.sendEvent(new Message(Transport.name)), `the answer to ${what}`);
  const come = new Promise((resolve) => client.on('message', resolve));
  await within(service.send(device, `for ${Transport.name}`), `sending to ${what}`);
  const message = await within(come, `the message for ${what}`);
  assert.equal(message.data.toString(), `for ${Transport.name}`);
  await within(client.complete(message), `completing over ${Transport.name}`);
  if (Transport !== Http) {
    const twin = await within(client.getTwin(), `the twin of ${what}`);
    assert.ok(twin.properties.reported.$version >= 1);
    client.onDeviceMethod('reboot', (_request, response) => response.send(200, { by: Transport.name }, () => {}));
    // A call that comes before the device listens waits for it.
    const call = { methodName: 'reboot', connectTimeoutInSeconds: 10 };
    const { result } = await within(service.invokeDeviceMethod(device, call), `the method of ${what}`);
    assert.deepEqual([result.status, result.payload], [200, { by: Transport.name }]);
  }
  await within(client.close(), `the end of ${what}`);
}

/** A device is told that its certificate is another's. */
async function isRefused(device, held, Transport) {
  const client = connect(device, held, Transport);
  await assert.rejects(within(client.sendEvent(new Message('no')), 'the refusal'), { name: 'UnauthorizedError' }, `${device} over ${Transport.name}`);
}

run(async () => {
  const registry = Registry.fromConnectionString(READY.hubConnectionString);
  const thumbprint = new crypto.X509Certificate(certificate('own').cert).fingerprint.replaceAll(':', '');
  await registry.create({ deviceId: OWN, authentication: { x509Thumbprint: { primaryThumbprint: thumbprint } } });
  await registry.create({ deviceId: SIGNED, authentication: { type: 'certificateAuthority' } });
  const service = Service.fromConnectionString(READY.hubConnectionString);
  await within(service.open(), 'opening the service client');

  for (const Transport of TRANSPORTS) {
    await works(OWN, 'own', Transport, service);
    await works(SIGNED, SIGNED, Transport, service);
    await isRefused(OWN, 'other', Transport);
    await isRefused(SIGNED, 'own', Transport);
  }
  const reader = new EventHubConsumerClient('$Default', READY.eventHubConnectionString);
  for (const device of [OWN, SIGNED]) {
    const found = await collect(reader, device, TRANSPORTS.length, { startPosition: earliestEventPosition });
    assert.deepEqual(found.map(({ event }) => event.body.toString()), TRANSPORTS.map(({ name }) => name));
    for (const { event } of found) {
      const method = JSON.parse(event.systemProperties['iothub-connection-auth-method']);
      assert.deepEqual([method.scope, method.type], ['device', 'x509Certificate']);
    }
  }
  await reader.close();
  await service.close();
});
