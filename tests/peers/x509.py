"""azure-iot-device (PyPI) connects with certificates, over MQTT and over MQTT over WebSocket: a device that is known by
its thumbprint, a device and a module that an authority has signed. Another's certificate is refused."""

import json
import os
import subprocess

from azure.iot.device import IoTHubDeviceClient, IoTHubModuleClient, Message, X509, exceptions
from azure.iot.hub import IoTHubRegistryManager
from hub import READY, check, check_equal

FOLDER = os.environ["PEERS_CERTIFICATES"]


def certificate(name):
    """A certificate and its key, as the SDK wants them."""
    return X509(cert_file=f"{FOLDER}/{name}.pem", key_file=f"{FOLDER}/{name}.key")


def thumbprint(name):
    """The SHA-256 of a certificate."""
    command = ["openssl", "x509", "-in", f"{FOLDER}/{name}.pem", "-noout", "-fingerprint", "-sha256"]
    printed = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return printed.strip().split("=")[1].replace(":", "")


def options(**more):
    """What every client is given: it trusts the emulator's authority and tries each thing once."""
    with open(READY["caFile"], encoding="utf-8") as file:
        return {"server_verification_cert": file.read(), "connection_retry": False, **more}


def device(name, held, **more):
    """A device's client with this certificate."""
    return IoTHubDeviceClient.create_from_x509_certificate(certificate(held), READY["hub"], name, **options(**more))


def sends_and_has_a_twin(client, body):
    """An event goes out, and the twin is there."""
    client.connect()
    check(client.connected, f"connected for {body}")
    client.send_message(Message(body))
    client.patch_twin_reported_properties({"by": body})
    check_equal(client.get_twin()["reported"]["by"], body, "what was reported")
    client.shutdown()


def bodies(name, count):
    """The bodies of the first events of a device and its modules, as hubctl reads them."""
    command = [os.environ["HUBCTL"], "monitor-events", name, "-l", READY["hubConnectionString"]]
    command += ["--from", "earliest", "--count", str(count), "-f", "ndjson"]
    read = subprocess.run(command, check=True, capture_output=True, text=True, timeout=60)
    return [json.loads(line)["body"] for line in read.stdout.splitlines()]


if __name__ == "__main__":
    service = IoTHubRegistryManager.from_connection_string(READY["hubConnectionString"])
    made = service.create_device_with_x509("py-x509-own", thumbprint("other"), thumbprint("own"), "enabled")
    check_equal(made.authentication.type, "selfSigned", "type of authentication")
    check_equal(made.authentication.symmetric_key.primary_key, None, "key of a device with a certificate")
    service.create_device_with_certificate_authority("py-x509-ca", "enabled")
    service.create_module_with_certificate_authority("py-x509-ca", "m1", "me")

    for websockets in (False, True):
        way = "websocket" if websockets else "tcp"
        sends_and_has_a_twin(device("py-x509-own", "own", websockets=websockets), f"own {way}")
        sends_and_has_a_twin(device("py-x509-ca", "py-x509-ca", websockets=websockets), f"signed {way}")
        module = IoTHubModuleClient.create_from_x509_certificate(
            certificate("py-x509-ca-m1"), READY["hub"], "py-x509-ca", "m1", **options(websockets=websockets)
        )
        sends_and_has_a_twin(module, f"module {way}")
    check_equal(bodies("py-x509-own", 2), ["own tcp", "own websocket"], "events by a thumbprint")
    found = bodies("py-x509-ca", 4)
    check_equal(found, ["signed tcp", "module tcp", "signed websocket", "module websocket"], "events by an authority")

    for name, held in (("py-x509-own", "py-x509-ca"), ("py-x509-ca", "own"), ("py-x509-ca", "py-x509-ca-m1")):
        stranger = device(name, held)
        try:
            stranger.connect()
        except exceptions.CredentialError:
            stranger.shutdown()
            continue
        check(False, f"{name} is refused with the certificate of {held}")
