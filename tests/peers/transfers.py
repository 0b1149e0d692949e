"""azure-iot-hub (PyPI) imports identities from Azurite and exports them there."""

import base64
import datetime
import hashlib
import hmac
import http.client
import json
import os
import time
from urllib.parse import quote, urlsplit

from azure.iot.hub import IoTHubConfigurationManager, IoTHubJobManager, IoTHubRegistryManager
from azure.iot.hub.models import JobProperties

from hub import READY, check_equal, refused

STORAGE = dict(part.split("=", 1) for part in os.environ["PEERS_STORAGE"].split(";"))
ENDPOINT = STORAGE["BlobEndpoint"]
DEVICES = [f"peer-py-import-{n}" for n in range(5)]
PATIENCE = 20


def access():
    """The query that opens the whole account for an hour."""
    end = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(hours=1)
    fields = {"sp": "rwdlac", "ss": "b", "srt": "sco", "se": end.strftime("%Y-%m-%dT%H:%M:%SZ"), "sv": "2019-02-02"}
    text = "\n".join(
        [STORAGE["AccountName"], fields["sp"], fields["ss"], fields["srt"], "", fields["se"], "", "", fields["sv"], ""]
    )
    key = base64.b64decode(STORAGE["AccountKey"])
    fields["sig"] = base64.b64encode(hmac.new(key, text.encode(), hashlib.sha256).digest()).decode()
    return "&".join(f"{name}={quote(value, safe='')}" for name, value in fields.items())


def storage(method, path, body=None, query="", headers=None):
    """What Azurite answers."""
    url = urlsplit(ENDPOINT)
    connection = http.client.HTTPConnection(url.netloc, timeout=20)
    path = f"{url.path}/{path}?{query}{access()}"
    headers = {"x-ms-version": "2019-02-02", **(headers or {})}
    connection.request(method, path, body=body, headers=headers)
    response = connection.getresponse()
    text = response.read()
    connection.close()
    return response.status, text


def put(path, lines):
    text = "\n".join(json.dumps(line) for line in lines)
    status, answer = storage("PUT", path, text, headers={"x-ms-blob-type": "BlockBlob"})
    check_equal((status, answer), (201, b""), path)


def lines(path):
    status, text = storage("GET", path)
    check_equal(status, 200, path)
    return [json.loads(line) for line in text.decode().splitlines() if line]


def ended(jobs, properties):
    job = jobs.create_import_export_job(properties)
    began = time.monotonic()
    while job.status not in ("completed", "failed", "cancelled"):
        if time.monotonic() - began > PATIENCE:
            raise SystemExit(f"FAILED: {job.job_id} did not end: {job.status}")
        time.sleep(0.05)
        job = jobs.get_import_export_job(job.job_id)
    return job


def main():
    jobs = IoTHubJobManager.from_connection_string(READY["hubConnectionString"])
    registry = IoTHubRegistryManager.from_connection_string(READY["hubConnectionString"])
    check_equal(storage("PUT", "py-jobs", "", "restype=container&")[0], 201, "making the container")
    container = f"{ENDPOINT}/py-jobs?{access()}"

    put("py-jobs/in.txt", [{"id": device, "importMode": "create", "status": "disabled"} for device in DEVICES])
    wanted = JobProperties(
        type="import",
        input_blob_container_uri=container,
        input_blob_name="in.txt",
        output_blob_container_uri=container,
        storage_authentication_type="keyBased",
    )
    job = ended(jobs, wanted)
    check_equal((job.status, job.type, job.progress), ("completed", "import", 100), "import")
    check_equal(job.failure_reason, None, "failure of the import")
    check_equal(job.end_time_utc >= job.start_time_utc, True, "the import's end comes behind its start")
    check_equal(lines("py-jobs/importErrors.log"), [], "errors of the import")
    check_equal(registry.get_device(DEVICES[0]).status, "disabled", "status of an imported device")

    # Once more each of them is refused, and the job completes all the same.
    check_equal(ended(jobs, wanted).status, "completed", "second import")
    errors = lines("py-jobs/importErrors.log")
    check_equal([(line["deviceId"], line["errorCode"]) for line in errors], [(d, 409001) for d in DEVICES], "refusals")

    export = JobProperties(
        type="export", output_blob_container_uri=container, output_blob_name="out.txt", exclude_keys_in_export=True
    )
    check_equal(ended(jobs, export).status, "completed", "export")
    found = {line["id"]: line for line in lines("py-jobs/out.txt")}
    for device in DEVICES:
        check_equal((found[device]["status"], found[device]["authentication"]), ("disabled", None), device)

    listed = [job.type for job in jobs.get_import_export_jobs()]
    check_equal(listed[-3:], ["import", "import", "export"], "list of jobs")

    content = {"deviceContent": {"properties.desired.speed": 7}}
    put("py-jobs/conf.txt", [{"id": "peer-py-import", "content": content, "targetCondition": "tags.none = 1"}])
    put("py-jobs/in.txt", [])
    wanted.include_configurations, wanted.configurations_blob_name = True, "conf.txt"
    check_equal(ended(jobs, wanted).status, "completed", "import of a configuration")
    check_equal(lines("py-jobs/importErrors.log"), [], "errors of the configuration's import")
    configurations = IoTHubConfigurationManager.from_connection_string(READY["hubConnectionString"])
    made = configurations.get_configuration("peer-py-import")
    check_equal(made.target_condition, "tags.none = 1", "target condition of an imported configuration")
    export.include_configurations = True
    check_equal(ended(jobs, export).status, "completed", "export with configurations")
    ids = [line["id"] for line in lines("py-jobs/configurations.txt")]
    check_equal("peer-py-import" in ids, True, "the configuration is among the exported")
    configurations.delete_configuration("peer-py-import")
    wanted.include_configurations = False

    last = jobs.get_import_export_jobs()[-1].job_id
    check_equal(jobs.cancel_import_export_job(last), None, "cancelling what is over")
    refused(lambda: jobs.get_import_export_job("none"), 404, "a job that is not there")
    missing = JobProperties(type="import", input_blob_container_uri=container, output_blob_container_uri=container)
    answer = refused(lambda: jobs.create_import_export_job(missing), 400, "an import of nothing")
    check_equal(answer.headers["iothub-errorcode"], "BlobContainerValidationError", "its code")

    put("py-jobs/in.txt", [{"id": device, "importMode": "delete"} for device in DEVICES])
    check_equal(ended(jobs, wanted).status, "completed", "deletion")
    check_equal(lines("py-jobs/importErrors.log"), [], "errors of the deletion")


main()
