"""Migrations come in two steps: what a release adds, the former one can live with; what it no longer uses goes a release later.

While a release is rolled out, both run on one schema, and the former may come back. So a migration that takes something away or
demands something has to say that nothing of the former release needs it: `CONTRACTS = "why"`.
"""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from build_tools.layout import ROOT, SERVICE_PACKAGES

# The calls in `upgrade` that the former release's code may run into, and the SQL that does the same.
_TAKING_AWAY = {"drop_table", "drop_column", "rename_table"}
_SQL = re.compile(
    r"\b(DROP\s+(TABLE|COLUMN|SCHEMA)|RENAME\s+(TO|COLUMN)|ALTER\s+COLUMN\s+\S+\s+(SET\s+NOT\s+NULL|TYPE))\b",
    re.IGNORECASE,
)
_SAYS_WHY = "CONTRACTS"


def migrations() -> list[Path]:
    return [
        file
        for package in SERVICE_PACKAGES
        for file in sorted((ROOT / package / "migrations" / "versions").glob("[0-9]*.py"))
    ]


def contracting(source: str) -> list[str]:
    """What the migration's `upgrade` takes away, by line."""
    tree = ast.parse(source)
    if any(isinstance(node, ast.Assign) and _SAYS_WHY in _names(node) for node in tree.body):
        return []
    made = {_first_text(call) for call in _calls(tree) if _name(call) == "create_table"}
    used = _used_by_upgrade(tree)
    calls = [
        f"line {call.lineno}: {what}" for part in used for call in _calls(part) if (what := _objection(call, made))
    ]
    texts = [node for part in used for node in ast.walk(part) if isinstance(node, ast.Constant)]
    sql = [(node.lineno, _SQL.search(str(node.value))) for node in texts if isinstance(node.value, str)]
    return calls + [f"line {line}: {found[0]}" for line, found in sql if found]


def _used_by_upgrade(tree: ast.Module) -> list[ast.stmt]:
    """`upgrade`, and whatever of the module it names: statements are often kept in constants."""
    named = {name: node for node in tree.body for name in _defines(node)}
    wanted, used = ["upgrade"], dict[str, ast.stmt]()
    while wanted:
        name = wanted.pop()
        if name in named and name not in used:
            used[name] = named[name]
            wanted += [node.id for node in ast.walk(named[name]) if isinstance(node, ast.Name)]
    return list({id(node): node for node in used.values()}.values())


def _defines(node: ast.stmt) -> list[str]:
    if isinstance(node, ast.FunctionDef):
        return [node.name]
    return _names(node) if isinstance(node, ast.Assign) else []


def _objection(call: ast.Call, made: set[str]) -> str:
    name = _name(call)
    if name in _TAKING_AWAY and _first_text(call) not in made:
        return name
    given = {keyword.arg: keyword.value for keyword in call.keywords}
    if name == "alter_column" and ({"new_column_name", "type_"} & given.keys() or _is(given.get("nullable"), False)):
        return "alter_column to something narrower or of another name"
    column = call.args[1] if name == "add_column" and len(call.args) > 1 else None
    if not isinstance(column, ast.Call):
        return ""
    inside = {keyword.arg: keyword.value for keyword in column.keywords}
    needed = _is(inside.get("nullable"), False) and "server_default" not in inside
    computed = any(isinstance(part, ast.Call) and _name(part) in {"Computed", "Identity"} for part in column.args)
    return "a column that the former release does not fill" if needed and not computed else ""


def _calls(tree: ast.AST) -> list[ast.Call]:
    return [node for node in ast.walk(tree) if isinstance(node, ast.Call)]


def _name(call: ast.Call) -> str:
    return call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")


def _names(node: ast.Assign) -> list[str]:
    return [target.id for target in node.targets if isinstance(target, ast.Name)]


def _first_text(call: ast.Call) -> str:
    first = call.args[0] if call.args else None
    return first.value if isinstance(first, ast.Constant) and isinstance(first.value, str) else ""


def _is(node: ast.expr | None, value: object) -> bool:
    return isinstance(node, ast.Constant) and node.value is value


@pytest.mark.parametrize("file", migrations(), ids=lambda file: f"{file.parts[-4]}/{file.stem}")
def test_nothing_is_taken_from_the_former_release(file: Path) -> None:
    assert contracting(file.read_text()) == []


@pytest.mark.parametrize(
    ("statement", "found"),
    [
        ('op.drop_column("item", "notes", schema="inventory")', "drop_column"),
        ('op.drop_table("item")', "drop_table"),
        ('op.execute("ALTER TABLE x DROP COLUMN y")', "DROP COLUMN"),
        ('op.execute("ALTER TABLE x RENAME TO z")', "RENAME TO"),
        ('op.execute(sa.text("ALTER TABLE x ALTER COLUMN y SET NOT NULL"))', "ALTER COLUMN y SET NOT NULL"),
        (
            'for one in _ALL: op.execute(one)\n\n_ALL = ("SELECT 1", "ALTER TABLE x RENAME COLUMN y TO z")',
            "RENAME COLUMN",
        ),
        ('op.alter_column("x", "y", nullable=False)', "narrower"),
        ('op.alter_column("x", "y", new_column_name="z")', "narrower"),
        ('op.add_column("x", sa.Column("y", sa.Text, nullable=False))', "does not fill"),
    ],
)
def test_what_takes_something_away_is_found(statement: str, found: str) -> None:
    source = f"def upgrade():\n    {statement}\n"
    assert found in contracting(source)[0]
    assert contracting(f"CONTRACTS = 'unused since v2'\n{source}") == []


@pytest.mark.parametrize(
    "statement",
    [
        'op.add_column("x", sa.Column("y", sa.Text))',
        'op.add_column("x", sa.Column("y", sa.Text, nullable=False, server_default=""))',
        'op.alter_column("x", "y", nullable=True)',
        'op.drop_index("ix_x")',
        'op.execute("CREATE TABLE z (id bigint)")',
    ],
)
def test_what_only_adds_is_left_alone(statement: str) -> None:
    assert contracting(f"def upgrade():\n    {statement}\n\ndef downgrade():\n    op.drop_table('x')\n") == []
