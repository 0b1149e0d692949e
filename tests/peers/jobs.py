"""azure-iot-hub (PyPI) schedules jobs, whose methods a device of azure-iot-device (PyPI) answers."""

import time
from datetime import datetime, timedelta, timezone

from azure.iot.device import IoTHubDeviceClient, MethodResponse
from azure.iot.hub import IoTHubJobManager, IoTHubRegistryManager
from azure.iot.hub.models import CloudToDeviceMethod, JobRequest, QuerySpecification, Twin
from hub import READY, check, check_equal, refused

DEVICE = "py-job-1"
CONDITION = f"deviceId = '{DEVICE}'"
PATIENCE = 60
"""Seconds to wait for what must come."""


def now():
    """The time in UTC."""
    return datetime.now(timezone.utc)


def ended(manager, job_id):
    """The job once it is over."""
    began = time.monotonic()
    while time.monotonic() - began < PATIENCE:
        job = manager.get_scheduled_job(job_id)
        if job.end_time is not None:
            return job
        time.sleep(0.05)
    raise SystemExit(f"FAILED: {job_id} did not end")


def patches_twins(manager, registry):
    """One job patches a twin; another one that waits is cancelled."""
    request = JobRequest(
        job_id="py-twin",
        type="scheduleUpdateTwin",
        update_twin=Twin(etag="*", tags={"job": 1}),
        query_condition=CONDITION,
        start_time=now(),
        max_execution_time_in_seconds=60,
    )
    made = manager.create_scheduled_job("py-twin", request)
    check_equal((made.job_id, made.type), ("py-twin", "scheduleUpdateTwin"), "a new job")
    refused(lambda: manager.create_scheduled_job("py-twin", request), 409, "the same job")
    job = ended(manager, "py-twin")
    check_equal((job.status, job.device_job_statistics.succeeded_count), ("completed", 1), "a job that has ended")
    check_equal(registry.get_twin(DEVICE).tags, {"job": 1}, "tags")
    request.job_id, request.start_time = "py-later", now() + timedelta(hours=1)
    check_equal(manager.create_scheduled_job("py-later", request).status, "queued", "a job that waits, when it was made")
    check_equal(manager.get_scheduled_job("py-later").status, "scheduled", "a job that waits")
    manager.cancel_scheduled_job("py-later")
    check_equal(manager.get_scheduled_job("py-later").status, "cancelled", "a job that was cancelled")
    check_equal(manager.get_scheduled_job("py-none").status, "unknown", "an unknown job")


def calls_methods(manager, registry):
    """A job's method is answered by a device."""
    with open(READY["caFile"], encoding="utf-8") as file:
        authority = file.read()
    board = IoTHubDeviceClient.create_from_connection_string(
        READY["devices"][DEVICE], server_verification_cert=authority, connection_retry=False
    )

    def on_call(call):
        answer = {"of": call.name, "with": call.payload}
        board.send_method_response(MethodResponse.create_from_method_request(call, 202, answer))

    board.on_method_request_received = on_call
    board.connect()
    # The SDK asks for methods in the background: a call that waits for the device finds it, however soon.
    method = CloudToDeviceMethod(
        method_name="reboot", payload={"in": 5}, connect_timeout_in_seconds=30, response_timeout_in_seconds=30
    )
    request = JobRequest(
        job_id="py-method",
        type="scheduleDeviceMethod",
        cloud_to_device_method=method,
        query_condition=CONDITION,
        max_execution_time_in_seconds=120,
    )
    manager.create_scheduled_job("py-method", request)
    job = ended(manager, "py-method")
    check_equal((job.status, job.device_job_statistics.succeeded_count), ("completed", 1), "a job of methods")
    found = registry.query_iot_hub(QuerySpecification(query="SELECT * FROM devices.jobs WHERE jobId = 'py-method'"))
    check_equal(found.type, "DeviceJob", "type of the rows")
    check_equal(len(found.items), 1, "rows")
    check(found.items[0].device_id == DEVICE, "the row's device")
    board.shutdown()


def main():
    """Jobs of both types."""
    manager = IoTHubJobManager.from_connection_string(READY["hubConnectionString"])
    registry = IoTHubRegistryManager.from_connection_string(READY["hubConnectionString"])
    patches_twins(manager, registry)
    calls_methods(manager, registry)


if __name__ == "__main__":
    main()
