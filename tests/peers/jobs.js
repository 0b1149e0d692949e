'use strict';
// azure-iothub (npm) schedules jobs, reads, queries and cancels them.

const { JobClient, Registry } = require('azure-iothub');
const { READY, PATIENCE, assert, run } = require('./hub');

const DEVICE = 'peer-js-job';
const CONDITION = `deviceId IN ['${DEVICE}']`;

/** The job once it is over. */
async function ended(client, id) {
  for (const began = Date.now(); Date.now() - began < PATIENCE; ) {
    const { jobStatus } = await client.getJob(id);
    if (jobStatus.endTime) return jobStatus;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`${id} did not end`);
}

run(async () => {
  const registry = Registry.fromConnectionString(READY.hubConnectionString);
  const client = JobClient.fromConnectionString(READY.hubConnectionString);
  await registry.create({ deviceId: DEVICE });

  const patch = { etag: '*', tags: { job: 'js' } };
  const made = (await client.scheduleTwinUpdate('js-twin', CONDITION, patch, new Date(), 60)).jobStatus;
  assert.equal(made.jobId, 'js-twin');
  assert.equal(made.type, 'scheduleUpdateTwin');
  const job = await ended(client, 'js-twin');
  assert.equal(job.status, 'completed');
  assert.equal(job.deviceJobStatistics.succeededCount, 1);
  assert.deepEqual((await registry.getTwin(DEVICE)).responseBody.tags, { job: 'js' });

  const method = { methodName: 'reboot', payload: { in: 5 }, responseTimeoutInSeconds: 5 };
  await client.scheduleDeviceMethod('js-method', CONDITION, method, new Date(), 60);
  // The device is not there.
  assert.equal((await ended(client, 'js-method')).deviceJobStatistics.failedCount, 1);

  const later = await client.scheduleTwinUpdate('js-later', CONDITION, patch, new Date(Date.now() + 3600e3), 60);
  assert.equal(later.jobStatus.status, 'queued');
  await client.cancelJob('js-later');
  assert.equal((await client.getJob('js-later')).jobStatus.status, 'cancelled');

  const query = client.createQuery('scheduleUpdateTwin', 'cancelled');
  const ids = [];
  while (query.hasMoreResults) {
    const { result } = await query.next();
    ids.push(...result.map((one) => one.jobId));
  }
  assert.ok(ids.includes('js-later') && !ids.includes('js-twin'), `found ${ids}`);
  assert.equal((await client.getJob('js-none')).jobStatus.status, 'unknown');
  await registry.delete(DEVICE);
});
