"""Patroni's configuration: durable, fast enough, open to those it names only."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from deploy.ha.__main__ import main
from deploy.ha.patroni import LOOP_SECONDS, RETRY_SECONDS, TTL_SECONDS, Cluster, Member, Passwords, render
from deploy.ha.secrets import load_passwords

MEMBER = Member(name="pg1", host="db1", port=5432, api_port=8008, data=Path("/data/pg1"), programs=Path("/bin"))
PASSWORDS = Passwords(admin="a-secret", replication="r-secret", rewind="w-secret", api="p-secret")
CLUSTER = Cluster(name="hub", etcd=("e1:2379", "e2:2379"), passwords=PASSWORDS, network="10.0.0.0/24")


def test_times_fit_into_the_time_a_leader_is_believed() -> None:
    # Patroni's own rule; beyond it a primary may be demoted while it is well.
    assert LOOP_SECONDS + 2 * RETRY_SECONDS <= TTL_SECONDS


def test_an_acknowledged_commit_is_on_two_members() -> None:
    agreed = render(MEMBER, CLUSTER)["bootstrap"]["dcs"]
    parameters = agreed["postgresql"]["parameters"]
    assert (agreed["synchronous_mode"], agreed["synchronous_node_count"]) == ("quorum", 1)
    assert (parameters["synchronous_commit"], parameters["fsync"]) == ("on", "on")
    assert "data-checksums" in render(MEMBER, CLUSTER)["bootstrap"]["initdb"]


def test_only_the_network_may_connect_and_only_with_a_password() -> None:
    lines = render(MEMBER, CLUSTER)["postgresql"]["pg_hba"]
    assert all(line.split()[-2:] == ["10.0.0.0/24", "scram-sha-256"] for line in lines)


def test_passwords_are_not_printed_by_accident() -> None:
    assert "secret" not in repr(PASSWORDS) + repr(CLUSTER)


def test_passwords_are_made_once_and_for_the_owner_only(tmp_path: Path) -> None:
    made = load_passwords(tmp_path / "passwords.json")
    again = load_passwords(tmp_path / "passwords.json")
    assert (made.admin, made.api) == (again.admin, again.api)
    assert (tmp_path / "passwords.json").stat().st_mode & 0o777 == 0o600
    assert len({made.admin, made.replication, made.rewind, made.api}) == 4


def test_the_command_prints_a_member(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    passwords = tmp_path / "passwords.json"
    words = [
        "config",
        "pg2",
        "db2",
        "--etcd",
        "e1:2379,e2:2379",
        "--passwords",
        str(passwords),
        "--network",
        "10.0.0.0/24",
    ]
    monkeypatch.setattr("sys.argv", ["ha", *words])
    assert main() == 0
    printed = yaml.safe_load(capsys.readouterr().out)
    assert (printed["name"], printed["etcd3"]["hosts"]) == ("pg2", ["e1:2379", "e2:2379"])
    assert printed["restapi"]["listen"] == "db2:8008"
    assert printed["postgresql"]["authentication"]["superuser"]["password"] == load_passwords(passwords).admin
