'use strict';
// azure-event-hubs 0.2.11 (npm) goes in by the hub's own connection string and follows the redirect.

const { EventHubClient, EventPosition } = require('azure-event-hubs');
const { READY, assert, post, run, within } = require('./hub');

const DEVICE = 'js-eh-old';

/** Resolves with the first event of this peer's device, whichever partition it is in. */
function firstEvent(client, partitions) {
  return new Promise((resolve, reject) => {
    for (const partition of partitions) {
      const onEvent = (event) => {
        if (event.annotations['iothub-connection-device-id'] === DEVICE) resolve({ partition, event });
      };
      client.receive(partition, onEvent, reject, { eventPosition: EventPosition.fromStart() });
    }
  });
}

run(async () => {
  await post(DEVICE, '{"temperature": 24.5}', {
    'iothub-messageid': 'old-1',
    'iothub-contenttype': 'application/json',
    'iothub-contentencoding': 'utf-8',
    'iothub-app-alert': 'true',
  });
  const redirected = EventHubClient.createFromIotHubConnectionString(READY.hubConnectionString);
  const client = await within(redirected, 'the redirect');
  assert.equal(client.eventhubName, READY.eventHub);
  const partitions = await within(client.getPartitionIds(), 'the partition ids');
  assert.deepEqual(partitions, [...partitions.keys()].map(String));

  const { partition, event } = await within(firstEvent(client, partitions), `an event of ${DEVICE}`);
  assert.deepEqual(event.body, { temperature: 24.5 });
  assert.equal(event.properties.message_id, 'old-1');
  assert.equal(event.properties.content_type, 'application/json');
  assert.equal(event.properties.content_encoding, 'utf-8');
  assert.deepEqual(event.applicationProperties, { alert: 'true' });
  assert.equal(event.annotations['iothub-message-source'], 'Telemetry');
  assert.ok(event.enqueuedTimeUtc instanceof Date);

  const information = await within(client.getPartitionInformation(partition), 'the partition information');
  assert.equal(information.hubPath, READY.eventHub);
  assert.equal(information.partitionId, partition);
  assert.ok(information.lastSequenceNumber >= event.sequenceNumber);

  const again = await client.receiveBatch(partition, 1, 10, {
    eventPosition: EventPosition.fromSequenceNumber(event.sequenceNumber, true),
    consumerGroup: 'old',
  });
  assert.equal(again.length, 1);
  assert.equal(again[0].sequenceNumber, event.sequenceNumber);
});
