"""What every Python peer is given: the running emulator, and a device that posts to it with no SDK at all."""

import base64
import hashlib
import hmac
import http.client
import json
import os
import ssl
import time
from urllib.parse import quote

with open(os.environ["PEERS_READY"], encoding="utf-8") as _file:
    READY = json.load(_file)
"""The emulator's ready line: ports, CA file and connection strings."""


def check(holds, message):
    """Ends the peer with `message` unless `holds`."""
    if not holds:
        raise SystemExit(f"FAILED: {message}")


def check_equal(found, wanted, what):
    """Ends the peer, showing both sides, unless they are equal."""
    check(found == wanted, f"{what}: wanted {wanted!r}, found {found!r}")


def refused(call, status, what):
    """What azure-iot-hub was answered to `call`; ends the peer unless it was refused with `status`."""
    # Most peers use other SDKs.
    from msrest.exceptions import HttpOperationError

    try:
        call()
    except HttpOperationError as error:
        check_equal(error.response.status_code, status, what)
        return error.response
    raise SystemExit(f"FAILED: {what} was not refused")


def device_token(connection_string, lifetime=300):
    """Host, device id and a token signed with the device's own key, from a device's connection string."""
    fields = dict(part.split("=", 1) for part in connection_string.split(";"))
    host, device = fields["HostName"], fields["DeviceId"]
    resource = quote(f"{host}/devices/{device}", safe="")
    expiry = str(int(time.time()) + lifetime)
    key = base64.b64decode(fields["SharedAccessKey"])
    digest = hmac.new(key, f"{resource}\n{expiry}".encode(), hashlib.sha256).digest()
    signature = quote(base64.b64encode(digest), safe="")
    return host, device, f"SharedAccessSignature sr={resource}&sig={signature}&se={expiry}"


def post(device, body, headers=None):
    """Posts one device-to-cloud message the way a board does; it must be taken with 204 and no body."""
    host, device_id, token = device_token(READY["devices"][device])
    context = ssl.create_default_context(cafile=READY["caFile"])
    connection = http.client.HTTPSConnection(host, context=context, timeout=20)
    path = f"/devices/{quote(device_id, safe='')}/messages/events?api-version=2021-04-12"
    connection.request("POST", path, body=body, headers={"Authorization": token, **(headers or {})})
    response = connection.getresponse()
    text = response.read()
    connection.close()
    check_equal((response.status, text), (204, b""), f"answer to a message of {device}")
