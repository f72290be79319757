"""Ranked search. Exact codes come first, then beginnings of codes, then names; typing errors count only when little is found.

Three tries, each wider than the one before: all words (or longer ones), all words in any likely meaning, any word at all. The try
that answered is remembered by the page token, so that all pages of an answer come from the same one.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import asyncpg
from sqlalchemy import text

from catalog_svc.domain.search import (
    Question,
    all_meanings,
    all_words,
    any_meaning,
    any_word,
    forgivable,
    likely_meanings,
    read_question,
)
from chassis.database import Database, Statement

KINDS = ("FAMILY", "IDENTITY", "VARIANT")
MOST_RESULTS = 1000
# Fewer than this, and the next wider try is made.
_ENOUGH = 3

_EXACT_CODE, _CODE_BEGINS, _WHOLE_NAME, _NAME_BEGINS = 100, 50, 4, 2
_KIND_BONUS = {"FAMILY": 0.3, "IDENTITY": 0.15, "VARIANT": 0.0}


def _named(kind: str) -> str:
    """The best-known documents of one kind. The limit bounds what a very common word costs."""
    return f"""
      SELECT * FROM (
        SELECT kind, id, product_id, code, name, brand_name, document FROM catalog.search_document
        WHERE kind = '{kind}' AND '{kind}' = ANY(CAST(:kinds AS text[])) AND document @@ to_tsquery('simple', :wanted)
        LIMIT {MOST_RESULTS}) AS {kind.lower()}_hits"""


# The rank of whole words is doubled by asking for them once more beside their longer and mistyped forms.
_FIND = Statement(
    text(f"""
    WITH named AS ({" UNION ALL ".join(_named(kind) for kind in KINDS)}),
    coded AS (
      SELECT kind, id, product_id, code, name, brand_name, document FROM catalog.search_document
      WHERE kind = ANY(CAST(:kinds AS text[])) AND (code = ANY(CAST(:codes AS text[]) COLLATE "C")
        OR (code >= CAST(:code_from AS text) COLLATE "C" AND code < CAST(:code_to AS text) COLLATE "C"))
      ORDER BY code LIMIT {MOST_RESULTS}),
    hits AS (SELECT DISTINCT ON (kind, id) * FROM (SELECT * FROM coded UNION ALL SELECT * FROM named) AS both_ways),
    scored AS (
      SELECT kind, id, product_id, code, name, brand_name,
        CASE WHEN code = ANY(CAST(:codes AS text[]) COLLATE "C") THEN {_EXACT_CODE}
             WHEN code >= CAST(:code_from AS text) COLLATE "C" AND code < CAST(:code_to AS text) COLLATE "C"
               THEN {_CODE_BEGINS} ELSE 0 END
        + CASE WHEN lower(name) = CAST(:whole AS text) THEN {_WHOLE_NAME}
               WHEN starts_with(lower(name), CAST(:whole AS text)) THEN {_NAME_BEGINS} ELSE 0 END
        + CASE kind WHEN 'FAMILY' THEN {_KIND_BONUS["FAMILY"]} WHEN 'IDENTITY' THEN {_KIND_BONUS["IDENTITY"]} ELSE 0 END
        + ts_rank('{{0.1, 0.3, 0.7, 1.0}}', document, to_tsquery('simple', :exact), 1)
        + ts_rank('{{0.1, 0.3, 0.7, 1.0}}', document, to_tsquery('simple', :wanted), 1) AS score
      FROM hits)
    SELECT *, count(*) OVER () AS total FROM scored
    ORDER BY score DESC, code, kind LIMIT CAST(:size AS bigint) OFFSET CAST(:skip AS bigint)""")
)

# Words near a mistyped one share most of its trigrams; the domain then counts the errors exactly.
_KNOWN_WORDS = Statement(
    text("""
    WITH asked AS MATERIALIZED (
      SELECT word, catalog.search_trigrams(word) AS trigrams FROM unnest(CAST(:words AS text[])) AS given(word))
    SELECT asked.word AS asked, near.word AS known
    FROM asked CROSS JOIN LATERAL (
      SELECT w.word FROM catalog.search_word w
      WHERE w.trigrams && asked.trigrams AND length(w.word) BETWEEN length(asked.word) - 2 AND length(asked.word) + 2
      ORDER BY (SELECT count(*) FROM unnest(w.trigrams) AS t WHERE t = ANY(asked.trigrams)) DESC
      LIMIT 60) AS near""")
)


class Try(StrEnum):
    """How widely words are taken."""

    ALL_WORDS = "all"
    ALL_MEANINGS = "meanings"
    ANY_WORD = "any"


@dataclass(frozen=True, slots=True)
class Position:
    """Where a page starts, and by which try."""

    attempt: Try
    skip: int


@dataclass(frozen=True, slots=True)
class Found:
    """One page of results, how many there are (up to a thousand), and where the next page starts."""

    rows: list[asyncpg.Record]
    total: int
    next: Position | None


async def search(db: Database, q: str, kinds: Collection[str], size: int, position: Position | None) -> Found:
    """One page of what fits, best first."""
    question = read_question(q)
    chosen = [kind for kind in KINDS if not kinds or kind in kinds]
    if position is not None:
        return await _page(db, question, chosen, size, position)
    found = await _page(db, question, chosen, size, Position(Try.ALL_WORDS, 0))
    for attempt in (Try.ALL_MEANINGS, Try.ANY_WORD):
        if found.total >= _ENOUGH or (attempt is Try.ANY_WORD and found.total):
            break
        wider = await _page(db, question, chosen, size, Position(attempt, 0))
        found = wider if wider.total > found.total else found
    return found


async def _page(db: Database, question: Question, kinds: Sequence[str], size: int, position: Position) -> Found:
    wanted = await _wanted(db, question.words, position.attempt)
    rows = await db.fetch(_FIND, **_parameters(question, wanted, kinds), size=size, skip=position.skip)
    total = min(rows[0]["total"], MOST_RESULTS) if rows else 0
    reached = position.skip + len(rows)
    more = rows and reached < total
    return Found(rows, total, Position(position.attempt, reached) if more else None)


async def _wanted(db: Database, words: Sequence[str], attempt: Try) -> str:
    if attempt is Try.ALL_WORDS:
        return all_words(words)
    meanings: dict[str, list[str]] = {}
    for row in await db.fetch(_KNOWN_WORDS, words=forgivable(words)):
        meanings.setdefault(row["asked"], []).append(row["known"])
    likely = {word: likely_meanings(word, known) for word, known in meanings.items()}
    return (all_meanings if attempt is Try.ALL_MEANINGS else any_meaning)(words, likely)


def _parameters(question: Question, wanted: str, kinds: Sequence[str]) -> dict[str, Any]:
    prefix = question.code_prefix
    return {
        "kinds": list(kinds),
        "wanted": wanted,
        "exact": any_word(question.words),
        "codes": list(question.codes),
        # No code has a character behind "~", so that is where the longer codes of a prefix end.
        "code_from": prefix or "~",
        "code_to": f"{prefix}~",
        "whole": question.text,
    }
