"""Has hubctl write iothub_secrets.h into the build folder before anything is compiled."""

import os
import subprocess
import sys

Import("env")  # noqa: F821 - SCons brings Import and env in


def main(env):
    folder = os.path.join(env.subst("$BUILD_DIR"), "iothub")
    command = [
        os.environ.get("HUBCTL", "hubctl"),
        "sas-token",
        env.GetProjectOption("custom_iothub_device"),
        "--format=arduino",
        "--with-ca",
        "--duration=" + env.GetProjectOption("custom_iothub_duration", "30d"),
        "--min-left=" + env.GetProjectOption("custom_iothub_min_left", "7d"),
        "--output=" + os.path.join(folder, "iothub_secrets.h"),
    ]
    try:
        # stdin stays closed to it, so that a build never waits for an answer.
        subprocess.run(command, check=True, stdin=subprocess.DEVNULL)
    except FileNotFoundError:
        sys.exit("hubctl was not found; put it on the PATH, or name it in HUBCTL")
    except subprocess.CalledProcessError as error:
        # hubctl has said why.
        sys.exit(error.returncode)
    env.Append(CPPPATH=[folder])


main(env)  # noqa: F821
