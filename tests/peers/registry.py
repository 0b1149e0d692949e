"""azure-iot-hub (PyPI) manages devices: create, read, update, delete, list, and the conflicts on the way."""

import base64

from azure.iot.hub import IoTHubRegistryManager
from hub import READY, check, check_equal, refused

PRIMARY = base64.b64encode(b"primary key of 32 bytes, no more").decode()
SECONDARY = base64.b64encode(b"another key of 32 bytes, no more").decode()
# Characters that a path must carry encoded.
DEVICE = "peer-py:1+a%b"
UNKNOWN = "peer-py-nobody"


def check_refused(status, error_code, call, what):
    """`call` must end with this status and with this name of the error in header and body."""
    response = refused(call, status, what)
    check_equal(response.headers.get("iothub-errorcode"), error_code, f"iothub-errorcode, {what}")
    check(f"ErrorCode:{error_code}" in response.json()["Message"], f"{what}: body {response.text}")


def check_created(manager):
    """A device is created with keys of our own and read back whole; creating it again is a conflict."""
    created = manager.create_device_with_sas(DEVICE, PRIMARY, SECONDARY, "enabled", status_reason="on the bench")
    check_equal(created.device_id, DEVICE, "device id as created")
    check_equal(created.status, "enabled", "status as created")
    check(created.etag and created.generation_id, "a created device has an ETag and a generation id")

    read = manager.get_device(DEVICE)
    keys = read.authentication.symmetric_key
    check_equal((keys.primary_key, keys.secondary_key), (PRIMARY, SECONDARY), "keys as read back")
    check_equal(read.authentication.type, "sas", "authentication type")
    check_equal(read.status_reason, "on the bench", "status reason")
    check_equal(read.connection_state, "Disconnected", "connection state")
    check_equal(read.capabilities.iot_edge, False, "capabilities.iotEdge")
    check_equal((read.etag, read.generation_id), (created.etag, created.generation_id), "identity as read back")
    check_refused(
        409,
        "DeviceAlreadyExists",
        lambda: manager.create_device_with_sas(DEVICE, PRIMARY, SECONDARY, "enabled"),
        "creating a device twice",
    )
    return read


def check_updated(manager, before):
    """An update with the ETag goes through and gives a new one; the old one is then stale."""

    def update(etag, status):
        return manager.update_device_with_sas(DEVICE, etag, PRIMARY, SECONDARY, status)

    disabled = update(before.etag, "disabled")
    check_equal(disabled.status, "disabled", "status as updated")
    check(disabled.etag != before.etag, "an update changes the ETag")
    check_equal(disabled.generation_id, before.generation_id, "generation id after an update")
    check_refused(412, "PreconditionFailed", lambda: update(before.etag, "enabled"), "an update with a stale ETag")
    check_refused(
        412, "PreconditionFailed", lambda: manager.delete_device(DEVICE, before.etag), "a delete with a stale ETag"
    )
    check_equal(manager.get_device(DEVICE).status, "disabled", "status after the refused update")
    enabled = update("*", "enabled")
    check_equal(enabled.status, "enabled", "status after an update with any ETag")
    return enabled


def check_keys_made_by_hub(manager):
    """Without keys the hub makes two: base64, different, and long enough."""
    device = "peer-py-keyless"
    keys = manager.create_device_with_sas(device, None, None, "enabled").authentication.symmetric_key
    for key in (keys.primary_key, keys.secondary_key):
        check(len(base64.b64decode(key, validate=True)) >= 16, "a key made by the hub is base64 of 16 bytes or more")
    check(keys.primary_key != keys.secondary_key, "the two keys made by the hub differ")
    manager.delete_device(device)


def main():
    """The whole life of a device."""
    manager = IoTHubRegistryManager.from_connection_string(READY["hubConnectionString"])
    check_refused(404, "DeviceNotFound", lambda: manager.get_device(UNKNOWN), "reading an unknown device")
    created = check_created(manager)
    updated = check_updated(manager, created)
    check_keys_made_by_hub(manager)

    listed = [device.device_id for device in manager.get_devices(1000)]
    check(DEVICE in listed and "device1" in listed, f"the list holds every device: {listed}")
    check_equal(len(manager.get_devices(1)), 1, "devices listed with top=1")

    manager.delete_device(DEVICE, updated.etag)
    check_refused(404, "DeviceNotFound", lambda: manager.get_device(DEVICE), "reading a deleted device")
    check_refused(404, "DeviceNotFound", lambda: manager.delete_device(DEVICE), "deleting a deleted device")

    reader = IoTHubRegistryManager.from_connection_string(READY["policies"]["registryRead"])
    check_equal(reader.get_device("device1").device_id, "device1", "device read with the policy registryRead")
    forbidden = "peer-py-forbidden"
    refused(
        lambda: reader.create_device_with_sas(forbidden, PRIMARY, SECONDARY, "enabled"),
        401,
        "writing with the policy registryRead",
    )


if __name__ == "__main__":
    main()
