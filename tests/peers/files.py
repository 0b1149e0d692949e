"""azure-iot-device (PyPI) asks for access to a blob and says that it is there; the service hears of it over HTTPS."""

import http.client
import json
import ssl
from urllib.parse import quote

from azure.iot.device import IoTHubDeviceClient
from azure.iot.hub.auth import ConnectionStringAuthentication

from hub import READY, check, check_equal

DEVICE = "py-files-1"
PATH = "/messages/serviceBound/filenotifications"


def https(method, host, path, body=None, headers=None):
    """Status, headers and body of an answer."""
    context = ssl.create_default_context(cafile=READY["caFile"])
    connection = http.client.HTTPSConnection(host, context=context, timeout=20)
    connection.request(method, path, body=body, headers=headers or {})
    response = connection.getresponse()
    text = response.read()
    connection.close()
    return response.status, response.headers, text


def main():
    device = IoTHubDeviceClient.create_from_connection_string(
        READY["devices"][DEVICE], server_verification_cert=open(READY["caFile"], encoding="utf-8").read()
    )
    info = device.get_storage_info_for_blob("data/python.bin")
    check_equal(info["blobName"], f"{DEVICE}/data/python.bin", "blob name")
    blob = quote(f"{info['containerName']}/{info['blobName']}")
    content = bytes(range(256)) * 40
    headers = {"x-ms-blob-type": "BlockBlob", "x-ms-version": "2021-04-10"}
    status, _, text = https("PUT", info["hostName"], f"/{blob}{info['sasToken']}", content, headers)
    check_equal((status, text), (201, b""), "upload")
    device.notify_blob_upload_status(info["correlationId"], True, 200, "OK")

    refused = False
    try:
        device.notify_blob_upload_status(info["correlationId"], True, 200, "OK")
    except Exception:  # noqa: BLE001, whatever the SDK makes of a 400
        refused = True
    check(refused, "an upload is ended once")
    device.shutdown()

    auth = ConnectionStringAuthentication(READY["hubConnectionString"])
    token = auth.signed_session().headers["Authorization"]
    headers = {"Authorization": token}
    version = "?api-version=2021-04-12"
    while True:
        status, answer, text = https("GET", "localhost", PATH + version, headers=headers)
        check_equal(status, 200, "answer to a notification's receiver")
        told = json.loads(text)
        lock = answer["etag"].strip('"')
        status, _, _ = https("DELETE", "localhost", f"{PATH}/{lock}{version}", headers=headers)
        check_equal(status, 204, "completion")
        if told["deviceId"] == DEVICE:
            break
    check_equal(told["blobName"], f"{DEVICE}/data/python.bin", "notified blob")
    check_equal(told["blobSizeInBytes"], len(content), "notified size")


main()
