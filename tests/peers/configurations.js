'use strict';
// azure-iothub (npm) works with configurations: made, changed, merged into twins, deleted.

const { Registry } = require('azure-iothub');
const { READY, assert, run } = require('./hub');

const DEVICE = 'peer-js-configured';
const EDGE = 'peer-js-edge';
const ID = 'peer-js-%+configuration';

/** `promise` must reject with this status. */
async function refused(promise, status, what) {
  await assert.rejects(promise, (error) => {
    const { statusCode } = error.response ?? {};
    assert.equal(statusCode, status, `${what}: ${error.name} ${error.message}`);
    return true;
  }, `${what} was not refused`);
}

run(async () => {
  const registry = Registry.fromConnectionString(READY.hubConnectionString);
  await registry.create({ deviceId: DEVICE });
  const wanted = {
    id: ID,
    content: { deviceContent: { 'properties.desired.peer': { priority: 7 } } },
    targetCondition: "tags.kind = 'peer-js-configured'",
    priority: 1,
    metrics: { queries: { all: `SELECT deviceId FROM devices WHERE deviceId = '${DEVICE}'` } },
  };
  const made = (await registry.addConfiguration(wanted)).responseBody;
  assert.equal(made.id, ID);
  assert.deepEqual(made.content, wanted.content);
  assert.deepEqual(made.metrics.results, { all: 1 });
  await refused(registry.addConfiguration(wanted), 409, 'making it twice');

  await registry.updateTwin(DEVICE, { tags: { kind: 'peer-js-configured' } }, '*');
  const twin = (await registry.getTwin(DEVICE)).responseBody;
  assert.deepEqual(twin.properties.desired.peer, { priority: 7 });
  const read = (await registry.getConfiguration(ID)).responseBody;
  assert.deepEqual(read.systemMetrics.results, { targetedCount: 1, appliedCount: 1 });

  const changed = (await registry.updateConfiguration({ ...read, priority: 9 }, false)).responseBody;
  assert.equal(changed.priority, 9);
  await refused(registry.updateConfiguration(read, false), 412, 'a stale ETag');
  await registry.updateConfiguration({ ...read, priority: 10 }, true);
  const listed = (await registry.getConfigurations()).responseBody;
  assert.equal(listed.find((one) => one.id === ID).priority, 10);

  await registry.create({ deviceId: EDGE, capabilities: { iotEdge: true } });
  const route = { 'properties.desired.routes.all': 'FROM /messages/* INTO $upstream' };
  const modulesContent = { $edgeAgent: { 'properties.desired': { schemaVersion: '1.1' } }, $edgeHub: route };
  await refused(registry.applyConfigurationContentOnDevice(DEVICE, { modulesContent }), 400, 'content for no edge device');
  await registry.applyConfigurationContentOnDevice(EDGE, { modulesContent });
  const agent = (await registry.getModuleTwin(EDGE, '$edgeAgent')).responseBody;
  assert.equal(agent.properties.desired.schemaVersion, '1.1');

  // The same for all edge devices that are meant, with a layer on top.
  await registry.updateTwin(EDGE, { tags: { kind: 'peer-js-edge' } }, '*');
  const deployment = { targetCondition: "tags.kind = 'peer-js-edge'", priority: 1, content: { modulesContent } };
  await registry.addConfiguration({ ...deployment, id: 'peer-js-base' });
  const layer = { $edgeAgent: { 'properties.desired.modules.extra': { status: 'running' } } };
  await registry.addConfiguration({ ...deployment, id: 'peer-js-layer', priority: 2, content: { modulesContent: layer } });
  const layered = (await registry.getModuleTwin(EDGE, '$edgeAgent')).responseBody;
  assert.deepEqual(layered.properties.desired.modules, { extra: { status: 'running' } });
  const counted = (await registry.getConfiguration('peer-js-layer')).responseBody.systemMetrics.results;
  assert.deepEqual([counted.targetedCount, counted.appliedCount], [1, 1]);
  for (const id of ['peer-js-layer', 'peer-js-base']) await registry.removeConfiguration(id);
  await registry.delete(EDGE);

  await registry.removeConfiguration(ID);
  await refused(registry.getConfiguration(ID), 404, 'reading what is deleted');
  await registry.delete(DEVICE);
});
