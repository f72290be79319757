"""Where Zoho's servers are: each data center has its own, and the token's answer names the one to speak to. Pure."""

from __future__ import annotations

from urllib.parse import urlsplit

_API_PATH = "/inventory/v1"
_DATA_CENTERS = frozenset({"com", "eu", "in", "com.au", "jp", "ca", "com.cn", "sa", "uk"})
_SITES = {"": "com", "us": "com", "au": "com.au", "cn": "com.cn"}
_ACCOUNTS = {"ca": "https://accounts.zohocloud.ca"}


def token_url(given: str, site: str) -> str:
    """The token endpoint: the given one, or that of the site's data center."""
    if given:
        return given
    center = _data_center(site)
    return f"{_ACCOUNTS.get(center, f'https://accounts.zoho.{center}')}/oauth/v2/token"


def api_url(given: str, site: str) -> str:
    """Where the API is before any token was answered."""
    return _with_path(given) if given else f"https://www.zohoapis.{_data_center(site)}{_API_PATH}"


def followed(api: str, api_domain: object) -> str:
    """Where the API is once a token's answer has named its domain.

    A token goes nowhere else: a stand-in's answer may name another path of its own, and Zoho's another of Zoho's servers.
    """
    if not isinstance(api_domain, str):
        return api
    try:
        named, known = urlsplit(api_domain), urlsplit(api)
    except ValueError:
        return api
    is_same = (named.scheme, named.netloc) == (known.scheme, known.netloc)
    is_zoho = named.scheme == "https" and _is_zoho(named.netloc) and _is_zoho(known.netloc)
    return _with_path(api_domain) if is_same or is_zoho else api


def accounts_followed(token_url: str, accounts_server: object) -> str:
    """The token endpoint of the data center that a consent has named; a code goes to Zoho alone, or to its stand-in."""
    if not isinstance(accounts_server, str):
        return token_url
    try:
        named, known = urlsplit(accounts_server), urlsplit(token_url)
    except ValueError:
        return token_url
    is_zoho = named.scheme == "https" and _is_accounts(named.netloc) and _is_accounts(known.netloc)
    return f"https://{named.netloc}/oauth/v2/token" if is_zoho else token_url


def _is_accounts(host: str) -> bool:
    if host in {urlsplit(url).netloc for url in _ACCOUNTS.values()}:
        return True
    return host.startswith("accounts.zoho.") and host.removeprefix("accounts.zoho.") in _DATA_CENTERS


def _data_center(site: str) -> str:
    name = site.strip().lower().removeprefix(".")
    center = _SITES.get(name, name)
    if center not in _DATA_CENTERS:
        raise ValueError(f"A Zoho site is one of {', '.join(sorted(_DATA_CENTERS))}, not {site}.")
    return center


def _is_zoho(host: str) -> bool:
    service, _, rest = host.partition(".")
    name, _, center = rest.partition(".")
    return bool(service) and name == "zohoapis" and center in _DATA_CENTERS


def _with_path(url: str) -> str:
    base = url.rstrip("/")
    return base if base.endswith(_API_PATH) else base + _API_PATH
