"""Connectors that cannot be loaded say so, and break nothing else."""

from __future__ import annotations

import sys
import types

import pytest

import sync_svc.channels as channels_package
from sync_svc.channels import registry
from sync_svc.channels.base import ChannelAccount
from sync_svc.channels.registry import ConnectorBroken

ACCOUNT = ChannelAccount(1, "FAKE", "MAIN", "http://fake")


def test_missing_module_is_a_broken_connector() -> None:
    with pytest.raises(ConnectorBroken, match="NOWHERE cannot be loaded"):
        registry._create("nowhere", ACCOUNT)


def test_module_without_the_factory_is_a_broken_connector(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, f"{channels_package.__name__}.half", types.ModuleType("half"))
    with pytest.raises(ConnectorBroken, match="create_channel"):
        registry._create("half", ACCOUNT)
