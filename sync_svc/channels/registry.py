"""Which platforms have a connector: every folder beside this file, named as its platform, that offers `create_channel`.

A connector is imported when the first channel of its platform is built, so that a hub pays only for the platforms it uses.
A platform without one is no error; its channels and listings are kept and say so.
"""

import importlib
import importlib.util
import pkgutil
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import sync_svc.channels as channels_package
from sync_svc.channels.base import Channel, ChannelAccount
from sync_svc.channels.consent import ConsentFlow

ChannelFactory = Callable[[ChannelAccount], Channel]
"""Builds the channel of one account. It makes no call; a wrong or missing credential raises ValueError naming it."""


class ConnectorBroken(Exception):
    """The platform's connector cannot be loaded; every other platform's works on."""


class ChannelRegistry:
    """Platform name, as `EBAY`, to the factory of its channels."""

    def __init__(
        self,
        factories: Mapping[str, ChannelFactory],
        consents: Callable[[str], ConsentFlow | None] = lambda platform: None,
    ) -> None:
        """`consents` knows how a platform's accounts are let in."""
        self._factories = dict(factories)
        self._consents = consents

    def has(self, platform: str) -> bool:
        """Whether the platform has a connector."""
        return platform in self._factories

    def consent(self, platform: str) -> ConsentFlow | None:
        """How an account of the platform lets the hub in; None where there is no such way. Raises ConnectorBroken."""
        return self._consents(platform)

    def create(self, account: ChannelAccount) -> Channel:
        """Build a channel. Raises KeyError without a connector, ValueError for unusable credentials, ConnectorBroken."""
        return self._factories[account.platform](account)


def installed_connectors() -> ChannelRegistry:
    """Find the connectors: packages here whose `__init__` has `create_channel(account)`. Nothing of them is imported yet."""
    packages = [module.name for module in pkgutil.iter_modules(channels_package.__path__) if module.ispkg]
    return ChannelRegistry({name.upper(): partial(_create, name) for name in packages}, _consent)


def _consent(platform: str) -> ConsentFlow | None:
    package = f"{channels_package.__name__}.{platform.lower()}"
    if importlib.util.find_spec(package) is None or importlib.util.find_spec(f"{package}.consent") is None:
        return None
    module: Any = importlib.import_module(f"{package}.consent")
    flow: ConsentFlow = module.FLOW
    return flow


def _create(package: str, account: ChannelAccount) -> Channel:
    try:
        module: Any = importlib.import_module(f"{channels_package.__name__}.{package}")
        channel: Channel = module.create_channel(account)
    except ValueError:
        raise
    except Exception as error:
        raise ConnectorBroken(f"the connector of {package.upper()} cannot be loaded: {error}") from error
    return channel
