"""The fork server of a run ends with it, whatever it is doing."""

import os
import subprocess
import sys

PROGRAM = """
import sys, time
from multiprocessing import forkserver
from regretlab.play.system import processes

processes.PRELOADED[:] = ["tests.oracles.slow_to_load"]
if __name__ == "__main__":
    try:
        with processes.process_pool():
            forkserver.ensure_running()
            print(forkserver._forkserver._forkserver_pid, flush=True)
            time.sleep(0.5)
            raise KeyboardInterrupt
    except KeyboardInterrupt:
        print("ended")
"""


def test_an_interrupt_does_not_wait_for_what_the_server_is_loading():
    """The server is two minutes from hearing anybody; half of that is far more than ending it takes."""
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, timeout=900, check=True)
    pid, ended = done.stdout.split()
    assert ended == "ended"
    assert not os.path.exists(f"/proc/{pid}")
