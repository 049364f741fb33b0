"""The doctor: every finding says something, advice where something is wanting, and nothing is changed."""

import math
import os
import shutil

import pytest

from regretlab.play.system.synchronisation import SemaphoreRow
from regretlab.validation import machine
from regretlab.validation.machine import examine


def test_every_finding_says_what_was_found_and_what_to_do():
    before = (os.sched_getscheduler(0), os.nice(0))
    findings = examine()
    assert (os.sched_getscheduler(0), os.nice(0)) == before
    assert [finding.name for finding in findings] == [
        "regretlab", "Python", "system", "packages", "cores", "clock", "realtime priority", "shared memory",
        "semaphores", "kernel cache", "disk", "gcc", "sdcc", "GPU",
    ]  # fmt: skip
    for finding in findings:
        assert finding.found
        assert bool(finding.advice) == (finding.state != "good")


@pytest.mark.parametrize("tool", ["gcc", "sdcc"])
def test_a_tool_that_is_not_there(tool, monkeypatch):
    monkeypatch.setattr(shutil, "which", lambda name: None)
    found = next(finding for finding in examine() if finding.name == tool)
    assert (found.state, found.found) == ("limited", "not found")
    assert f"install {tool}" in found.advice


def test_a_cache_that_cannot_be_written(monkeypatch, tmp_path):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("REGRETLAB_CACHE", str(tmp_path / "file" / "cache"))
    found = next(finding for finding in examine() if finding.name == "kernel cache")
    assert found.state == "missing"
    assert "REGRETLAB_CACHE" in found.advice


def test_semaphores_that_wake_nobody_or_fail(monkeypatch):
    def state():
        return next(finding for finding in examine() if finding.name == "semaphores")

    monkeypatch.setattr(machine, "_SLEEP_ERROR", math.inf)  # on a busy machine any wait may end late
    assert state().state == "good"
    monkeypatch.setattr(machine, "_SLEEP_ERROR", -1.0)
    assert state().state == "limited"
    assert "waits are coarse" in state().advice
    monkeypatch.setattr(machine, "_answer", lambda row: None)
    monkeypatch.setattr(SemaphoreRow, "wait", lambda row, index, timeout: False)
    assert (state().state, state().found) == ("missing", "a post wakes no waiter")

    def broken(row, memory, *, create):
        raise OSError(38, "sem_init: Function not implemented")

    monkeypatch.setattr(SemaphoreRow, "__init__", broken)
    assert state().state == "missing"
    assert "--clock virtual" in state().advice


def test_a_driver_that_fails_says_so(monkeypatch, tmp_path):
    (tmp_path / "nvidia-smi").write_text("#!/bin/sh\nexit 9\n")
    (tmp_path / "nvidia-smi").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    found = next(finding for finding in examine() if finding.name == "GPU")
    assert (found.state, found.found) == ("limited", "nvidia-smi failed")
    assert found.advice


def test_a_full_disk_and_a_missing_package(monkeypatch, tmp_path):
    monkeypatch.setattr(machine, "_SPACE", 2**80)
    monkeypatch.setitem(machine.EXTRAS, "play", ("no_such_package",))
    found = {finding.name: finding for finding in examine(tmp_path)}
    assert (found["disk"].state, found["packages"].state) == ("limited", "limited")
    assert "runs do not: pip install 'regretlab[play" in found["packages"].advice
