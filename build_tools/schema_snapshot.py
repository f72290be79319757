"""The structure of one Postgres schema as text, in the words of Postgres itself, so that two states can be compared.

The order of columns is left out: a column that was dropped and made again stands last, and nothing of ours depends on it.
"""

from __future__ import annotations

from sqlalchemy import Connection, text

_VERSION_TABLE = "alembic_version"

_QUERIES = {
    "column": """
        SELECT c.relname || '.' || a.attname,
               concat_ws(' ', format_type(a.atttypid, a.atttypmod), CASE WHEN a.attnotnull THEN 'NOT NULL' END,
                         pg_get_expr(d.adbin, d.adrelid), a.attgenerated, a.attidentity, a.attcollation)
        FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
        LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum
        WHERE c.relnamespace = to_regnamespace(:schema) AND c.relkind IN ('r', 'p', 'v', 'm')""",
    "relation": """
        SELECT c.relname, concat_ws(' ', c.relkind, c.relpersistence, c.reloptions::text, pg_get_partkeydef(c.oid))
        FROM pg_class c WHERE c.relnamespace = to_regnamespace(:schema) AND c.relkind IN ('r', 'p', 'v', 'm', 'S')""",
    "constraint": """
        SELECT conrelid::regclass || '.' || conname, pg_get_constraintdef(oid) FROM pg_constraint
        WHERE connamespace = to_regnamespace(:schema) AND conrelid <> 0""",
    "index": "SELECT indexname, indexdef FROM pg_indexes WHERE schemaname = :schema",
    "trigger": """
        SELECT tgrelid::regclass || '.' || tgname, pg_get_triggerdef(t.oid)
        FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid
        WHERE c.relnamespace = to_regnamespace(:schema) AND NOT tgisinternal""",
    "function": """
        SELECT proname || '(' || pg_get_function_identity_arguments(oid) || ')', pg_get_functiondef(oid) FROM pg_proc
        WHERE pronamespace = to_regnamespace(:schema) AND prokind IN ('f', 'p')""",
    "view": "SELECT viewname, definition FROM pg_views WHERE schemaname = :schema",
    "type": """
        SELECT t.typname, coalesce(string_agg(e.enumlabel, ',' ORDER BY e.enumsortorder), format_type(t.typbasetype, -1))
        FROM pg_type t LEFT JOIN pg_enum e ON e.enumtypid = t.oid
        WHERE t.typnamespace = to_regnamespace(:schema) AND t.typtype IN ('e', 'd')
        GROUP BY t.oid, t.typname, t.typbasetype""",
}


def snapshot(connection: Connection, schema: str) -> dict[str, str]:
    """Every object of the schema and its definition; the version table of Alembic is left out."""
    found = {}
    for kind, query in _QUERIES.items():
        for name, definition in connection.execute(text(query), {"schema": schema}):
            if _VERSION_TABLE not in name:
                found[f"{kind} {name}"] = definition
    return found


def differences(before: dict[str, str], after: dict[str, str]) -> list[str]:
    """What is gone, new or different, one line each."""
    gone = [f"gone: {name}" for name in sorted(before.keys() - after.keys())]
    new = [f"new: {name}" for name in sorted(after.keys() - before.keys())]
    both = sorted(before.keys() & after.keys())
    changed = [f"changed: {name}: {before[name]} -> {after[name]}" for name in both if before[name] != after[name]]
    return gone + new + changed
