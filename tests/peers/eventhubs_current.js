'use strict';
// @azure/event-hubs (npm, the current one) reads what a device posts over HTTPS.

const { EventHubConsumerClient, earliestEventPosition } = require('@azure/event-hubs');
const { READY, assert, collect, post, run } = require('./hub');

const DEVICE = 'js-eh-current';
const RAW = Buffer.from([0, 255, 128, 10, 34]);

/** Every section of the JSON message. */
function checkMessage({ event }, begun) {
  assert.deepEqual(event.body, { temperature: 24.5 });
  assert.equal(event.messageId, 'js-1');
  assert.equal(event.correlationId, 'because');
  assert.equal(event.contentType, 'application/json');
  assert.deepEqual(event.properties, { alert: 'true' });
  const annotations = event.getRawAmqpMessage().messageAnnotations;
  assert.equal(event.systemProperties['iothub-connection-device-id'], DEVICE);
  assert.equal(event.systemProperties['iothub-message-source'], 'Telemetry');
  assert.equal(JSON.parse(event.systemProperties['iothub-connection-auth-method']).scope, 'device');
  assert.ok(Math.abs(event.enqueuedTimeUtc - begun) < 10000, `enqueued at ${event.enqueuedTimeUtc}`);
  assert.equal(typeof event.sequenceNumber, 'number');
  assert.equal(typeof event.offset, 'string');
  assert.equal(annotations['x-opt-sequence-number'], event.sequenceNumber);
}

/** What $management says of the hub and of the partition that was read. */
async function checkProperties(client, partition, last) {
  const hub = await client.getEventHubProperties();
  assert.equal(hub.name, READY.eventHub);
  assert.ok(hub.createdOn instanceof Date && !Number.isNaN(hub.createdOn.getTime()));
  assert.deepEqual(hub.partitionIds, [...hub.partitionIds.keys()].map(String));
  const found = await client.getPartitionProperties(partition);
  assert.equal(found.eventHubName, READY.eventHub);
  assert.equal(found.partitionId, partition);
  assert.equal(found.isEmpty, false);
  assert.equal(found.lastEnqueuedSequenceNumber, last.sequenceNumber);
  assert.equal(found.lastEnqueuedOffset, last.offset);
  assert.equal(found.lastEnqueuedOnUtc.getTime(), last.enqueuedTimeUtc.getTime());
}

/** From a sequence number, with and without the event itself, and as the owner of all partitions. */
async function checkPositions(client, first, second) {
  const from = { sequenceNumber: first.event.sequenceNumber };
  const after = await collect(client, DEVICE, 1, { startPosition: from });
  assert.equal(after[0].event.sequenceNumber, second.event.sequenceNumber);
  const including = await collect(client, DEVICE, 2, { startPosition: { ...from, isInclusive: true } });
  assert.equal(including[0].event.sequenceNumber, first.event.sequenceNumber);
  const owned = await collect(client, DEVICE, 2, {
    startPosition: earliestEventPosition,
    ownerLevel: 7,
    trackLastEnqueuedEventProperties: true,
  });
  assert.equal(owned.length, 2);
}

run(async () => {
  const client = new EventHubConsumerClient('$Default', READY.eventHubConnectionString);
  const begun = Date.now();
  await post(DEVICE, '{"temperature": 24.5}', {
    'iothub-messageid': 'js-1',
    'iothub-correlationid': 'because',
    'iothub-contenttype': 'application/json',
    'iothub-contentencoding': 'utf-8',
    'iothub-app-alert': 'true',
  });
  await post(DEVICE, RAW);

  const [first, second] = await collect(client, DEVICE, 2, { startPosition: earliestEventPosition });
  checkMessage(first, begun);
  assert.deepEqual(second.event.body, RAW);
  assert.equal(second.partition, first.partition);
  await checkProperties(client, first.partition, second.event);
  await checkPositions(client, first, second);
  await client.close();
});
