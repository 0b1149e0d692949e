'use strict';
// azure-iot-device with azure-iot-device-http (npm) sends, alone and in a batch; @azure/event-hubs sees it arrive.

const { Client, Message } = require('azure-iot-device');
const { Http } = require('azure-iot-device-http');
const { EventHubConsumerClient, earliestEventPosition } = require('@azure/event-hubs');
const { READY, assert, collect, run, within } = require('./hub');

const DEVICE = 'js-device-http';

/** A message with every property that the SDK puts in a header. */
function fullMessage() {
  const message = new Message('{"temperature": 24.5}');
  message.messageId = 'sdk-1';
  message.correlationId = 'because';
  message.userId = 'someone';
  message.contentType = 'application/json';
  message.contentEncoding = 'utf-8';
  message.properties.add('alert', 'true');
  message.properties.add('unit', 'celsius');
  return message;
}

/** Two messages as one batch: the SDK passes on bodies and application properties, and nothing else. */
function batch() {
  const first = new Message('{"n": 1}');
  first.properties.add('place', 'attic');
  return [first, new Message(Buffer.from([0, 255, 128]))];
}

/** The three events in the order in which they were sent. */
function checkEvents([single, first, second]) {
  assert.deepEqual(single.body, { temperature: 24.5 });
  assert.equal(single.messageId, 'sdk-1');
  assert.equal(single.correlationId, 'because');
  // The SDK makes a plain object of the bytes.
  assert.equal(Buffer.from(Object.values(single.systemProperties.userId)).toString(), 'someone');
  assert.equal(single.contentType, 'application/json');
  assert.equal(single.systemProperties.contentEncoding, 'utf-8');
  assert.deepEqual(single.properties, { alert: 'true', unit: 'celsius' });
  assert.deepEqual(first.body, { n: 1 });
  assert.deepEqual(first.properties, { place: 'attic' });
  assert.deepEqual(second.body, Buffer.from([0, 255, 128]));
  assert.ok(single.sequenceNumber < first.sequenceNumber && first.sequenceNumber < second.sequenceNumber);
  for (const event of [single, first, second]) {
    assert.equal(event.systemProperties['iothub-message-source'], 'Telemetry');
  }
}

run(async () => {
  const device = Client.fromConnectionString(READY.devices[DEVICE], Http);
  await within(device.open(), 'opening the device client');
  await within(device.sendEvent(fullMessage()), 'the answer to a message');
  await within(device.sendEventBatch(batch()), 'the answer to a batch');

  const reader = new EventHubConsumerClient('$Default', READY.eventHubConnectionString);
  const found = await collect(reader, DEVICE, 3, { startPosition: earliestEventPosition });
  checkEvents(found.map(({ event }) => event));
  await reader.close();

  const key = Buffer.from('not the key of this device, no, no').toString('base64');
  const wrong = READY.devices[DEVICE].replace(/SharedAccessKey=.*/, `SharedAccessKey=${key}`);
  const stranger = Client.fromConnectionString(wrong, Http);
  await assert.rejects(within(stranger.sendEvent(new Message('no')), 'the refusal'), /Unauthorized|401/i);
});
