"""Settings: each wrong value stops the start with the variable's name."""

from dataclasses import dataclass
from pathlib import Path

import pytest

from chassis.setting_values import parse_bool, parse_port
from chassis.settings import SettingsError, load, read_dotenv, setting


@dataclass(frozen=True, kw_only=True)
class Sample:
    name: str = setting("S_NAME", help="Who it is for.")
    port: int = setting("S_PORT", 7, parse=parse_port)
    loud: bool = setting("S_LOUD", False)
    key: str = setting("S_KEY", "", secret=True)


def test_defaults_stand_in_for_what_is_not_set() -> None:
    assert load(Sample, {"S_NAME": "x"}) == Sample(name="x", port=7, loud=False, key="")


def test_a_missing_required_value_names_its_variable() -> None:
    with pytest.raises(SettingsError, match=r"S_NAME is not set: Who it is for\."):
        load(Sample, {})


def test_an_empty_value_counts_as_not_set() -> None:
    assert load(Sample, {"S_NAME": "x", "S_PORT": ""}).port == 7


@pytest.mark.parametrize("raw", ["-1", "65536", "eighty", "8.5"])
def test_a_wrong_port_is_refused_by_name(raw: str) -> None:
    with pytest.raises(SettingsError, match="S_PORT"):
        load(Sample, {"S_NAME": "x", "S_PORT": raw})


def test_a_secret_is_neither_printed_nor_told_in_an_error() -> None:
    assert "hush" not in repr(load(Sample, {"S_NAME": "x", "S_KEY": "hush"}))


def test_a_secret_may_stand_in_a_file(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("hush\n")
    given = {"S_NAME": "x", "S_KEY_FILE": str(tmp_path / "key")}
    assert load(Sample, given).key == "hush"
    assert load(Sample, {**given, "S_KEY": "itself"}).key == "itself"


@pytest.mark.parametrize("content", [None, "", " \n"])
def test_a_secrets_file_without_a_secret_is_named(tmp_path: Path, content: str | None) -> None:
    path = tmp_path / "key"
    if content is not None:
        path.write_text(content)
    with pytest.raises(SettingsError, match=f"S_KEY_FILE: {path}"):
        load(Sample, {"S_NAME": "x", "S_KEY_FILE": str(path)})


def test_only_secrets_are_read_from_files_and_no_setting_is_called_so(tmp_path: Path) -> None:
    @dataclass(frozen=True, kw_only=True)
    class Keys:
        key: str = setting("S_KEY", "", secret=True)
        key_file: str = setting("S_KEY_FILE", "", secret=True)
        port: int = setting("S_PORT", 7)

    (tmp_path / "key").write_text("hush")
    given = {"S_KEY_FILE": str(tmp_path / "key"), "S_PORT_FILE": str(tmp_path / "key")}
    assert load(Keys, given) == Keys(key="", key_file=given["S_KEY_FILE"], port=7)


def test_the_environment_goes_before_the_dotenv_file(tmp_path: Path) -> None:
    dotenv = tmp_path / ".env"
    dotenv.write_text("# words\n\nexport S_NAME='from file'\nS_PORT=9\n", encoding="utf-8")
    loaded = load(Sample, {"S_PORT": "10"}, dotenv)
    assert (loaded.name, loaded.port) == ("from file", 10)


def test_a_malformed_dotenv_line_is_named(tmp_path: Path) -> None:
    dotenv = tmp_path / ".env"
    dotenv.write_text("A=1\nno equals sign\n", encoding="utf-8")
    with pytest.raises(SettingsError, match=r"\.env:2"):
        read_dotenv(dotenv)


@pytest.mark.parametrize(("raw", "value"), [("yes", True), ("ON", True), ("0", False), ("False", False)])
def test_booleans_are_read_as_people_write_them(raw: str, value: bool) -> None:
    assert parse_bool(raw) is value


def test_a_boolean_is_not_guessed() -> None:
    with pytest.raises(ValueError, match="true or false"):
        parse_bool("maybe")
