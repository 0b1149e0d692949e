// Writes events as NDJSON with @azure/event-hubs, four partitions: PORT COUNT.
const { EventHubConsumerClient, earliestEventPosition } = require("@azure/event-hubs");

const [port, count] = process.argv.slice(2).map(Number);
const connection = "Endpoint=sb://localhost/;SharedAccessKeyName=p;SharedAccessKey=k;EntityPath=bench";
const client = new EventHubConsumerClient("$Default", connection, { customEndpointAddress: `sb://localhost:${port}` });
let left = count;

async function write(events, context) {
  let lines = "";
  for (const event of events) {
    if (left === 0) break;
    left -= 1;
    lines += JSON.stringify({
      partition: context.partitionId,
      sequenceNumber: event.sequenceNumber,
      offset: event.offset,
      enqueuedTime: event.enqueuedTimeUtc,
      properties: event.properties,
      systemProperties: event.systemProperties,
      body: event.body,
    }) + "\n";
  }
  if (!process.stdout.write(lines)) await new Promise((resolve) => process.stdout.once("drain", resolve));
  if (left === 0) process.exit(0);
}

client.subscribe(
  {
    processEvents: write,
    processError: async (error) => {
      console.error(error);
      process.exit(1);
    },
  },
  { startPosition: earliestEventPosition, maxBatchSize: 1000, prefetchCount: 5000, maxWaitTimeInSeconds: 1 },
);
