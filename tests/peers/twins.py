"""azure-iot-hub (PyPI) works with twins: patches, replacements, queries in pages, many identities at once, methods."""

import json

from azure.iot.hub import IoTHubRegistryManager
from azure.iot.hub.models import (
    CloudToDeviceMethod,
    ExportImportDevice,
    QuerySpecification,
    Twin,
    TwinProperties,
)
from hub import READY, check, check_equal, refused

# Characters that a path must carry encoded.
DEVICES = [f"peer-py-twin:{number}+a%b" for number in range(5)]
DEVICE = DEVICES[0]


def bulk(manager, mode, **members):
    """Does the same with all devices at once."""
    changes = [ExportImportDevice(id=device, import_mode=mode, **members) for device in DEVICES]
    return manager.bulk_create_or_update_devices(changes)


def check_bulk(manager):
    """All are made with their twins; making them again is refused one by one."""
    made = bulk(manager, "create", status="enabled", tags={"kind": "peer-py"})
    check_equal((made.is_successful, made.errors), (True, []), "bulk create")
    again = bulk(manager, "create", status="enabled")
    check_equal(again.is_successful, False, "bulk create, the second time")
    told = [(error.device_id, error.error_code) for error in again.errors]
    check_equal(told, [(device, "DeviceAlreadyExists") for device in DEVICES], "errors of a bulk create")
    check_equal(manager.get_device(DEVICE).authentication.type, "sas", "authentication of a device made in bulk")


def check_twin(manager):
    """Patches merge, replacements replace, and an old ETag is refused."""
    new = manager.get_twin(DEVICE)
    check_equal((new.device_id, new.status, new.connection_state), (DEVICE, "enabled", "Disconnected"), "a new twin")
    check_equal(new.tags, {"kind": "peer-py"}, "tags given in bulk")
    check_equal(new.properties.reported["$version"], 1, "$version of reported properties")

    patch = Twin(tags={"plant": {"floor": 1}}, properties=TwinProperties(desired={"a": {"b": 1, "c": [1.5]}}))
    patched = manager.update_twin(DEVICE, patch, new.etag)
    check_equal(patched.tags, {"kind": "peer-py", "plant": {"floor": 1}}, "tags after a patch")
    desired = patched.properties.desired
    check_equal((desired["a"], desired["$version"]), ({"b": 1, "c": [1.5]}, 2), "desired properties after a patch")
    check("$lastUpdated" in desired["$metadata"]["a"]["b"], "a property has a time")
    check(patched.etag != new.etag, "a patch changes the ETag")
    stale = refused(lambda: manager.update_twin(DEVICE, patch, new.etag), 412, "a patch with a stale ETag")
    check("PreconditionFailed" in stale.json()["Message"], "a patch with a stale ETag")

    # A whole twin is sent back, as read; it changes nothing but its version.
    back = manager.update_twin(DEVICE, patched)
    check_equal(back.properties.desired["a"], desired["a"], "desired properties sent back")
    replaced = manager.replace_twin(DEVICE, Twin(properties=TwinProperties(desired={"x": True})), back.etag)
    check_equal(replaced.tags, {}, "tags after a replacement")
    kept = {name for name in replaced.properties.desired if not name.startswith("$")}
    check_equal(kept, {"x"}, "desired properties after a replacement")
    refused(lambda: manager.update_twin(DEVICE, Twin(tags={"a.b": 1})), 400, "a key with a dot").json()


def check_module(manager):
    """A module has a twin of its own."""
    manager.create_module_with_sas(DEVICE, "m+1", "peer", None, None)
    patched = manager.update_module_twin(DEVICE, "m+1", Twin(tags={"a": 1}))
    check_equal((patched.module_id, patched.tags), ("m+1", {"a": 1}), "a module's twin")
    check_equal(manager.get_module_twin(DEVICE, "m+1").etag, patched.etag, "a module's twin as read back")
    found = query(manager, f"SELECT * FROM devices.modules WHERE deviceId = '{DEVICE}'")
    check_equal([twin.module_id for twin in found], ["m+1"], "modules found")


def query(manager, text, page=None):
    """All rows of a query, page by page."""
    rows, token = [], None
    while True:
        result = manager.query_iot_hub(QuerySpecification(query=text), token, page)
        check(page is None or len(result.items) <= int(page), f"a page has up to {page} rows")
        rows += result.items
        token = result.continuation_token
        if token is None:
            check(result.type in ("Twin", "Raw"), f"type of the rows: {result.type}")
            return rows


def check_queries(manager):
    """Conditions, pages and what is no query."""
    bulk(manager, "updateTwin", tags={"kind": "peer-py", "floor": 2})
    found = query(manager, "SELECT * FROM devices WHERE tags.kind = 'peer-py' AND tags.floor >= 2", "2")
    check_equal([twin.device_id for twin in found], DEVICES, "devices found in pages")
    some = query(manager, f"SELECT * FROM devices WHERE deviceId IN ['{DEVICES[1]}', \"nobody\"]")
    check_equal([twin.device_id for twin in some], DEVICES[1:2], "devices found by their ids")
    counted = query(manager, "SELECT COUNT() AS version FROM devices WHERE is_defined(tags.floor)")
    # The SDK reads every row as a twin; this one's count goes by a name that twins have.
    check_equal(counted[0].version, 5, "devices counted")
    wrong = refused(lambda: query(manager, "SELECT * FROM twins"), 400, "a query of what there is not")
    check("ArgumentInvalid" in wrong.json()["Message"], "a query of what there is not")


def check_methods(manager):
    """A device that is not there cannot be called."""
    method = CloudToDeviceMethod(method_name="reboot", payload={"delay": 5}, connect_timeout_in_seconds=1)
    absent = refused(lambda: manager.invoke_device_method(DEVICE, method), 404, "calling a device that is not there")
    error = json.loads(absent.json()["Message"])
    check_equal(error["errorCode"], 404103, "calling a device that is not there")


def main():
    """The whole life of some twins."""
    manager = IoTHubRegistryManager.from_connection_string(READY["hubConnectionString"])
    check_bulk(manager)
    check_twin(manager)
    check_module(manager)
    check_queries(manager)
    check_methods(manager)
    check_equal(bulk(manager, "delete").is_successful, True, "bulk delete")
    refused(lambda: manager.get_twin(DEVICE), 404, "reading the twin of a deleted device").json()


if __name__ == "__main__":
    main()
