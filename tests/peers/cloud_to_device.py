"""azure-iot-hub (PyPI) sends to a device over AMQP and purges; the device receives over HTTPS and settles."""

import http.client
import json
import ssl
import time
from urllib.parse import quote

import uamqp
from azure.iot.hub import IoTHubRegistryManager
from azure.iot.hub.sastoken import SasToken
from hub import READY, check, check_equal, device_token

DEVICE = "py-c2d-1"
VERSION = "api-version=2021-04-12"


class Device:
    """A device that speaks HTTPS as curl would."""

    def __init__(self, name):
        self.host, device, self.token = device_token(READY["devices"][name])
        self.path = f"/devices/{quote(device, safe='')}/messages/deviceBound"
        self.context = ssl.create_default_context(cafile=READY["caFile"])

    def ask(self, method, rest="", query=""):
        """Status, headers in lower case and body of one request."""
        connection = http.client.HTTPSConnection(self.host, context=self.context, timeout=20)
        connection.request(method, f"{self.path}{rest}?{VERSION}{query}", headers={"Authorization": self.token})
        response = connection.getresponse()
        headers = {name.lower(): value for name, value in response.getheaders()}
        body = response.read()
        connection.close()
        return response.status, headers, body

    def receive(self):
        """Headers, body and lock token of the next message, which must be there."""
        status, headers, body = self.ask("GET")
        check_equal(status, 200, "a message waits")
        return headers, body, headers["etag"].strip('"')

    def expect_nothing(self):
        check_equal(self.ask("GET")[0], 204, "an empty queue")


def check_message(headers, body, body_wanted):
    check_equal(body, body_wanted, "body")
    check_equal(headers["iothub-messageid"], "m-1", "message id")
    check_equal(headers["iothub-correlationid"], "because", "correlation id")
    check_equal(headers["iothub-app-level"], "high", "application property")
    check_equal(headers["iothub-contenttype"], "application/json", "content type")
    check_equal(headers["iothub-to"], f"/devices/{DEVICE}/messages/devicebound", "to")
    check(headers["iothub-enqueuedtime"] and headers["iothub-sequencenumber"], "the hub's own headers")


def feedback(settle):
    """The records of one feedback message, which is then settled by the message's method of this name."""
    fields = dict(part.split("=", 1) for part in READY["hubConnectionString"].split(";"))
    token = str(SasToken(fields["HostName"], fields["SharedAccessKey"], fields["SharedAccessKeyName"]))
    policy = f"{fields['SharedAccessKeyName']}@sas.root.{fields['HostName'].split('.')[0]}"
    auth = uamqp.authentication.SASLPlain(fields["HostName"], policy, token, verify=READY["caFile"])
    source = f"amqps://{fields['HostName']}/messages/serviceBound/feedback"
    client = uamqp.ReceiveClient(source, auth=auth, prefetch=1, timeout=20000, auto_complete=False)
    try:
        [message] = client.receive_message_batch(max_batch_size=1, timeout=20000)
        content_type = message.properties.content_type.decode()
        check_equal(content_type, "application/vnd.microsoft.iothub.feedback.json", "content type of feedback")
        records = json.loads(b"".join(message.get_data()))
        getattr(message, settle)()
        client.do_work()
    finally:
        client.close()
    return [(record["originalMessageId"], record["statusCode"]) for record in records]


def main():
    manager = IoTHubRegistryManager.from_connection_string(READY["hubConnectionString"])
    device = Device(DEVICE)
    device.expect_nothing()
    properties = {"messageId": "m-1", "correlationId": "because", "contentType": "application/json", "level": "high"}
    manager.send_c2d_message(DEVICE, '{"fan": "on"}', properties=properties)
    check_equal(manager.get_device(DEVICE).cloud_to_device_message_count, 1, "messages that wait")

    headers, body, lock = device.receive()
    check_message(headers, body, b'{"fan": "on"}')
    check_equal(headers["iothub-deliverycount"], "0", "delivery count of the first time")
    device.expect_nothing()
    check_equal(device.ask("POST", f"/{lock}/abandon")[0], 204, "abandon")
    headers, _, lock = device.receive()
    check_equal(headers["iothub-deliverycount"], "1", "delivery count of the second time")
    check_equal(device.ask("DELETE", f"/{lock}")[0], 204, "complete")
    status, headers, _ = device.ask("DELETE", f"/{lock}")
    check_equal((status, headers.get("iothub-errorcode")), (412, "DeviceMessageLockLost"), "completing twice")

    wanted = {"iothub-ack": "negative", "messageId": "m-2"}
    manager.send_c2d_message(DEVICE, "no, thanks", properties=wanted)
    _, body, lock = device.receive()
    check_equal(body, b"no, thanks", "a body without properties")
    check_equal(device.ask("DELETE", f"/{lock}", "&reject")[0], 204, "reject")
    # Given back it comes again at once, and once it is accepted no more.
    for settle in ["release", "accept"]:
        check_equal(feedback(settle), [("m-2", "Rejected")], f"feedback to {settle}")

    # An expiry in milliseconds, half a second ahead.
    manager.send_c2d_message(DEVICE, "soon stale", properties={"expiryTimeUtc": int(time.time() * 1000) + 500})
    manager.send_c2d_message(DEVICE, "for ever")
    deadline = time.time() + 20
    while manager.get_device(DEVICE).cloud_to_device_message_count > 1:
        check(time.time() < deadline, "the message goes stale")
        time.sleep(0.1)
    _, body, lock = device.receive()
    check_equal(body, b"for ever", "what is left")
    manager.send_c2d_message(DEVICE, "another")
    purged = manager.protocol.cloud_to_device_messages.purge_cloud_to_device_message_queue(DEVICE)
    check_equal((purged.total_messages_purged, purged.device_id), (2, DEVICE), "purge")
    check_equal(device.ask("DELETE", f"/{lock}")[0], 412, "completing what was purged")
    device.expect_nothing()

    for refused, what in [("py-c2d-nobody", "an unknown device"), (DEVICE, "a message that is too large")]:
        stranger = IoTHubRegistryManager.from_connection_string(READY["hubConnectionString"])
        try:
            stranger.send_c2d_message(refused, "x" * (65 * 1024))
        except Exception as refusal:  # The SDK has no class of its own for it.
            print(json.dumps({"refused": what, "as": str(refusal)}))
            continue
        raise SystemExit(f"FAILED: {what} was not refused")


main()
