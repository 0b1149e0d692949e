"""azure-iot-hub (PyPI) works with configurations: made, changed, tried out, merged into twins, deleted."""

from azure.iot.hub import IoTHubConfigurationManager, IoTHubRegistryManager
from azure.iot.hub.models import (
    Configuration,
    ConfigurationContent,
    ConfigurationMetrics,
    ConfigurationQueriesTestInput,
    Twin,
)
from hub import READY, check, check_equal, refused

DEVICE = "peer-py-configured"
EDGE = "peer-py-edge"
ID = "peer-py-%+configuration"


def wanted(priority, condition):
    """A configuration as it is sent."""
    queries = {"own": f"SELECT deviceId FROM devices WHERE configurations.[[{ID}]].status = 'Applied'"}
    return Configuration(
        id=ID,
        content=ConfigurationContent(device_content={"properties.desired.peer": {"priority": 7}}),
        target_condition=condition,
        priority=priority,
        metrics=ConfigurationMetrics(queries=queries),
    )


def main():
    """The whole life of a configuration."""
    manager = IoTHubConfigurationManager.from_connection_string(READY["hubConnectionString"])
    registry = IoTHubRegistryManager.from_connection_string(READY["hubConnectionString"])
    registry.create_device_with_sas(DEVICE, None, None, "enabled")
    made = manager.create_configuration(wanted(1, "tags.kind = 'peer-py-configured'"))
    check_equal((made.id, made.priority, made.schema_version), (ID, 1, "1.0"), "a new configuration")
    check_equal(made.system_metrics.results, {"targetedCount": 0, "appliedCount": 0}, "its counts")
    refused(lambda: manager.create_configuration(wanted(1, "*")), 409, "making it twice")

    registry.update_twin(DEVICE, Twin(tags={"kind": "peer-py-configured"}))
    check_equal(registry.get_twin(DEVICE).properties.desired["peer"], {"priority": 7}, "desired properties")
    read = manager.get_configuration(ID)
    check_equal(read.system_metrics.results, {"targetedCount": 1, "appliedCount": 1}, "counts with a device")
    check_equal(read.metrics.results, {"own": 1}, "its own metric")
    check(read.created_time_utc <= read.last_updated_time_utc, "its times")

    read.priority = 9
    # The SDK sends the ETag as it is, without quotes.
    changed = manager.update_configuration(read, read.etag)
    check_equal(changed.priority, 9, "priority after a change")
    refused(lambda: manager.update_configuration(read, read.etag), 412, "a stale ETag")
    check(ID in [one.id for one in manager.get_configurations(10)], "it is listed")

    tried = ConfigurationQueriesTestInput(target_condition="tags.a =", custom_metric_queries={"m": "SELECT"})
    errors = manager.test_configuration_queries(tried)
    check("position" in errors.target_condition_error, "the condition's error")
    check_equal(list(errors.custom_metric_query_errors), ["m"], "the metric's error")

    agent = {"properties.desired": {"schemaVersion": "1.1", "modules": {}}}
    content = ConfigurationContent(modules_content={"$edgeAgent": agent, "m": {"properties.desired": {"x": 1}}})
    refused(lambda: manager.apply_configuration_on_edge_device(DEVICE, content), 400, "content for a device that is no edge")
    registry.create_device_with_sas(EDGE, None, None, "enabled", True)
    check_equal([one.module_id for one in registry.get_modules(EDGE)], ["$edgeAgent", "$edgeHub"], "an edge device's modules")
    manager.apply_configuration_on_edge_device(EDGE, content)
    check_equal(registry.get_module(EDGE, "m").authentication.type, "none", "authentication of a module that was made")
    check_equal(registry.get_module_twin(EDGE, "m").properties.desired["x"], 1, "content of a module")
    check_equal(registry.get_module_twin(EDGE, "$edgeAgent").properties.desired["modules"], {}, "content of the agent")
    patch = Twin(tags={"a": 1})
    refused(lambda: registry.update_module_twin(EDGE, "$edgeAgent", patch, "*"), 401, "patching the agent's twin")

    manager.delete_configuration(ID)
    refused(lambda: manager.get_configuration(ID), 404, "reading what is deleted")
    check_equal(registry.get_twin(DEVICE).properties.desired["peer"], {"priority": 7}, "desired properties at the end")
    registry.delete_device(DEVICE)
    registry.delete_device(EDGE)


if __name__ == "__main__":
    main()
