"""Who may call what: reads the access option of every rpc and writes the list of them to docs/roles.md.

`python -m build_tools.roles` writes it; a contract test fails when the file no longer says what the protos say.
"""

from __future__ import annotations

import sys
from pathlib import Path

from google.protobuf.descriptor_pb2 import FileDescriptorSet
from google.protobuf.descriptor_pool import DescriptorPool
from usav.options.v1 import authz_pb2

from build_tools.descriptors import Hub, Method, load
from build_tools.layout import DESCRIPTOR_SET, ROOT
from build_tools.routes import routes_of
from chassis.access import ALL_ROLES, Policy, policies

DOCUMENT = ROOT / "docs" / "roles.md"
ROLE_ORDER = tuple(name for name in authz_pb2.Access.Role.DESCRIPTOR.values_by_name if name in ALL_ROLES)

_OPENING = """# Who may call what

Written by `make roles` from the access options in the protos; do not edit. Every rpc of the hub stands here, and a service
does not start with one that says nothing of its roles. "any" is every signed-in user, "public" is everybody.
"""


def load_policies(path: Path = DESCRIPTOR_SET) -> dict[str, Policy]:
    """The policy of every rpc by full name, such as usav.auth.v1.AuthService.GetMe. Raises AccessOptionMissing."""
    files = FileDescriptorSet.FromString(path.read_bytes()).file
    pool = DescriptorPool()
    for file in files:
        pool.Add(file)  # the files stand after what they import
    services = [pool.FindServiceByName(f"{file.package}.{one.name}") for file in files for one in file.service]
    return {path.lstrip("/").replace("/", "."): policy for path, policy in policies(services).items()}


def in_words(policy: Policy) -> str:
    """ "public", "any", or the names of the roles."""
    if policy.public:
        return "public"
    return "any" if policy.roles == ALL_ROLES else ", ".join(names(policy))


def names(policy: Policy) -> list[str]:
    """The roles in the order of the proto; none for a public rpc."""
    return [] if policy.public else [role for role in ROLE_ORDER if role in policy.roles]


def document(hub: Hub, granted: dict[str, Policy]) -> str:
    """The whole text of docs/roles.md."""
    parts = [_OPENING]
    for service in sorted(hub.services.values(), key=lambda one: one.full_name):
        rows = "".join(_row(method, granted[method.full_name]) for method in service.methods)
        parts.append(f"\n## {service.full_name}\n\n| rpc | JSON | roles |\n|---|---|---|\n{rows}")
    return "".join(parts)


def _row(method: Method, policy: Policy) -> str:
    paths = "<br>".join(f"`{route}`" for route in routes_of(method)) or "gRPC only"
    return f"| {method.name} | {paths} | {in_words(policy)} |\n"


def main() -> int:
    """Writes docs/roles.md."""
    DOCUMENT.parent.mkdir(exist_ok=True)
    DOCUMENT.write_text(document(load(), load_policies()))
    print(f"roles: wrote {DOCUMENT.relative_to(ROOT)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
