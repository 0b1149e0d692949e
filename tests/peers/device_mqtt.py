"""azure-iot-device (PyPI) sends over MQTT, and over MQTT over WebSocket, has a twin, answers methods and
receives messages; a wrong key is refused."""

import base64
import json
import os
import subprocess
import threading

from azure.iot.device import IoTHubDeviceClient, Message, MethodResponse, exceptions
from azure.iot.hub import IoTHubRegistryManager
from azure.iot.hub.models import CloudToDeviceMethod, Twin, TwinProperties
from hub import READY, check, check_equal

PATIENCE = 60
"""Seconds to wait for what must come."""


def client(device, connection_string=None, **options):
    """The SDK's client for a device, which trusts the emulator's authority and tries each thing once."""
    with open(READY["caFile"], encoding="utf-8") as file:
        authority = file.read()
    return IoTHubDeviceClient.create_from_connection_string(
        connection_string or READY["devices"][device],
        server_verification_cert=authority,
        connection_retry=False,
        **options,
    )


def message():
    """A message with every property that the SDK puts into the topic."""
    found = Message('{"temperature": 24.5}', message_id="m 1", content_encoding="utf-8", content_type="application/json")
    found.correlation_id = "because"
    found.user_id = "someone"
    found.custom_properties["level"] = "high & rising"
    return found


def events(device, count):
    """The first events of a device, as hubctl reads them."""
    command = [os.environ["HUBCTL"], "monitor-events", device, "-l", READY["hubConnectionString"]]
    command += ["--from", "earliest", "--count", str(count), "-f", "ndjson"]
    read = subprocess.run(command, check=True, capture_output=True, text=True, timeout=PATIENCE)
    return [json.loads(line) for line in read.stdout.splitlines()]


def sends(device, **options):
    """What is sent arrives with its properties, in order."""
    sender = client(device, **options)
    sender.connect()
    check(sender.connected, f"{device} is connected")
    sender.send_message(message())
    sender.send_message("x" * 200_000)
    sender.shutdown()
    first, second = events(device, 2)
    check_equal(first["body"], {"temperature": 24.5}, "body")
    check_equal(first["messageId"], "m 1", "message id")
    check_equal(first["correlationId"], "because", "correlation id")
    check_equal(first["contentType"], "application/json", "content type")
    check_equal(first["properties"], {"level": "high & rising"}, "properties")
    check_equal(len(second["body"]), 200_000, "length of a long body")


def has_a_twin_and_methods(device):
    """Both sides see the twin's changes, and a method's answer finds its caller."""
    board, service = client(device), IoTHubRegistryManager.from_connection_string(READY["hubConnectionString"])
    told, heard = [], threading.Event()

    def on_change(patch):
        told.append(patch)
        heard.set()

    def on_call(call):
        payload = {"of": call.name, "with": call.payload}
        board.send_method_response(MethodResponse.create_from_method_request(call, 202, payload))

    board.on_twin_desired_properties_patch_received = on_change
    board.on_method_request_received = on_call
    board.connect()
    check_equal(board.get_twin()["reported"], {"$version": 1}, "reported properties at first")
    board.patch_twin_reported_properties({"firmware": "1.2"})
    twin = service.get_twin(device)
    check_equal(twin.properties.reported["firmware"], "1.2", "what was reported")
    service.update_twin(device, Twin(properties=TwinProperties(desired={"interval": 5})), twin.etag)
    check(heard.wait(PATIENCE), "the change of the desired properties is heard of")
    check_equal(told, [{"interval": 5, "$version": 2}], "change of the desired properties")
    answer = service.invoke_device_method(device, CloudToDeviceMethod(method_name="reboot", payload={"in": 5}))
    check_equal((answer.status, answer.payload), (202, {"of": "reboot", "with": {"in": 5}}), "answer of a method")
    board.shutdown()


def receives(device):
    """A message from the cloud comes with its properties, also one that was sent while the device was away."""
    board, service = client(device), IoTHubRegistryManager.from_connection_string(READY["hubConnectionString"])
    service.send_c2d_message(device, "waits", properties={"messageId": "c2d 1", "level": "high & rising"})
    told, heard = [], threading.Semaphore(0)

    def on_message(found):
        told.append(found)
        heard.release()

    board.on_message_received = on_message
    board.connect()
    check(heard.acquire(timeout=PATIENCE), "what waited comes")
    service.send_c2d_message(device, "comes at once", properties={})
    check(heard.acquire(timeout=PATIENCE), "what is sent comes")
    check_equal([found.data for found in told], [b"waits", b"comes at once"], "bodies")
    check_equal(told[0].message_id, "c2d 1", "message id")
    check_equal(told[0].custom_properties, {"level": "high & rising"}, "properties")
    board.shutdown()


def is_refused(device):
    """A client with another key is told that it is the key."""
    own, _ = READY["devices"][device].split("SharedAccessKey=")
    other = own + "SharedAccessKey=" + base64.b64encode(b"not the key of this device").decode()
    stranger = client(device, other)
    try:
        stranger.connect()
    except exceptions.CredentialError:
        stranger.shutdown()
        return
    check(False, "a wrong key is refused")


if __name__ == "__main__":
    sends("py-mqtt-1")
    sends("py-mqtt-ws-1", websockets=True)
    has_a_twin_and_methods("py-mqtt-1")
    receives("py-mqtt-1")
    is_refused("py-mqtt-1")
