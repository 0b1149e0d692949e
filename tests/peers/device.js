'use strict';
// azure-iot-device with azure-iot-device-amqp and -mqtt (npm), with and without WebSocket: it sends, takes messages from the cloud
// and settles them as far as its transport can, has a twin and answers methods, for a device and for a module. A wrong key is
// refused.

const { Client, Message, ModuleClient } = require('azure-iot-device');
const { Amqp, AmqpWs } = require('azure-iot-device-amqp');
const { Mqtt, MqttWs } = require('azure-iot-device-mqtt');
const { EventHubConsumerClient, earliestEventPosition } = require('@azure/event-hubs');
const { Client: Service, Registry } = require('azure-iothub');
const { READY, assert, collect, run, within } = require('./hub');

/** What `attach` passes on, one by one. */
function queue(attach) {
  const waiting = [];
  let wake = () => {};
  attach((item) => {
    waiting.push(item);
    wake();
  });
  return (what) => within(new Promise((resolve) => {
    wake = () => {
      if (waiting.length === 0) return;
      wake = () => {};
      resolve(waiting.shift());
    };
    wake();
  }), what);
}

function fullMessage() {
  const message = new Message('{"temperature": 24.5}');
  message.messageId = 'sdk-1';
  message.correlationId = 'because';
  message.contentType = 'application/json';
  message.contentEncoding = 'utf-8';
  message.properties.add('alert', 'true');
  return message;
}

/** Whether messages from the cloud can be given back, and too long ones are refused without the end of the connection. */
const settles = (transport) => transport === Amqp || transport === AmqpWs;

async function sends(client, device, reader, transport) {
  await within(client.sendEvent(fullMessage()), 'the answer to a message');
  await within(client.sendEvent(new Message('x'.repeat(200000))), 'the answer to a long message');
  if (settles(transport)) {
    const long = new Message('x'.repeat(300000));
    await assert.rejects(within(client.sendEvent(long), 'the refusal'), { name: 'MessageTooLargeError' });
  }
  const found = await collect(reader, device, 2, { startPosition: earliestEventPosition });
  const [first, second] = found.map(({ event }) => event);
  assert.deepEqual(first.body, { temperature: 24.5 });
  assert.equal(first.messageId, 'sdk-1');
  assert.equal(first.correlationId, 'because');
  assert.equal(first.contentType, 'application/json');
  assert.deepEqual(first.properties, { alert: 'true' });
  assert.equal(first.systemProperties['iothub-message-source'], 'Telemetry');
  assert.equal(second.body.length, 200000);
}

async function receives(client, device, service, registry, transport) {
  const next = queue((put) => client.on('message', put));
  const waiting = async () => (await registry.get(device)).responseBody.cloudToDeviceMessageCount;
  const message = new Message('first');
  message.messageId = 'c1';
  message.correlationId = 'because';
  // Completed in the end, so that no feedback waits for others.
  message.ack = 'negative';
  message.properties.add('level', 'high');
  await within(service.send(device, message), 'sending to the device');
  const first = await next('the first message');
  assert.equal(first.data.toString(), 'first');
  assert.equal(first.messageId, 'c1');
  assert.equal(first.correlationId, 'because');
  if (settles(transport)) assert.equal(first.ack, 'negative');
  assert.equal(first.properties.getValue('level'), 'high');
  if (settles(transport)) {
    await within(client.abandon(first), 'abandon');
    const again = await next('the first message, again');
    assert.equal(again.messageId, 'c1');
    assert.equal(again.transportObj.message_annotations['iothub-deliverycount'], 1);
    await within(client.complete(again), 'complete');
    await within(service.send(device, 'second'), 'sending to the device');
    await within(client.reject(await next('the second message')), 'reject');
  }
  await within((async () => {
    while ((await waiting()) > 0);
  })(), 'the end of both messages');
}

async function hasATwin(client, update) {
  const twin = await within(client.getTwin(), 'the twin');
  assert.equal(twin.properties.reported.$version, 1);
  const next = queue((put) => twin.on('properties.desired', put));
  assert.equal((await next('the desired properties')).$version, 1);
  await within(new Promise((resolve, reject) => {
    twin.properties.reported.update({ firmware: '1.0', led: null }, (error) => (error ? reject(error) : resolve()));
  }), 'the answer to reported properties');
  await assert.rejects(within(new Promise((resolve, reject) => {
    twin.properties.reported.update([1], (error) => (error ? reject(error) : resolve()));
  }), 'the refusal of what is no object'));
  // Asked for before what was answered above.
  await within(update({ properties: { desired: { interval: 7 } } }), 'changing desired properties');
  assert.deepEqual(await next('the change'), { interval: 7, $version: 2 });
  const { reported } = (await within(client.getTwin(), 'the twin once more')).properties;
  assert.equal(reported.firmware, '1.0');
  assert.equal(reported.$version, 2);
}

async function answers(client, invoke) {
  client.onDeviceMethod('blink', (request, response) => {
    response.send(202, { of: request.methodName, with: request.payload }, () => {});
  });
  // Not callable before its link is there.
  const call = { methodName: 'blink', payload: { times: 3 }, connectTimeoutInSeconds: 10, responseTimeoutInSeconds: 10 };
  for (let count = 0; count < 2; count += 1) {
    const { result } = await within(invoke(call), 'the answer to a call');
    assert.equal(result.status, 202);
    assert.deepEqual(result.payload, { of: 'blink', with: { times: 3 } });
  }
}

async function device(name, transport) {
  const service = Service.fromConnectionString(READY.hubConnectionString);
  await within(service.open(), 'opening the service client');
  const registry = Registry.fromConnectionString(READY.hubConnectionString);
  const reader = new EventHubConsumerClient('$Default', READY.eventHubConnectionString);
  const client = Client.fromConnectionString(READY.devices[name], transport);
  await within(client.open(), 'opening the device client');
  await sends(client, name, reader, transport);
  await receives(client, name, service, registry, transport);
  await hasATwin(client, (patch) => registry.updateTwin(name, patch, '*'));
  await answers(client, (call) => service.invokeDeviceMethod(name, call));
  const state = async () => (await registry.get(name)).responseBody.connectionState;
  assert.equal(await state(), 'Connected');
  await within(client.close(), 'closing the device client');
  await within((async () => {
    while ((await state()) !== 'Disconnected');
  })(), 'the end of the connection');
  await reader.close();
  await within(service.close(), 'closing the service client');
}

async function module(name, id, transport) {
  const registry = Registry.fromConnectionString(READY.hubConnectionString);
  const service = Service.fromConnectionString(READY.hubConnectionString);
  const made = (await registry.addModule({ deviceId: name, moduleId: id })).responseBody;
  const own = READY.devices[name].replace(/SharedAccessKey=.*/, `ModuleId=${id};SharedAccessKey=${made.authentication.symmetricKey.primaryKey}`);
  const client = ModuleClient.fromConnectionString(own, transport);
  await within(client.open(), 'opening the module client');
  await within(client.sendEvent(new Message('of a module')), 'the answer to a message');
  await hasATwin(client, (patch) => registry.updateModuleTwin(name, id, patch, '*'));
  client.onMethod('blink', (request, response) => response.send(200, request.payload, () => {}));
  const call = { methodName: 'blink', payload: [1], connectTimeoutInSeconds: 10, responseTimeoutInSeconds: 10 };
  const { result } = await within(service.invokeDeviceMethod(name, id, call), 'the answer to a call');
  assert.deepEqual(result.payload, [1]);
  await within(client.close(), 'closing the module client');
  await within(registry.removeModule(name, id), 'deleting the module');
}

run(async () => {
  await device('js-amqp-1', Amqp);
  await device('js-amqp-ws-1', AmqpWs);
  await device('js-mqtt-1', Mqtt);
  await device('js-mqtt-ws-1', MqttWs);
  const key = Buffer.from('not the key of this device, no, no').toString('base64');
  const wrong = READY.devices['js-amqp-1'].replace(/SharedAccessKey=.*/, `SharedAccessKey=${key}`);
  // A plus is no part of MQTT's topics.
  for (const [id, transport] of [['m+1', Amqp], ['m1', Mqtt]]) {
    await module('js-amqp-1', id, transport);
    const stranger = Client.fromConnectionString(wrong, transport);
    await assert.rejects(within(stranger.open(), 'the refusal'), /Unauthorized|putToken|401/i);
  }
});
