"""Files appear whole or not at all; parts that are not whole count as missing."""

import json
import os
import subprocess
import sys

import pytest

from regretlab.errors import InputError
from regretlab.files import PartStore, replacing, scratch_folder, write_atomically

LABEL = {"digest": "abc"}


def _open(folder, label=LABEL):
    return PartStore(folder / "out.parts", label, 3)


@pytest.mark.parametrize("damage", ["empty", "truncated", "shorter than its digest", "changed", "deleted"])
def test_a_part_that_is_not_whole_is_missing(tmp_path, damage):
    store = _open(tmp_path)
    for number in range(3):
        store.put(number, bytes([number]) * 1000)
    assert store.missing() == []
    path = tmp_path / "out.parts" / "part-00000001"
    held = path.read_bytes()
    found = {
        "empty": b"",
        "truncated": held[:-1],
        "shorter than its digest": held[:20],
        "changed": held[:-1] + b"\xff",
        "deleted": None,
    }[damage]
    if found is None:
        path.unlink()
    else:
        path.write_bytes(found)
    assert store.missing() == [1]
    with pytest.raises(InputError, match="part-00000001' is missing or damaged"):
        list(store.all())
    store.put(1, b"again")
    assert (store.missing(), store.get(1), list(store.all())[2]) == ([], b"again", b"\x02" * 1000)


def test_intermediate_files_lie_among_the_parts_and_a_killed_call_leaves_none(tmp_path):
    """A process killed in the middle leaves its folder; the next call on the same parts removes it."""
    source = (
        "import os, pathlib, sys\nfrom regretlab.files import PartStore, scratch_folder\n"
        f"store = PartStore(pathlib.Path({str(tmp_path / 'out.parts')!r}), {LABEL!r}, 3)\n"
        "with scratch_folder() as folder:\n    (folder / 'record').touch()\n    os.kill(os.getpid(), 9)"
    )
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    here = os.environ | {"TMPDIR": str(temporary)}
    assert subprocess.run([sys.executable, "-c", source], env=here, check=False).returncode == -9
    assert not list(temporary.iterdir())
    (left,) = (tmp_path / "out.parts").glob("regretlab-scratch-*")
    store = _open(tmp_path)
    assert not left.exists()
    with scratch_folder() as folder:
        assert folder.parent == tmp_path / "out.parts"
    store.close()
    with scratch_folder() as folder:
        assert folder.parent != tmp_path / "out.parts"


def test_parts_are_found_again_and_belong_to_one_computation(tmp_path):
    first = _open(tmp_path)
    first.put(2, b"two")
    with pytest.raises(InputError, match="being computed by another process"):
        _open(tmp_path)
    first.close()
    with pytest.raises(InputError, match="holds parts of another computation"):
        _open(tmp_path, {"digest": "other"})
    second = _open(tmp_path)
    assert second.missing() == [0, 1]
    second.remove()
    second.close()
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("label", ["", "{", "[]", '{"digest": "ab'])
def test_a_label_that_cannot_be_read_is_another_computation(tmp_path, label):
    _open(tmp_path).close()
    (tmp_path / "out.parts" / "label.json").write_text(label)
    with pytest.raises(InputError, match="holds parts of another computation"):
        _open(tmp_path)


def test_a_store_killed_before_its_label_is_taken_over(tmp_path):
    (tmp_path / "out.parts").mkdir()
    (tmp_path / "out.parts" / "lock").touch()
    (tmp_path / "out.parts" / "label.json.123.tmp").write_text("{")
    _open(tmp_path).close()
    assert json.loads((tmp_path / "out.parts" / "label.json").read_text()) == LABEL


def _interrupted(place, begin):
    with replacing(place) as temporary:
        begin(temporary)
        raise ZeroDivisionError


def test_a_failed_writer_leaves_the_old_file_and_nothing_else(tmp_path):
    place = tmp_path / "file"
    write_atomically(place, "old")
    for fail in (lambda path: path.write_text("half"), lambda path: (path.mkdir(), (path / "member").touch())):
        with pytest.raises(ZeroDivisionError):
            _interrupted(place, fail)
    assert [(path.name, path.read_text()) for path in tmp_path.iterdir()] == [("file", "old")]


def test_files_have_the_permissions_that_the_user_chose(tmp_path):
    """Weights used to be 0600 and everything else 0644."""
    program = (
        "import os, numpy, sys; os.umask(0o027)\n"
        "from regretlab.files import write_atomically\n"
        "from regretlab.policies.weights import write_tensors\n"
        "write_atomically(sys.argv[1] + '/text', 'x')\n"
        "write_tensors(sys.argv[1] + '/a.safetensors', {'a': numpy.zeros(1, numpy.float32)}, {})\n"
    )
    subprocess.run([sys.executable, "-c", program, str(tmp_path)], check=True)
    assert {oct(os.stat(path).st_mode & 0o777) for path in tmp_path.iterdir()} == {"0o640"}
