"""azure-eventhub (PyPI) reads over WebSocket, on HTTPS's port, what a device posts."""

import threading
from datetime import datetime, timedelta, timezone

from azure.eventhub import EventHubConsumerClient, TransportType
from hub import READY, check, check_equal, post

DEVICE = "py-ws-1"
BODIES = [b'{"temperature": 24.5}', bytes(range(256)) * 800]
PATIENCE = 60
"""Seconds to wait for what must come: this SDK waits a second over WebSocket for each partition that has nothing."""


def main():
    """Every body comes back, in the order of posting, over nothing but a WebSocket."""
    # What other peers have posted is not read again.
    begun = datetime.now(timezone.utc) - timedelta(milliseconds=1)
    for body in BODIES:
        post(DEVICE, body)
    consumer = EventHubConsumerClient.from_connection_string(
        READY["eventHubConnectionString"],
        "$Default",
        connection_verify=READY["caFile"],
        transport_type=TransportType.AmqpOverWebsocket,
        retry_total=0,
    )
    hub = consumer.get_eventhub_properties()
    check_equal(hub["eventhub_name"], READY["eventHub"], "name of the event hub")
    found, errors, done = [], [], threading.Event()

    def on_event(_partition, event):
        if event is None or event.system_properties.get(b"iothub-connection-device-id") != DEVICE.encode():
            return
        found.append(b"".join(event.body))
        if len(found) >= len(BODIES):
            done.set()

    def on_error(_partition, error):
        errors.append(error)
        done.set()

    options = {"starting_position": begun, "max_wait_time": 0.2, "on_error": on_error}
    thread = threading.Thread(target=consumer.receive, args=(on_event,), kwargs=options, daemon=True)
    thread.start()
    check(done.wait(PATIENCE), f"{len(found)} of {len(BODIES)} events came")
    consumer.close()
    thread.join(PATIENCE)
    check(not errors, f"errors: {errors!r}")
    check_equal([len(body) for body in found], [len(body) for body in BODIES], "lengths of the bodies")
    check_equal(found, BODIES, "bodies")


if __name__ == "__main__":
    main()
