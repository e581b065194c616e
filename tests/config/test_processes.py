"""Options of processes: how many, which CPUs count, permissions, lists of files, and what deserves a warning."""

import os
import pickle
import re
import tomllib
from dataclasses import replace
from pathlib import Path

import pytest

from licorne.config.advice import advice
from licorne.config.options import Config
from licorne.config.processes import Hook, Mode, Octal, Owner, Paths, Patterns, Workers
from licorne.config.processors import usable_cpus, worker_count
from licorne.config.reference import show_config
from licorne.config.sources import load
from licorne.config.targets import Bind, Binds
from licorne.errors import ConfigError


def hook(index: int) -> None:
    """Stand for a hook."""


# --- workers ------------------------------------------------------------------------------------------------


def test_workers_are_a_number_auto_or_none() -> None:
    kind = Workers(absent="none")
    assert [kind.read(value) for value in (4, "4", " Auto ", "none", None)] == [4, 4, "auto", None, None]
    for value in (0, "0", -1, 1.5, True, "many", ""):
        with pytest.raises(ValueError, match=r'^must be a whole number of 1 or more, "auto" or "none"$'):
            kind.read(value)


def test_the_number_of_workers_follows_from_the_options() -> None:
    assert [worker_count(Config(workers=workers)) for workers in (None, 1, 7)] == [1, 1, 7]
    assert worker_count(Config(workers="auto")) == usable_cpus()


def test_web_concurrency_stands_in_for_the_default(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    environ = {"WEB_CONCURRENCY": "3"}
    config = load(environ=environ)
    assert (config.workers, config.sources["workers"]) == (3, "variable WEB_CONCURRENCY")
    assert load(environ={"WEB_CONCURRENCY": ""}).workers is None
    (tmp_path / "licorne.toml").write_text("[processes]\nworkers = 2\n")
    assert load(environ=environ).workers == 2
    config = load(environ={**environ, "LICORNE_WORKERS": "auto"})
    assert (config.workers, config.sources["workers"]) == ("auto", "variable LICORNE_WORKERS")
    (tmp_path / "licorne.toml").unlink()
    with pytest.raises(ConfigError, match=r"got 'lots' \(from variable WEB_CONCURRENCY\)$"):
        load(environ={"WEB_CONCURRENCY": "lots"})


def test_web_concurrency_may_come_out_of_an_env_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "local.env").write_text("WEB_CONCURRENCY=5\n")
    config = load(keywords={"env_file": "local.env"}, environ={})
    assert (config.workers, config.sources["workers"]) == (5, "variable WEB_CONCURRENCY of local.env")


# --- CPUs ---------------------------------------------------------------------------------------------------


def cpus_of(root: Path, files: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> int:
    """Return the usable CPUs of a machine with many of them and these files."""
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: range(64), raising=False)
    for name, content in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    return usable_cpus(str(root))


@pytest.mark.parametrize(
    ("files", "cpus"),
    [
        ({}, 64),
        ({"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/cpu.max": "max 100000\n"}, 64),
        ({"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/cpu.max": "200000 100000\n"}, 2),
        ({"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/cpu.max": "150000 100000\n"}, 2),
        ({"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/cpu.max": "10000 100000\n"}, 1),
        # the strictest of the groups above counts
        (
            {
                "proc/self/cgroup": "0::/pod/app\n",
                "sys/fs/cgroup/pod/app/cpu.max": "max 100000",
                "sys/fs/cgroup/pod/cpu.max": "300000 100000",
                "sys/fs/cgroup/cpu.max": "800000 100000",
            },
            3,
        ),
        # a container that sees the path of the host, and its own group at the root
        ({"proc/self/cgroup": "0::/../../kube/pod\n", "sys/fs/cgroup/cpu.max": "400000 100000"}, 4),
        # the first version
        (
            {
                "proc/self/cgroup": "7:memory:/x\n4:cpu,cpuacct:/docker/1\n0::/\n",
                "sys/fs/cgroup/cpu/docker/1/cpu.cfs_quota_us": "500000\n",
                "sys/fs/cgroup/cpu/docker/1/cpu.cfs_period_us": "100000\n",
            },
            5,
        ),
        (
            {
                "proc/self/cgroup": "4:cpu:/\n",
                "sys/fs/cgroup/cpu/cpu.cfs_quota_us": "-1\n",
                "sys/fs/cgroup/cpu/cpu.cfs_period_us": "100000\n",
            },
            64,
        ),
        ({"proc/self/cgroup": "garbage\n\n0::/\n", "sys/fs/cgroup/cpu.max": "100000 0"}, 64),
        ({"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/cpu.max": ""}, 64),
    ],
)
def test_a_share_of_the_cpus_counts(
    tmp_path: Path, files: dict[str, str], cpus: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert cpus_of(tmp_path, files, monkeypatch) == cpus


def test_the_affinity_of_the_process_counts(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {3}, raising=False)
    assert usable_cpus(str(tmp_path)) == 1
    monkeypatch.delattr(os, "sched_getaffinity")
    monkeypatch.setattr(os, "cpu_count", lambda: None)
    assert usable_cpus(str(tmp_path)) == 1


# --- permissions and owners ---------------------------------------------------------------------------------


def test_permissions_are_octal_digits() -> None:
    kind = Octal(absent="none")
    assert [kind.read(value) for value in ("022", "22", "0o27", "000", "777", "none", None)] == [
        0o22, 0o22, 0o27, 0, 0o777, None, None,
    ]  # fmt: skip
    assert kind.show(kind.read("7")) == "007"
    # 22 without quotes is decimal, and would be 026.
    for value in ("8", "1777", "-1", "", "rwx", 22, 0o22, True):
        with pytest.raises(ValueError, match=r'^must be octal digits from 000 to 777, in quotes in a file, or "none"$'):
            kind.read(value)


def test_permissions_survive_a_copy_a_process_and_a_file(tmp_path: Path) -> None:
    config = Config("main:app", umask="027", uds_mode="660")
    assert (config.umask, config.uds_mode) == (0o27, 0o660)
    assert pickle.loads(pickle.dumps(replace(config, port=1))).umask == Mode(0o27)
    path = tmp_path / "saved.toml"
    path.write_text(show_config(config))
    assert tomllib.loads(path.read_text())["processes"]["umask"] == "027"
    assert load(file=str(path), environ={}) == config


def test_a_bare_number_in_a_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "licorne.toml"
    path.write_text("[processes]\numask = 22\n")
    with pytest.raises(ConfigError, match=r"^umask: must be octal digits from 000 .* got 22 \(from .*toml \[proc"):
        load(file=str(path), environ={})


@pytest.mark.parametrize("text", ["www-data", "www-data:web", ":web", "33:33", "user@domain"])
def test_an_owner_is_a_user_a_group_or_both(text: str) -> None:
    assert Owner().read(text) == text


@pytest.mark.parametrize("value", ["", ":", "a:", "a:b:c", "a b", 33])
def test_what_is_no_owner_is_refused(value: object) -> None:
    with pytest.raises(ValueError, match=r'^must be "user", "user:group" or ":group", each a name or a number$'):
        Owner().read(value)


# --- hooks, lists, addresses --------------------------------------------------------------------------------


def test_a_hook_is_named_or_given() -> None:
    assert Hook().read("hooks:warm.up") == "hooks:warm.up"
    assert Config(before_fork=hook).before_fork is hook
    for value in ("warm", "a:b:c", "", ":a"):
        with pytest.raises(ValueError, match=r'^must be "module:attribute"$'):
            Hook().read(value)
    with pytest.raises(ValueError, match=r'^must be "module:attribute", or a function$'):
        Hook().read(3)


def test_directories_are_parted_as_in_path_and_patterns_by_blanks() -> None:
    assert Paths().read(os.pathsep.join(["a b", "c,d", ""])) == ("a b", "c,d")
    assert Patterns().read("*.html  {a,b}.css") == ("*.html", "{a,b}.css")
    assert Paths().read(["a:b", Path("c")]) == ("a:b", "c")
    assert Paths().read(Path("src")) == ("src",)
    assert (Paths().read(None), Patterns().read([])) == ((), ())
    for value in ([""], [3], 3, b"a", {"a": 1}):
        with pytest.raises(ValueError, match="must be "):
            Paths().read(value)


def test_lists_can_be_shown_and_read_again() -> None:
    for kind, value in ((Paths(), ("a", "b c")), (Patterns(), ("*.py", "?.txt"))):
        assert kind.read(kind.show(value)) == value


def test_the_sockets_of_systemd_are_an_address() -> None:
    assert Binds().read("fd://systemd,fd://systemd:web") == (Bind(systemd=""), Bind(systemd="web"))
    assert Binds().read(Binds().show((Bind(systemd="web"), Bind(systemd="")))) == (
        Bind(systemd="web"),
        Bind(systemd=""),
    )
    for text in ("fd://systemd:", "fd://system", "fd://systemd:a:b"):
        with pytest.raises(ValueError, match=r"fd://systemd$"):
            Binds().read(text)


# --- advice -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "lines"),
    [
        ({}, []),
        ({"reload": True, "reload_dirs": ["src"]}, []),
        ({"reload": True, "workers": 1}, []),
        ({"preload": True, "before_fork": "a:b"}, []),
        ({"reload_dirs": ["src"], "reload_delay": 1}, ["reload_dirs has no effect without reload (from keyword …)"]),
        ({"reload": True, "workers": 2}, ['"workers" flag is ignored when reloading is enabled.']),
        ({"reload": True, "preload": True}, ['"preload" flag is ignored when reloading is enabled.']),
        ({"http2": False, "h2_window": 2**20}, ["h2_window has no effect without HTTP/2 (from keyword …)"]),
        ({"http1_only": True, "h2_table": 0}, ["h2_table has no effect without HTTP/2 (from keyword …)"]),
        (
            {"proxy_headers": False, "forwarded_headers": "forwarded"},
            ["forwarded_headers has no effect without proxy_headers (from keyword …)"],
        ),
        ({"after_fork": hook}, ["after_fork has no effect without preload: workers are not forked (from keyword …)"]),
    ],
)
def test_what_has_no_effect_is_told(options: dict[str, object], lines: list[str]) -> None:
    found = list(advice(Config("main:app", **options)))
    assert [re.sub(r"keyword \w+", "keyword …", line) for line in found] == lines
