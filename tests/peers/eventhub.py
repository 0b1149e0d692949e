"""azure-eventhub (PyPI) reads what devices post over HTTPS: all partitions, every position, every section."""

import json
import threading
import time

from azure.eventhub import EventHubConsumerClient
from azure.eventhub.exceptions import EventHubError
from hub import READY, check, check_equal, post

DEVICES = ["py-eh-1", "py-eh-2", "py-eh-3"]
BODIES = [b'{"temperature": 24.5}', bytes(range(256)), b"", b"x" * 200_000]
PATIENCE = 20
"""Seconds to wait for what must come."""
SILENCE = 1
"""Seconds to listen for what must not come."""


def client(group="$Default", connection_string=None):
    """A consumer that trusts the emulator's CA and gives up at the first error, so that errors show as they are."""
    return EventHubConsumerClient.from_connection_string(
        connection_string or READY["eventHubConnectionString"],
        group,
        connection_verify=READY["caFile"],
        retry_total=0,
    )


class Reading:
    """A consumer that reads in a thread of its own, as the SDK wants it, until it is closed."""

    def __init__(self, consumer, **options):
        self.events, self.errors = [], []
        self._consumer, self._changed = consumer, threading.Condition()
        options.setdefault("starting_position", "-1")
        self._thread = threading.Thread(target=self._receive, args=(options,), daemon=True)
        self._thread.start()

    def _receive(self, options):
        try:
            self._consumer.receive(self._on_event, on_error=self._on_error, max_wait_time=0.2, **options)
        except Exception as error:  # pylint: disable=broad-except
            self._on_error(None, error)

    def _on_event(self, partition, event):
        if event is not None and device_of(event) in DEVICES:
            with self._changed:
                self.events.append((partition.partition_id, event))
                self._changed.notify_all()

    def _on_error(self, _partition, error):
        with self._changed:
            self.errors.append(error)
            self._changed.notify_all()

    def wait(self, enough, limit=PATIENCE):
        """Whether `enough(self)` came true before `limit` seconds had passed."""
        with self._changed:
            return self._changed.wait_for(lambda: enough(self), limit)

    def close(self):
        """Closes the consumer, which ends the thread."""
        self._consumer.close()
        self._thread.join(PATIENCE)


def device_of(event):
    """The device that the hub says an event came from."""
    return event.system_properties.get(b"iothub-connection-device-id", b"").decode()


def close_all(readings):
    """Closes many at once: the SDK takes about a second for each."""
    closers = [threading.Thread(target=reading.close) for reading in readings]
    for closer in closers:
        closer.start()
    for closer in closers:
        closer.join(PATIENCE)


def read(*wanted):
    """Reads many times at once. Each of `wanted` is (count, group, connection string, options); each result is a list
    of `count` pairs (partition, event) of this peer's devices. Fewer or more is an error."""
    readings = [Reading(client(group, string), **options) for _, group, string, options in wanted]
    for reading, (count, *_) in zip(readings, wanted):
        reading.wait(lambda r, count=count: r.errors or len(r.events) >= count)
    readings[0].wait(lambda r: r.errors, limit=SILENCE)
    close_all(readings)
    for reading, (count, _, _, options) in zip(readings, wanted):
        check(not reading.errors, f"reading {options}: {reading.errors}")
        check_equal(len(reading.events), count, f"events read with {options}")
    return [reading.events for reading in readings]


def send_round(number):
    """One message of every body from every device, with everything set that HTTPS can set."""
    sent = {}
    for device in DEVICES:
        for index, body in enumerate(BODIES):
            message_id = f"{device}/{number}/{index}"
            headers = {
                "iothub-messageid": message_id,
                "iothub-correlationid": f"because-of-{index}",
                "iothub-contenttype": "application/json",
                "iothub-contentencoding": "utf-8",
                "iothub-app-alert": "true",
                "iothub-app-unit": "100%",
            }
            post(device, body, headers)
            sent[message_id] = (device, body, f"because-of-{index}")
    return sent


def check_event(event, sent, around):
    """Every section of one event."""
    system, annotations = event.system_properties, event.raw_amqp_message.annotations
    message_id = event.message_id
    check(message_id in sent, f"an unknown message id {message_id!r}")
    device, body, correlation_id = sent[message_id]
    check(b"".join(event.body) == body, f"body of {message_id}")
    check_equal(event.correlation_id, correlation_id, "correlation id")
    check_equal(event.content_type, "application/json", "content type")
    check_equal(event.raw_amqp_message.properties.content_encoding, b"utf-8", "content encoding")
    check_equal(event.properties, {b"alert": b"true", b"unit": b"100%"}, "application properties")
    check_equal(system[b"iothub-connection-device-id"], device.encode(), "iothub-connection-device-id")
    check_equal(system[b"iothub-message-source"], b"Telemetry", "iothub-message-source")
    method = json.loads(system[b"iothub-connection-auth-method"])
    check_equal((method["scope"], method["type"]), ("device", "sas"), "iothub-connection-auth-method")
    check(system[b"iothub-connection-auth-generation-id"], "iothub-connection-auth-generation-id is there")
    check_equal(annotations[b"x-opt-enqueued-time"], annotations[b"iothub-enqueuedtime"], "the two enqueued times")
    check(around[0] - 5000 <= annotations[b"x-opt-enqueued-time"] <= around[1] + 5000, "enqueued time is about now")
    check_equal(event.sequence_number, annotations[b"x-opt-sequence-number"], "sequence number")
    check(isinstance(annotations[b"x-opt-offset"], bytes), "x-opt-offset is a string")


def check_order(events):
    """Sequence numbers rise in each partition, and a device stays in the partition that it has."""
    last, home = {}, {}
    for partition, event in events:
        check(event.sequence_number > last.get(partition, -1), f"sequence numbers rise in partition {partition}")
        last[partition] = event.sequence_number
        check_equal(home.setdefault(device_of(event), partition), partition, f"partition of {device_of(event)}")
    return last


def check_properties(last):
    """What `$management` says of the hub and its partitions, held against what was read."""
    consumer = client()
    hub = consumer.get_eventhub_properties()
    check_equal(hub["eventhub_name"], READY["eventHub"], "name of the event hub")
    check_equal(hub["partition_ids"], [str(n) for n in range(len(hub["partition_ids"]))], "partition ids")
    for partition in hub["partition_ids"]:
        found = consumer.get_partition_properties(partition)
        check_equal((found["eventhub_name"], found["id"]), (READY["eventHub"], partition), "name of the partition")
        if partition in last:
            check(not found["is_empty"], f"partition {partition} is not empty")
            check(found["last_enqueued_sequence_number"] >= last[partition], f"last of partition {partition}")
            check(found["beginning_sequence_number"] <= last[partition], f"first of partition {partition}")
            check(found["last_enqueued_time_utc"].year >= 2024, f"last enqueued time of partition {partition}")
    consumer.close()


def check_positions(events, first, second):
    """From a time over all partitions; from a sequence number and an offset in one, with and without the event itself;
    and everything once more over the plain port."""
    latest = max(event.enqueued_time for _, event in events)
    partition = events[0][0]
    here = [event for where, event in events if where == partition]
    homes = {device_of(event) for event in here}
    later = {message_id for message_id, (device, *_) in second.items() if device in homes}
    middle = len(here) // 2

    wanted = [
        (len(second), "$Default", None, {"starting_position": latest}),
        (len(first) + len(second), "$Default", READY["emulatorConnectionString"], {}),
    ]
    expected = [set(second), set(first) | set(second)]
    for position in (here[middle].sequence_number, here[middle].offset):
        for inclusive in (True, False):
            rest = {event.message_id for event in here[middle if inclusive else middle + 1 :]} | later
            expected.append(rest)
            options = {"starting_position": position, "starting_position_inclusive": inclusive}
            wanted.append((len(rest), "positions", None, {"partition_id": partition, **options}))

    for found, ids, (_, _, _, options) in zip(read(*wanted), expected, wanted):
        check_equal({event.message_id for _, event in found}, ids, f"events read with {options}")
        check_order(found)


def check_latest():
    """A reader that starts at the end sees what comes afterwards and nothing before."""
    device = DEVICES[0]
    consumer = client()
    partitions = consumer.get_partition_ids()
    ends = {p: consumer.get_partition_properties(p)["last_enqueued_sequence_number"] for p in partitions}
    reading = Reading(consumer, starting_position="@latest", track_last_enqueued_event_properties=True)
    posted = 0
    # Attaching takes a moment that the SDK does not tell of: post until something is seen.
    while not reading.wait(lambda r: r.errors or r.events, limit=1) and posted < PATIENCE:
        posted += 1
        post(device, b"late")
    reading.close()
    check(reading.events, f"nothing came to a reader that started at the end: {reading.errors}")
    partition, event = reading.events[0]
    check_equal(b"".join(event.body), b"late", "first event after the end")
    check(event.sequence_number > ends[partition], "nothing from before the end is shown")


def check_refused(reading, condition, what):
    """`reading` must end with an error that names `condition`."""
    reading.wait(lambda r: r.errors)
    reading.close()
    check(reading.errors, f"{what}: no error came")
    error = reading.errors[0]
    check(isinstance(error, EventHubError), f"{what}: {error!r}")
    check(condition in f"{error!r} {error}", f"{what}: wanted {condition}, found {error!r}")


def check_owners():
    """A reader with a higher owner level takes the partition over, and the lower one is told so."""
    low = Reading(client("owners"), partition_id="0", owner_level=1, starting_position="-1")
    seen = low.wait(lambda r: r.events or r.errors, limit=SILENCE)
    check(not low.errors, f"the first owner: {low.errors} {seen}")
    high = Reading(client("owners"), partition_id="0", owner_level=2, starting_position="-1")
    check_refused(low, "amqp:link:stolen", "the lower owner")
    none = Reading(client("owners"), partition_id="0", starting_position="-1")
    none.wait(lambda r: r.errors)
    none.close()
    check(none.errors and not none.events, "a reader without a level is refused while one with a level reads")
    check(not high.errors, f"the higher owner: {high.errors}")
    high.close()


def check_limit(partition):
    """Five readers of a partition in a group are served, the sixth is refused."""
    five = [Reading(client("five"), partition_id=partition) for _ in range(5)]
    for reading in five:
        check(reading.wait(lambda r: r.events) and not reading.errors, f"five readers are served: {reading.errors}")
    check_refused(
        Reading(client("five"), partition_id=partition), "amqp:resource-limit-exceeded", "the sixth reader"
    )
    for reading in five:
        check(not reading.errors, f"the five go on reading: {reading.errors}")
    close_all(five)


def main():
    """Two rounds of messages, then every way to read them."""
    begun = time.time() * 1000
    first = send_round(1)
    # Strictly later than the first round, in the milliseconds that a position is told in.
    time.sleep(0.05)
    (events,) = read((len(first), "$Default", None, {}))
    check_equal({event.message_id for _, event in events}, set(first), "events from the start")
    for _, event in events:
        check_event(event, first, (begun, time.time() * 1000))
    last = check_order(events)
    second = send_round(2)
    check_properties(last)
    check_positions(events, first, second)

    check_refused(Reading(client("nobody"), partition_id="0"), "amqp:not-found", "a missing consumer group")
    wrong = READY["eventHubConnectionString"].replace("SharedAccessKey=", "SharedAccessKey=AAAA")
    check_refused(Reading(client(connection_string=wrong), partition_id="0"), "401", "a wrong key")
    check_owners()
    check_limit(events[0][0])
    check_latest()


if __name__ == "__main__":
    main()
