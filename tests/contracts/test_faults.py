"""Contract: what a person should get for faults and hostile files, as one table.

A row is a command line, what standard error says, and the files it needs. Every row also holds that the exit code is 2,
that there is no traceback and no control character on a stream, and that the folder holds nothing new. To add a fault,
add a row; to add a kind of file, add a function that writes it.
"""
# ruff: noqa: E501 - a row of the table is a line of this file

import io
import json
import os
import shlex
import shutil
import stat
import struct
import subprocess
import sys
import tracemalloc
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from safetensors.numpy import save_file

from regretlab.cli import main
from regretlab.errors import InputError
from regretlab.games import cartridges
from regretlab.laws import parse_law

VIRTUAL = "--clock virtual --emulate-latency 0.04 --frames 60"
BOUND = "bound --mode-probability 0.9 --inference-time"
TITLE = "\x1b]0;owned\x07"


def text(name: str, content: str) -> Callable[[Path], None]:
    """Write a file of text."""
    return lambda folder: (folder / name).write_text(content)


def arrays(name: str, **content: object) -> Callable[[Path], None]:
    """Write an .npz file."""
    return lambda folder: np.savez_compressed(folder / name, **content)


def fifo(name: str) -> Callable[[Path], None]:
    """Make a named pipe, which nothing ever writes into."""

    def make(folder: Path) -> None:
        (folder / name).parent.mkdir(exist_ok=True)
        os.mkfifo(folder / name)

    return make


def bomb(folder: Path) -> None:
    """Write an .npz whose member declares 3.2 GB, in its own header and in the archive's directory."""
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(header, {"descr": "<f8", "fortran_order": False, "shape": (400_000_000,)})
    with zipfile.ZipFile(folder / "bomb.npz", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("transitions.npy", header.getvalue() + bytes(1 << 20))
    content = bytearray((folder / "bomb.npz").read_bytes())
    directory = content.index(b"PK\x01\x02")
    content[directory + 24 : directory + 28] = struct.pack("<I", 3_200_000_000 + len(header.getvalue()))
    (folder / "bomb.npz").write_bytes(content)


def small_bomb(folder: Path) -> None:
    """Write an .npz whose header declares more than is there."""
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(header, {"descr": "<f8", "fortran_order": False, "shape": (10**9, 10**6)})
    with zipfile.ZipFile(folder / "lying.npz", "w") as archive:
        archive.writestr("rewards.npy", header.getvalue() + bytes(80))


def disguised(folder: Path) -> None:
    """Write an .npy file under the name of an .npz."""
    np.save(folder / "a.npy", np.ones(3))
    (folder / "a.npy").rename(folder / "disguised.npz")


def not_arrays(folder: Path) -> None:
    """Write a zip archive that holds no arrays."""
    with zipfile.ZipFile(folder / "zip.npz", "w") as archive:
        archive.writestr("rewards.npy", b"hello")


def encrypted(folder: Path) -> None:
    """Write an .npz whose member claims to be encrypted."""
    np.savez(folder / "locked.npz", rewards=np.ones((1, 1)))
    content = bytearray((folder / "locked.npz").read_bytes())
    content[6] |= 1
    content[content.index(b"PK\x01\x02") + 8] |= 1
    (folder / "locked.npz").write_bytes(content)


def readout(**metadata: object) -> Callable[[Path], None]:
    """Write weights with foreign metadata."""

    def make(folder: Path) -> None:
        tensors = {"output.weight": np.zeros((5, 512), np.float32), "output.bias": np.zeros(5, np.float32)}
        save_file(tensors, folder / "w.safetensors", {"regretlab": json.dumps(metadata)})

    return make


def not_numbers(folder: Path) -> None:
    """Write a readout for beacon with a weight that is not a number."""
    facts = {"kind": "readout", "network": "nature", "actions": 16, "frame_shape": [84, 84], "seed": 0}
    tensors = {"output.weight": np.full((16, 64), np.nan, np.float32), "output.bias": np.zeros(16, np.float32)}
    save_file(tensors, folder / "w.safetensors", {"regretlab": json.dumps(facts)})


def record(change: Callable[[Path, dict], None]) -> Callable[[Path], None]:
    """Copy the recorded run and change it: the function gets the folder and the entries of meta.json."""

    def make(folder: Path) -> None:
        shutil.copytree(RECORDED[0], folder / "record")
        meta = json.loads((folder / "record" / "meta.json").read_text())
        change(folder / "record", meta)
        (folder / "record" / "meta.json").write_text(json.dumps(meta))

    return make


def meta(**entries: object) -> Callable[[Path], None]:
    """Copy the recorded run with other entries in meta.json."""
    return record(lambda folder, found: found.update(entries))


def config(**entries: object) -> Callable[[Path], None]:
    """Copy the recorded run with other entries in the configuration of its meta.json."""
    return record(lambda folder, found: found["config"].update(entries))


def column(name: str, change: Callable[[object], object]) -> Callable[[Path], None]:
    """Copy the recorded run with another column of frames, or without it (None)."""

    def make(folder: Path, found: dict) -> None:
        table = pq.read_table(folder / "frames.parquet")
        new = change(table.column(name).to_numpy())
        index = table.column_names.index(name)
        table = table.drop_columns([name]) if new is None else table.set_column(index, name, [new])
        pq.write_table(table, folder / "frames.parquet")

    return record(make)


def changed(value: object) -> Callable[[np.ndarray], object]:
    """Return what puts a value into the third row of a column."""

    def change(values: np.ndarray) -> object:
        import pyarrow as pa

        cells = values.tolist()
        cells[2] = value
        return pa.array(cells, pa.from_numpy_dtype(values.dtype))

    return change


def swapped(folder: Path, found: dict) -> None:
    """Exchange the two tables."""
    (folder / "frames.parquet").rename(folder / "x")
    (folder / "inferences.parquet").rename(folder / "frames.parquet")
    (folder / "x").rename(folder / "inferences.parquet")


def rom(folder: Path) -> None:
    """Copy a cartridge."""
    shutil.copy(Path(cartridges.__file__).parent / "duel.gb", folder / "rom.gb")


SWEEP = '[sweep]\ncommand = "run"\n[fixed]\nemulate_latency = 0.04\nframes = 60\n{}[grid]\nworkers = [1, 2]\n{}'
EXPERIMENT = (
    '[experiment]\nprotocol = "asynchronous"\nenvironment = "{env}"\nframes = 60\nseeds = 1\n[run]\nclock = "virtual"\n'
    'emulate_latency = "0.04"\n{run}[[case]]\nlabel = "a"\npolicy = "{policy}"\n'
)
EVIL = text("evil.py", "import pathlib\npathlib.Path('ran').touch()\ndef N(shape, actions):\n    return lambda o: 0\n")


@dataclass(frozen=True)
class Fault:
    """A row of the table."""

    words: str
    says: str
    files: tuple[Callable[[Path], object], ...] = ()


def trusted(name: str, content: str) -> tuple[Callable[[Path], object], ...]:
    """Write a configuration, and the Python file that it names."""
    return (EVIL, text(name, content))


ENTRIES = [
    *[("events", value) for value in (None, "x", [1])],
    *[("config", value) for value in (None, 3)],
    *[("missed_frames", value) for value in ("many", -1)],
    *[("processor_seconds", value) for value in (7, {"worker": "x"})],
    *[("learning", value) for value in ([1], {"updates": 1})],
    *[("frame_time", value) for value in (0, True)],
    ("hold", "long"),
    ("complete", "yes"),
]
"""Entries of meta.json that are refused."""
READOUTS = [
    {"kind": "readout", "network": 1},
    {"kind": "readout", "network": "nature", "actions": 5, "frame_shape": 3},
    {"kind": "readout", "network": "nature", "actions": 16, "frame_shape": [84, 84], "seed": "x"},
    {"kind": ["readout"]},
]
"""Metadata of weights that is refused."""
LONG_NUMBER = text("m.toml", f"address = {'9' * 5000}")
TABLE = [
    # files that name code or machines
    Fault("sweep s.toml --out s.nc", "fixed.policy: 'module:evil.py:N' runs a Python file: give --trust", trusted("s.toml", SWEEP.format('policy = "module:evil.py:N"\n', ""))),
    Fault("sweep s.toml --out s.nc", "grid.policy: 'module:evil.py:N' runs a Python file", trusted("s.toml", SWEEP.format("", 'policy = ["noop", "module:evil.py:N"]\n'))),
    Fault("sweep s.toml --out s.nc", "fixed.env: 'evil:Game' imports a Python module", trusted("s.toml", SWEEP.format('env = "evil:Game"\n', ""))),
    Fault("experiment asynchronous e.toml --out e.parquet", "case 1.policy: 'module:evil.py:N' runs a Python file", trusted("e.toml", EXPERIMENT.format(env="regretlab/Beacon-v0", run="", policy="module:evil.py:N"))),
    Fault("experiment asynchronous e.toml --out e.parquet", "experiment.environment: 'evil:Game' imports a Python module", trusted("e.toml", EXPERIMENT.format(env="evil:Game", run="", policy="noop"))),
    Fault("experiment asynchronous e.toml --out e.parquet", "ray_address: '10.0.0.1:6379' connects to a Ray cluster", trusted("e.toml", EXPERIMENT.format(env="regretlab/Beacon-v0", run='backend = "ray"\nray_address = "10.0.0.1:6379"\n', policy="noop"))),
    Fault("experiment asynchronous e.toml --out e.parquet", "'ws://10.0.0.1' connects to a server", trusted("e.toml", EXPERIMENT.format(env="regretlab/Beacon-v0", run="", policy="ws://10.0.0.1"))),
    Fault("record replay record", "environment: 'os:system' imports a Python module", (config(environment="os:system"),)),
    Fault("record replay record", "environment_options.rom: '/etc/passwd' is a file that would be opened: give --trust", (config(environment="regretlab/Cartridge-v0", environment_options={"rom": "/etc/passwd"}),)),
    Fault("record replay record --trust", "ROM '/etc/passwd' has", (config(environment="regretlab/Cartridge-v0", environment_options={"rom": "/etc/passwd"}),)),
    Fault("record replay record --trust", "ROM 'pipe' cannot be read: it is not a regular file", (fifo("pipe"), config(environment="regretlab/Cartridge-v0", environment_options={"rom": "pipe"}))),
    # records
    Fault("record replay record", "seed must be at least 0, not -5", (config(seed=-5),)),
    Fault("record replay record", "action 999 does not exist: its environment has", (column("action", changed(999)),)),
    Fault("record replay record", "its actions do not exist: in its environment an action is 1 number from [-2] to [2]", (config(environment="Pendulum-v1", environment_options={}),)),
    *[Fault("record info record", f"{name} must be", (meta(**{name: value}),)) for name, value in ENTRIES],
    Fault("record info record", "has no readable meta.json", (lambda folder: (folder / "record").mkdir(), lambda folder: (folder / "record" / "meta.json").write_text("[" * 100_000))),
    Fault("record info record", "has no readable meta.json", (fifo("record/meta.json"),)),
    Fault("record info record", "column 'reward' of table 'frames' is missing or has empty cells", (column("reward", lambda values: None),)),
    Fault("record info record", "column 'reward' of table 'frames' is missing or has empty cells (1 of 60)", (column("reward", changed(None)),)),
    Fault("record info record", "of table 'frames' is missing or has empty cells", (record(swapped),)),
    Fault("record info record", "delay_frames in row 2 of table 'frames' is 2147483647", (column("delay_frames", changed(2**31 - 1)),)),
    Fault("record info record", "delay_frames in row 2 of table 'frames' is -7", (column("delay_frames", changed(-7)),)),
    Fault("record info record", "the frames of table 'frames' are not in order", (column("frame", changed(0)),)),
    Fault("record replay record --gif pictures.gif", "pictures go to a .gif file in a folder that exists", (meta(), lambda folder: (folder / "pictures.gif").mkdir())),
    Fault(f"{BOUND} @record", "must end in .csv, .txt or .npy", (fifo("record/meta.json"),)),
    # numbers in files
    Fault(f"{BOUND} @f.csv", "row '1,25' has 2 cells and the first has 1: decimals take a point", (text("f.csv", "seconds\n1,25\n2,5\n"),)),
    Fault(f"{BOUND} @f.csv", "has 2 columns: give one, or head one 'seconds'; decimals take a point", (text("f.csv", "1,25\n2,5\n"),)),
    Fault(f"{BOUND} @f.csv", "row '0.5' has 1 cells and the first has 2", (text("f.csv", "seconds,worker\n0.25,1\n0.5\n"),)),
    Fault(f"{BOUND} @f.csv", "row '0.5' has 1 cells and the first has 2", (text("f.csv", "worker,seconds\n1,0.25\n0.5\n"),)),
    Fault(f"{BOUND} @f.txt", "sample 1 is '0,25', not a number of seconds", (text("f.txt", "seconds\n0,25\n"),)),
    Fault(f"{BOUND} @f.txt", "has 2 columns: give one", (text("f.txt", "0.25 0.5\n"),)),
    Fault(f"{BOUND} @f.csv", "field larger than field limit", (text("f.csv", "seconds\n" + "1" * 200_000 + "\n"),)),
    Fault(f"{BOUND} @f.npy", "does not exist", (fifo("f.npy"),)),
    Fault(f"{BOUND} @f.npy", "Python objects, which are never loaded", (lambda folder: np.save(folder / "f.npy", np.array([{}]), allow_pickle=True),)),
    Fault("solve --mdp m.npz", "frame_time in m.npz are of type <U5: real numbers are needed", (arrays("m.npz", transitions=np.ones((1, 1, 1)), rewards=np.ones((1, 1)), frame_time=np.array("never")),)),
    Fault("solve --mdp m.npz", "frame_time in m.npz has shape (2,): one number is needed", (arrays("m.npz", transitions=np.ones((1, 1, 1)), rewards=np.ones((1, 1)), frame_time=np.ones(2)),)),
    Fault("solve --mdp m.npz", "transitions in m.npz are of type complex128: real numbers are needed", (arrays("m.npz", transitions=np.ones((1, 1, 1)) + 0.5j, rewards=np.ones((1, 1))),)),
    Fault("solve --mdp disguised.npz", "cannot be read as .npz: File is not a zip file", (disguised,)),
    Fault("solve --mdp zip.npz", "cannot be read as .npz", (not_arrays,)),
    Fault("solve --mdp locked.npz", "cannot be read as .npz", (encrypted,)),
    Fault("solve --mdp lying.npz", "its header declares 8,000,000,000,000,000 bytes, and", (small_bomb,)),
    Fault("solve --mdp bomb.npz", "declares arrays of 3,200,000,000 bytes or more: at most 2,147,483,648 are loaded", (bomb,)),
    Fault("solve --mdp pipe.npz", "cannot be read: it is not a regular file", (fifo("pipe.npz"),)),
    Fault("sweep pipe.toml --out s.nc", "'pipe.toml' cannot be read: it is not a regular file", (fifo("pipe.toml"),)),
    Fault(f"run {VIRTUAL} --out new --rom pipe", "ROM 'pipe' cannot be read: it is not a regular file", (fifo("pipe"),)),
    Fault(f"run {VIRTUAL} --out new --rom rom.gb --memory-map m.toml", "memory map 'm.toml' is not TOML: Exceeds the limit", (rom, LONG_NUMBER)),
    Fault("sweep m.toml --out s.nc", "configuration 'm.toml' is not TOML: Exceeds the limit", (LONG_NUMBER,)),
    Fault("experiment asynchronous m.toml --out e.parquet", "configuration 'm.toml' is not TOML: Exceeds the limit", (LONG_NUMBER,)),
    Fault("record info record", "has no readable meta.json", (lambda folder: (folder / "record").mkdir(), text("record/meta.json", f'{{"events": {"9" * 5000}}}'))),
    # weights
    *[Fault(f"run {VIRTUAL} --policy nature --weights w.safetensors --out new", "w.safetensors", (readout(**given),)) for given in READOUTS],
    Fault(f"run {VIRTUAL} --policy nature --weights w.safetensors --out new", "holds values that are not finite numbers", (not_numbers,)),
    Fault(f"run {VIRTUAL} --policy nature --weights pipe.safetensors --out new", "cannot be read: it is not a regular file", (fifo("pipe.safetensors"),)),
    # sizes and names
    Fault(f"run {VIRTUAL} --out ''", "--out is empty: give a path"),
    Fault("simulate --inference-time 0.1 --mode-probability 0.9 --frames 100 --record=", "--record is empty: give a path"),
    Fault(f"run {VIRTUAL} --out {'a' * 300}", "File name too long"),
    Fault(f"run {VIRTUAL} --workers 1000000000 --out new", "workers must be at most 100000 on the virtual clock, not 1000000000"),
    Fault(f"run {VIRTUAL} --frame-time 1e300 --out new", "frame_time must lie in [1e-06, 1e+06] seconds in a run, not 1e+300"),
    Fault(f"run {VIRTUAL} --frame-time 1e-300 --out new", "frame_time must lie in"),
    Fault(f"run {VIRTUAL} --policy nature --learners 1 --emulate-learning 0.01 --replay 1000000000000000 --out new", "needs more memory than there is"),
    Fault(f"run {VIRTUAL} --policy impala-k512 --out new", "not enough memory"),
    # folders
    Fault("figures hold --seed -1 --out f/g", "seed must be a non-negative integer, not -1"),
    Fault("record export record --out f/g", "has no readable meta.json", (lambda folder: (folder / "record").mkdir(),)),
    Fault("validate --out v --claims nonsense", "no claim is named 'nonsense'"),
]  # fmt: skip
RECORDED: list[Path] = []


@pytest.fixture(scope="module", autouse=True)
def recorded(tmp_path_factory):
    """One short run, to be copied and damaged."""
    folder = tmp_path_factory.mktemp("recorded") / "record"
    assert main(shlex.split(f"run {VIRTUAL} --policy oracle --seed 1 --out {folder}")) == 0
    RECORDED[:] = [folder]


@pytest.mark.parametrize("fault", TABLE, ids=lambda fault: f"{fault.words[:40]}-{fault.says[:50]}")
def test_the_outcome_of_a_fault(fault, tmp_path, monkeypatch, answer):
    monkeypatch.chdir(tmp_path)
    for make in fault.files:
        make(tmp_path)
    before = sorted(tmp_path.rglob("*"))
    said = answer(*shlex.split(fault.words))
    assert said.code == 2, said.err
    assert fault.says in said.err
    assert "Traceback" not in said.err
    assert (said.out + said.err).replace("\n", "").isprintable()
    assert sorted(tmp_path.rglob("*")) == before, "something was left"
    last = said.err.splitlines()[-1]
    assert last.startswith("regretlab: error: ")


def commands() -> list[tuple[str, ...]]:
    """Return every command, those of groups with their group."""
    from regretlab.cli import application

    def below(app, *words):
        names = [name for name in app if not name.startswith("-")]
        return [found for name in names for found in below(app[name], *words, name)] or [words]

    return below(application())


@pytest.mark.parametrize("words", commands(), ids=" ".join)
def test_every_command_shows_the_traceback_on_request_only(words, answer):
    plain, debugged = answer(*words, "--no-such-option"), answer(*words, "--no-such-option", "--debug")
    assert (plain.code, debugged.code) == (2, 2)
    assert "Traceback" not in plain.err
    assert debugged.err.startswith("Traceback (most recent call last):\n")
    assert debugged.err.splitlines()[-1] == plain.err.splitlines()[-1]


def test_the_traceback_of_a_policy_names_its_line(tmp_path, answer):
    (tmp_path / "own.py").write_text("def N(shape, actions):\n    return lambda seen: 1 / 0\n")
    words = shlex.split(f"run {VIRTUAL} --policy module:{tmp_path}/own.py:N --out {tmp_path}/new")
    plain, debugged = answer(*words), answer(*words, "--debug")
    assert (plain.code, debugged.code) == (2, 2)
    assert plain.err.splitlines()[-1] == debugged.err.splitlines()[-1]
    assert 'own.py", line 2, in <lambda>' in debugged.err
    assert 'own.py", line 2' not in plain.err


@pytest.mark.skipif(not hasattr(os, "fork"), reason="limits are of Unix")
def test_a_full_disk_leaves_no_folder(tmp_path):
    """Where nothing can be mounted: no file may grow beyond 200 bytes, as on a disk that is nearly full."""
    source = (
        f"import resource, sys\nfrom regretlab.cli import main\n"
        f"resource.setrlimit(resource.RLIMIT_FSIZE, (200, 200))\n"
        f"sys.exit(main({shlex.split(f'run {VIRTUAL} --policy random --out {tmp_path}/a/new')!r}))"
    )
    done = subprocess.run([sys.executable, "-c", source], capture_output=True, text=True, timeout=900, check=False)
    assert done.returncode == 2, done.stderr
    assert "no record can be written in" in done.stderr
    assert "File too large" in done.stderr
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("limit", "allowed", "says"),
    [
        ("RLIMIT_NOFILE", 64, "41 processes need about 122 open files, and at most 64 are allowed here"),
        ("RLIMIT_NPROC", 30, "41 processes are needed next to some 20 others, and at most 30 are allowed here"),
        ("RLIMIT_AS", 1_228_800_000, "each process of a run maps 1.5 GB or more, and at most 1.23 GB are allowed here"),
    ],
)
def test_limits_of_the_user_are_named(limit, allowed, says, tmp_path, monkeypatch, answer):
    import resource

    real = resource.getrlimit
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    monkeypatch.setattr(
        resource, "getrlimit", lambda which: (allowed, allowed) if which == getattr(resource, limit) else real(which)
    )
    said = answer(*shlex.split(f"run --policy random --workers 40 --emulate-latency 0.04 --out {tmp_path}/new"))
    assert (said.code, says in said.err) == (2, True), said.err
    assert not list(tmp_path.iterdir())


def test_a_long_table_of_times_is_read_row_by_row(tmp_path):
    """24 bytes a row when written: the times, once more while they are copied, and sorted; not 200 a row as text."""
    rows = 100_000
    times = np.random.default_rng(0).gamma(9, 0.01, rows)
    (tmp_path / "f.csv").write_text("seconds\n" + "\n".join(f"{seconds:.6f}" for seconds in times))
    tracemalloc.start()
    law = parse_law("@f.csv", base_directory=tmp_path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert law.mean() == pytest.approx(times.mean(), abs=1e-6)
    assert peak < 40 * rows


def test_a_trusted_file_runs(tmp_path, monkeypatch, answer):
    monkeypatch.chdir(tmp_path)
    for make in trusted("s.toml", SWEEP.format('policy = "module:evil.py:N"\n', "")):
        make(tmp_path)
    said = answer("sweep", "s.toml", "--out", "s.nc", "--trust", "--cores", "1", "--json")
    assert said.code == 0, said.err
    assert (tmp_path / "ran").exists()


def test_a_foreign_record_cannot_command_the_terminal(tmp_path, monkeypatch, answer):
    monkeypatch.chdir(tmp_path)
    config(policy=TITLE, environment=f"{TITLE}x")(tmp_path)
    said = answer("record", "info", "record")
    assert said.code == 0, said.err
    assert "\x1b" not in said.out
    assert "\\x1b]0;owned\\x07" in said.out
    said = answer("record", "replay", "record")
    assert (said.code, "\x1b" in said.err) == (2, False)


def test_all_files_of_a_record_have_the_same_permissions(tmp_path):
    words = f"run {VIRTUAL} --policy nature --learners 1 --emulate-learning 0.01 --replay 1000 --out {tmp_path}/learned"
    assert main(shlex.split(words)) == 0
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "learned").iterdir()}
    assert "checkpoint.safetensors" in modes
    assert len(set(modes.values())) == 1, modes


def test_streams_that_the_caller_closed():
    script = "import os\nfor n in (1, 2): os.close(n)\nimport sys\nsys.stdout = sys.stderr = None\n"
    source = f"{script}from regretlab.cli import main\nos._exit(main({shlex.split(f'{BOUND} 0.1')!r}))"
    assert subprocess.run([sys.executable, "-c", source], timeout=900, check=False).returncode == 0


def test_a_terminal_without_the_characters():
    source = f"import sys\nfrom regretlab.cli import main\nsys.exit(main({shlex.split(f'{BOUND} 0.1')!r}))"
    plain = {**os.environ, "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0", "LC_ALL": "C"}
    done = subprocess.run([sys.executable, "-c", source], env=plain, capture_output=True, timeout=900, check=False)
    assert done.returncode == 0, done.stderr
    assert b"regret per frame" in done.stdout


@pytest.mark.skipif(not hasattr(os, "geteuid"), reason="no users")
def test_a_kernel_cache_that_others_can_write_is_refused(tmp_path, monkeypatch):
    from regretlab.compilation import check_cache

    (tmp_path / "shared").mkdir()
    (tmp_path / "shared").chmod(0o777)
    with pytest.raises(
        InputError, match=r"can be written by other users: run chmod go-w on it, or set REGRETLAB_CACHE"
    ):
        check_cache(tmp_path / "shared")
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match=r"cannot be made .*: set REGRETLAB_CACHE"):
        check_cache(tmp_path / "file" / "cache")
    check_cache(tmp_path / "own")
    assert stat.S_IMODE((tmp_path / "own").stat().st_mode) == 0o700
    monkeypatch.setenv("REGRETLAB_CACHE", str(tmp_path / "shared"))
    source = (
        "from regretlab.cli import main\nimport sys\nsys.exit(main("
        + repr(shlex.split(f"{BOUND} 0.1 --workers 3 --rule frame-pool"))
        + "))"
    )
    simulate = source.replace("'bound'", "'simulate', '--frames', '100'")
    done = subprocess.run([sys.executable, "-c", simulate], capture_output=True, text=True, timeout=900, check=False)
    assert done.returncode == 2, done.stderr
    assert done.stderr.count("\n") == 1
    assert "REGRETLAB_CACHE" in done.stderr


def test_a_long_temporary_folder_is_named(tmp_path, monkeypatch, answer):
    import tempfile

    folder = tmp_path / ("d" * 100)
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    said = answer(*shlex.split(f"run --policy random --emulate-latency 0.04 --frames 10 --out {tmp_path}/new"))
    assert said.code == 2
    assert "set TMPDIR to another" in said.err
    assert not (tmp_path / "new").exists()
