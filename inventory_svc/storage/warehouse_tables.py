"""The tables of the warehouses: locations, transfers between them, and their counts. Triggers are in the migrations."""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, CheckConstraint, Column, Identity, Integer, Table, Text, text

from inventory_svc.storage.columns import metadata, moment, words

# Units name their location by its code. No foreign key: it would lock a row per unit received; whoever puts units somewhere
# locks the location once instead, and a trigger keeps locations where units lie.
location = Table(
    "location",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("code", Text, nullable=False, unique=True),
    words("name"),
    words("warehouse"),
    Column("active", Boolean, nullable=False, server_default=text("true")),
    moment("created_at"),
    moment("updated_at"),
    Column("version", Integer, nullable=False, server_default=text("1")),
    CheckConstraint("code <> ''", name="code"),
)
