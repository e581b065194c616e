"""Giving up root: in processes that are root, and the one line for those that are not."""

import grp
import json
import os
import pwd
import subprocess
import sys
from pathlib import Path

import pytest

from licorne.config.options import Config
from licorne.errors import ConfigError, StartupError
from licorne.server.accounts import find_group, find_owner, find_user
from licorne.server.premises.privileges import identity_of
from tests.server.process import Client, ServerProcess

SOURCE = """
import json, os, sys
from licorne.config.options import Config
from licorne.server.premises.privileges import identity_of
identity_of(Config(**json.loads(sys.argv[1]))).assume()
names = ("HOME", "USER", "LOGNAME")
print(json.dumps([os.getresuid(), os.getresgid(), os.getgroups(), [os.environ.get(name) for name in names]]))
"""
IS_ROOT = os.getuid() == 0
NOBODY = pwd.getpwnam("nobody")
DAEMON = grp.getgrnam("daemon")


def after_change(**options: str) -> tuple[int, str]:
    """Return what a new process prints that has changed to a user or group, and its status."""
    environ = {**os.environ, "HOME": "/before", "USER": "before", "LOGNAME": "before"}
    command = [sys.executable, "-c", SOURCE, json.dumps(options)]
    done = subprocess.run(command, capture_output=True, text=True, env=environ, check=False)
    return done.returncode, done.stdout if done.returncode == 0 else done.stderr.splitlines()[-1]


def test_root_becomes_a_user_with_its_groups_and_cannot_come_back() -> None:
    status, said = after_change(user="nobody")
    if not IS_ROOT:
        assert said.endswith("cannot become user nobody: only root may; start as root, or leave user and group out")
        return
    users, groups, others, names = json.loads(said)
    assert (status, users, groups) == (0, [NOBODY.pw_uid] * 3, [NOBODY.pw_gid] * 3)
    assert 0 not in others
    assert names == [NOBODY.pw_dir, "nobody", "nobody"]


def test_root_becomes_a_user_in_one_group_alone() -> None:
    status, said = after_change(user=str(NOBODY.pw_uid), group="daemon")
    if not IS_ROOT:
        assert "only root may" in said
        return
    users, groups, others, _ = json.loads(said)
    assert (status, users, groups, others) == (0, [NOBODY.pw_uid] * 3, [DAEMON.gr_gid] * 3, [DAEMON.gr_gid])


def test_root_may_give_up_its_groups_alone() -> None:
    status, said = after_change(group=str(DAEMON.gr_gid))
    if not IS_ROOT:
        assert "only root may" in said
        return
    users, groups, others, names = json.loads(said)
    assert (status, users, groups, others) == (0, [0] * 3, [DAEMON.gr_gid] * 3, [DAEMON.gr_gid])
    assert names == ["/before", "before", "before"]


def test_a_number_that_no_file_knows_needs_a_group() -> None:
    with pytest.raises(ConfigError, match=r"^user: is a number that this system does not know, so a group must be"):
        identity_of(Config(user="54321"))
    status, said = after_change(user="54321", group="54322")
    if not IS_ROOT:
        assert "only root may" in said
        return
    users, groups, others, _ = json.loads(said)
    assert (status, users, groups, others) == (0, [54321] * 3, [54322] * 3, [54322])


def test_to_stay_who_one_is_is_always_allowed() -> None:
    user = pwd.getpwuid(os.getuid())
    identity = identity_of(Config(user=user.pw_name))
    assert identity.is_ours
    identity.assume()
    assert identity_of(Config()).is_ours


@pytest.mark.parametrize(
    ("options", "line"),
    [
        ({"user": "no-such-user"}, "user: must be a user of this system, got 'no-such-user'"),
        ({"user": "4294967295"}, "user: must be a user of this system, got '4294967295'"),
        ({"group": "no-such-group"}, "group: must be a group of this system, got 'no-such-group'"),
        ({"group": ""}, "group: must be a group of this system, got ''"),
    ],
)
def test_an_unknown_name_is_one_line(options: dict[str, str], line: str) -> None:
    with pytest.raises(ConfigError) as caught:
        identity_of(Config(**options))
    assert str(caught.value) == line


def test_a_system_that_does_not_let_go_of_root_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("initgroups", "setgroups", "setgid", "setuid"):
        monkeypatch.setattr(os, name, lambda *_: None)
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(os, "getuid", lambda: 0)
    with pytest.raises(StartupError, match="cannot become user nobody: the system would give the rights of root back"):
        identity_of(Config(user="nobody")).assume()


def test_owners_are_found_by_name_and_number() -> None:
    assert find_owner("nobody:daemon", "uds_owner") == (NOBODY.pw_uid, DAEMON.gr_gid)
    assert find_owner(f":{DAEMON.gr_gid}", "uds_owner") == (-1, DAEMON.gr_gid)
    assert find_owner("nobody", "uds_owner") == (NOBODY.pw_uid, -1)
    assert (find_user("0", "user").name, find_group("0", "group")) == ("root", 0)


def test_a_server_gives_up_its_groups_before_anything_of_the_application_runs(tmp_path: Path) -> None:
    # Not another user: the tests' interpreter may lie where only this one may look.
    (tmp_path / "whoami.py").write_text(
        "import os\nat_import = os.getgid(), os.getgroups()\n"
        "async def app(scope, receive, send):\n"
        "    assert scope['type'] == 'http'\n"
        "    body = repr((at_import, os.getgid(), oct(os.umask(0o27)))).encode()\n"
        "    headers = [(b'content-length', str(len(body)).encode())]\n"
        "    await send({'type': 'http.response.start', 'status': 200, 'headers': headers})\n"
        "    await send({'type': 'http.response.body', 'body': body})\n"
    )
    for start in ((), ("--preload",)):
        arguments = ("whoami:app", "--port", "0", "--group", "daemon", "--umask", "027", *start)
        with ServerProcess(*arguments, app_dir=tmp_path) as server:
            if not IS_ROOT:
                assert server.wait() == 3
                assert "only root may" in server.lines[-1]
                continue
            with Client(server.port) as client:
                number = DAEMON.gr_gid
                expected = repr(((number, [number]), number, "0o27")).encode()
                assert client.get().endswith(b"\r\n\r\n" + expected)


def test_root_that_stays_root_is_told_so_once_by_a_supervisor() -> None:
    with ServerProcess("apps:hello", "--port", "0", "--workers", "1") as server:
        server.wait_for("Licorne running on")
        assert server.log.count("Running as root.") == IS_ROOT
