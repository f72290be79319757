"""Finds or makes the things rows speak of, many at a time, in the caller's transaction.

In a dry run nothing is made: what is missing is imagined, and found there by the batches that follow.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import BigInteger, CompoundSelect, Integer, Select, Text, any_, bindparam, func, select, text, union
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncConnection

from catalog_svc.domain.changes import Action
from catalog_svc.domain.codes import DEFAULT_CONDITION
from catalog_svc.domain.import_rows import key_of
from catalog_svc.storage import changes, repositories
from catalog_svc.storage.nouns import COLOR, COMPONENT, FAMILY, IDENTITY, LCI_DEFINITION, VARIANT, Noun
from catalog_svc.storage.tables import (
    bundle_component,
    color,
    condition,
    family,
    identity,
    lci_definition,
    product_id_counter,
    size,
    variant,
)

# Imports, and nobody else, take this lock: two at once do their batches by turns.
_LOCK = text("SELECT pg_advisory_xact_lock(7236843031202)")

PartKey = tuple[int, str]
# Identity, colour, size, condition.
VariantKey = tuple[int, str | None, str | None, str]


def _array(name: str, kind: Any) -> Any:
    return any_(bindparam(name, type_=ARRAY(kind)))


_NAMES = func.unnest(bindparam("names", type_=ARRAY(Text))).column_valued("wanted")
_FAMILIES = select(family.c.product_id, family.c.name).where(func.lower(family.c.name).in_(select(func.lower(_NAMES))))
_NUMBERS = select(family.c.product_id).where(family.c.product_id == _array("ids", Integer))
_IDENTITIES = select(identity.c.id, identity.c.product_id, identity.c.type, identity.c.component_index).where(
    identity.c.product_id == _array("ids", Integer)
)
_DEFINITIONS = select(lci_definition.c.product_id, lci_definition.c.name, lci_definition.c.component_index).where(
    lci_definition.c.product_id == _array("ids", Integer)
)
_VARIANTS = select(
    variant.c.id,
    variant.c.identity_id,
    variant.c.color_code,
    variant.c.size_code,
    variant.c.condition_code,
    variant.c.deleted_at,
).where(variant.c.identity_id == _array("ids", BigInteger))
_COLORS = select(color.c.code)
_CODES = union(select(condition.c.code), select(size.c.code))
_INDEXES = union(
    *(
        select(table.c.product_id, table.c.component_index).where(
            table.c.product_id == _array("ids", Integer), table.c.component_index.is_not(None)
        )
        for table in (identity, lci_definition)
    )
).subquery()
_USED_INDEXES = select(_INDEXES.c.product_id, func.count().label("used")).group_by(_INDEXES.c.product_id)
_RECIPES = select(
    bundle_component.c.parent_identity_id, bundle_component.c.child_identity_id, bundle_component.c.quantity
).where(bundle_component.c.parent_identity_id == _array("ids", BigInteger))


@dataclass
class Imagined:
    """What a dry run would have made by now. Ids are below zero, where the database has none."""

    families: dict[str, int] = field(default_factory=dict)
    identities: dict[tuple[int, str], int] = field(default_factory=dict)
    parts: dict[PartKey, int] = field(default_factory=dict)
    variants: dict[VariantKey, int] = field(default_factory=dict)
    recipes: dict[int, dict[int, int]] = field(default_factory=dict)
    colors: set[str] = field(default_factory=set)
    last_id: int = 0

    def add(self, store: dict[Any, int], keys: Iterable[Any]) -> None:
        """Gives each key an id."""
        for key in keys:
            self.last_id -= 1
            store[key] = self.last_id


class Writer:
    """One transaction's finding and making. `made` counts by noun; with `imagined` nothing is written."""

    def __init__(self, conn: AsyncConnection, made: Counter[str], imagined: Imagined | None = None) -> None:
        self._conn = conn
        self._made = made
        self._imagined = imagined

    async def lock(self) -> None:
        """Waits for the batch of another import."""
        await self._conn.execute(_LOCK)

    async def families(self, wanted: Mapping[str, tuple[str, int | None]]) -> dict[str, int]:
        """Numbers by name key; `wanted` gives the name, and the number it would like."""
        names = {key: name for key, (name, _) in wanted.items()}
        found = await self._find_families(names)
        missing = {key: value for key, value in wanted.items() if key not in found}
        if not missing:
            return found
        if self._imagined is None:
            await self._make_families(missing)
        else:
            self._made["family"] += len(missing)
            self._imagined.add(self._imagined.families, missing)
        return await self._find_families(names)

    async def find_families(self, names: Sequence[str]) -> dict[str, int]:
        """Numbers of those families that are there, by name key."""
        return await self._find_families({key_of(name): name for name in names})

    async def _find_families(self, wanted: Mapping[str, str]) -> dict[str, int]:
        # By name as well as by key: what counts as the same name is the database's to say, and it may know fewer letters.
        names = list({*wanted, *wanted.values()})
        found: dict[str, int] = {}
        for row in await self._rows(_FAMILIES.order_by(family.c.product_id.desc()), names=names):
            found[key_of(row.name)] = row.product_id
        return {**self._known(lambda it: it.families, map(key_of, wanted)), **found}

    async def _make_families(self, missing: Mapping[str, tuple[str, int | None]]) -> None:
        # Everyone who adds a family takes the counter's lock; behind it, what is free stays free.
        await self._conn.execute(select(product_id_counter).with_for_update())
        liked = [number for _, number in missing.values() if number is not None]
        taken = {row.product_id for row in await self._rows(_NUMBERS, ids=liked)}
        rows = []
        for name, number in missing.values():
            free = number is not None and number not in taken
            taken.update({number} if number is not None else ())
            rows.append({"product_id": number if free else None, "name": name})
        # Those with a number first, so that the next free one is not theirs.
        await self._make(FAMILY, [row for row in rows if row["product_id"] is not None])
        await self._make(FAMILY, [{"name": row["name"]} for row in rows if row["product_id"] is None])

    async def colors(self, names: Mapping[str, str]) -> None:
        """Registers the colours that are not there."""
        known = {row.code for row in await self._rows(_COLORS)}
        if self._imagined is not None:
            known |= self._imagined.colors
            self._imagined.colors.update(names)
        await self._make(COLOR, [{"code": code, "name": names[code]} for code in sorted(set(names) - known)])

    async def identities(self, wanted: Iterable[tuple[int, str]]) -> dict[tuple[int, str], int]:
        """Ids of identities that are not parts, by family and type."""
        keys = list(dict.fromkeys(wanted))
        found = await self._find_identities(keys)
        missing = [key for key in keys if key not in found]
        await self._make(IDENTITY, [{"product_id": number, "type": kind} for number, kind in missing])
        if not missing:
            return found
        if self._imagined is not None:
            self._imagined.add(self._imagined.identities, missing)
        return await self._find_identities(keys)

    async def find_identities(self, numbers: Iterable[int]) -> dict[tuple[int, str], int]:
        """Ids of all identities of families that are not parts, by family and type."""
        return await self._find_identities(
            [(number, kind) for number in numbers for kind in ("PRODUCT", "BUNDLE", "KIT")]
        )

    async def _find_identities(self, keys: Sequence[tuple[int, str]]) -> dict[tuple[int, str], int]:
        rows = await self._rows(_IDENTITIES, ids=sorted({number for number, _ in keys}))
        found = {(row.product_id, row.type): row.id for row in rows if row.component_index is None}
        return {**self._known(lambda it: it.identities, keys), **found}

    async def parts(self, wanted: Mapping[PartKey, str]) -> dict[PartKey, int]:
        """Ids of parts by family and component name key; `wanted` gives the name to make. Full families are left out."""
        if not wanted:
            return {}
        found = await self._find_parts(wanted)
        missing = await self._that_fit({key: name for key, name in wanted.items() if key not in found})
        if not missing:
            return found
        if self._imagined is None:
            await self._make_parts(missing)
        else:
            self._made["identity"] += len(missing)
            self._imagined.add(self._imagined.parts, missing)
        return await self._find_parts(wanted)

    async def _that_fit(self, missing: Mapping[PartKey, str]) -> dict[PartKey, str]:
        rows = await self._rows(_USED_INDEXES, ids=sorted({number for number, _ in missing}))
        left = {row.product_id: 99 - row.used for row in rows}
        fitting: dict[PartKey, str] = {}
        for key, name in missing.items():
            room = left.get(key[0], 99)
            if room > 0:
                fitting[key] = name
                left[key[0]] = room - 1
        return fitting

    async def _make_parts(self, missing: Mapping[PartKey, str]) -> None:
        defined = await self._definitions(missing)
        new = [{"product_id": key[0], "name": name} for key, name in missing.items() if key not in defined]
        await self._make(LCI_DEFINITION, new)
        defined = await self._definitions(missing)
        rows = [{"product_id": key[0], "type": "PART", "component_index": defined[key]} for key in missing]
        await self._make(IDENTITY, rows)

    async def _definitions(self, keys: Iterable[PartKey]) -> dict[PartKey, int]:
        rows = await self._rows(_DEFINITIONS, ids=sorted({number for number, _ in keys}))
        return {(row.product_id, key_of(row.name)): row.component_index for row in rows}

    async def _find_parts(self, wanted: Iterable[PartKey]) -> dict[PartKey, int]:
        keys = set(wanted)
        defined = await self._definitions(keys)
        rows = await self._rows(_IDENTITIES, ids=sorted({number for number, _ in keys}))
        by_index = {(row.product_id, row.component_index): row.id for row in rows}
        named = {key: by_index.get((key[0], index)) for key, index in defined.items() if key in keys}
        found = {key: part for key, part in named.items() if part is not None}
        return {**self._known(lambda it: it.parts, keys), **found}

    async def variants(self, wanted: Mapping[VariantKey, str]) -> dict[VariantKey, tuple[int, bool, bool]]:
        """Id, whether it is new, and whether it is deleted, by its key; `wanted` gives the name."""
        found = await self._find_variants(wanted)
        missing = [key for key in wanted if key not in found]
        rows = [
            {
                "identity_id": key[0],
                "color_code": key[1],
                "size_code": key[2],
                "condition_code": key[3],
                "name": wanted[key] or None,
            }
            for key in missing
        ]
        await self._make(VARIANT, rows)
        if self._imagined is not None:
            self._imagined.add(self._imagined.variants, missing)
        made = await self._find_variants(missing) if missing else {}
        return {key: (*value, key not in found) for key, value in {**found, **made}.items()}

    async def _find_variants(self, wanted: Iterable[VariantKey]) -> dict[VariantKey, tuple[int, bool]]:
        keys = set(wanted)
        rows = await self._rows(_VARIANTS, ids=sorted({identity_id for identity_id, *_ in keys}))
        found = {
            (row.identity_id, row.color_code, row.size_code, row.condition_code): (row.id, row.deleted_at is not None)
            for row in rows
        }
        known = {key: (value, False) for key, value in self._known(lambda it: it.variants, keys).items()}
        return {**known, **{key: value for key, value in found.items() if key in keys}}

    async def plain_variants(self, identities: Sequence[int]) -> None:
        """Makes a variant without colour for each identity that has none at all."""
        having = {row.identity_id for row in await self._rows(_VARIANTS, ids=list(identities))}
        if self._imagined is not None:
            having.update(identity_id for identity_id, *_ in self._imagined.variants)
        missing = [item for item in dict.fromkeys(identities) if item not in having]
        await self._make(VARIANT, [{"identity_id": item} for item in missing])
        if self._imagined is not None:
            self._imagined.add(self._imagined.variants, [(item, None, None, DEFAULT_CONDITION) for item in missing])

    async def unknown_codes(self, codes: Iterable[str]) -> set[str]:
        """Those of condition and size codes that the registries do not have."""
        return set(codes) - {row.code for row in await self._rows(_CODES)}

    async def recipes(self, parents: Iterable[int]) -> dict[int, dict[int, int]]:
        """The recipes of bundles: quantity by child, by parent."""
        found: dict[int, dict[int, int]] = {}
        for row in await self._rows(_RECIPES, ids=sorted(set(parents))):
            found.setdefault(row.parent_identity_id, {})[row.child_identity_id] = row.quantity
        return {**(self._imagined.recipes if self._imagined else {}), **found}

    async def make_recipe_lines(self, rows: Sequence[Mapping[str, Any]]) -> None:
        """Adds lines of recipes. Raises BundleCycle."""
        await self._make(COMPONENT, rows)
        if self._imagined is not None:
            for row in rows:
                recipe = self._imagined.recipes.setdefault(row["parent_identity_id"], {})
                recipe[row["child_identity_id"]] = row["quantity"]

    async def _make(self, noun: Noun, rows: Sequence[Mapping[str, Any]]) -> None:
        self._made[noun.kind.value.lower()] += len(rows)
        if rows and self._imagined is None:
            keys = await repositories.insert_many(self._conn, noun, rows)
            await changes.record(self._conn, noun, keys, Action.CREATED)

    async def _rows(self, statement: Select[Any] | CompoundSelect[Any], **parameters: Any) -> Sequence[Any]:
        found: Sequence[Any] = (await self._conn.execute(statement, parameters)).all()
        return found

    def _known(self, store: Callable[[Imagined], dict[Any, int]], keys: Iterable[Any]) -> dict[Any, int]:
        """Those of the keys that a dry run imagined."""
        if self._imagined is None:
            return {}
        imagined = store(self._imagined)
        return {key: imagined[key] for key in keys if key in imagined}
