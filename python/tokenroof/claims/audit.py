"""Claims, and the verdicts that follow from what the library computes."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..catalogue._toml import load_toml
from ..errors import SpecError, UnknownNameError
from .expressions import evaluate, names_in
from .wording import span

__all__ = ["VERDICTS", "Claim", "Document", "Finding", "audit", "judge", "load_claims"]

#: What a verdict means, from best to worst for the claim.
VERDICTS = {
    "right": "the statement holds for every input that the claim leaves open",
    "underspecified": "whether it holds depends on inputs that the claim does not give, or it gives no quantity at all",
    "overstated": "only the weaker statement holds for every input: the direction is right, the size is not",
    "wrong": "neither the statement nor, where there is one, its weaker form holds",
}
_KEYS = ("id", "says", "inputs", "steps", "statement", "weaker", "verdict", "because", "sources")
_FOLDER = Path(__file__).parent
_CELL = re.compile(r"\{(\w+)(?::([^{}]*))?\}")


@dataclass(frozen=True, slots=True)
class Document:
    """Where claims were found."""

    id: str
    title: str
    kind: str


@dataclass(frozen=True, slots=True)
class Claim:
    """One claim as data; see docs/claims.md."""

    id: str
    document: Document
    says: str  #: in our words
    verdict: str  #: what must follow
    because: str  #: why, with ``{name:format}`` where a computed number goes
    inputs: Mapping[str, Any] = field(default_factory=dict)  #: a list holds what the claim leaves open
    steps: Mapping[str, str] = field(default_factory=dict)  #: name -> expression over inputs and earlier steps
    statement: str = ""  #: what would make the claim right; none: it gives no quantity
    weaker: str = ""  #: its direction alone
    sources: tuple[str, ...] = ()  #: where the inputs are from


@dataclass(frozen=True, slots=True)
class Finding:
    """A claim with what was computed: ``values[name]`` over all cases, and the verdict that follows."""

    claim: Claim
    verdict: str
    holds: tuple[bool, ...]  #: the statement, in each case
    values: Mapping[str, tuple[Any, ...]]

    @property
    def because(self) -> str:
        """The explanation with the computed numbers in it."""
        return _CELL.sub(lambda cell: self.text(cell[1], cell[2] or ".3g"), self.claim.because)

    def text(self, name: str, spec: str = ".3g") -> str:
        """A computed number as people read it: one value, or the range over the cases."""
        return span(self.values[name], spec)


def load_claims(ids: Iterable[str] | None = None, document: str | None = None) -> list[Claim]:
    """The claims of the audit, in the order of their documents.

    Raises
    ------
    UnknownNameError
        For an id or document that is not there.
    """
    every = [claim for file in sorted(_FOLDER.glob("*.toml")) for claim in _read(load_toml(file))]
    if document is not None:
        documents = [d.id for d in dict.fromkeys(claim.document for claim in every)]
        if document not in documents:
            raise UnknownNameError("document", document, documents)
        every = [claim for claim in every if claim.document.id == document]
    if ids is None:
        return every
    found = {claim.id: claim for claim in every}
    for name in (wanted := list(ids)):
        if name not in found:
            raise UnknownNameError("claim", name, found)
    return [found[name] for name in wanted]


def _read(data: Mapping[str, Any]) -> list[Claim]:
    document = Document(**data["document"])
    claims = []
    for entry in data["claim"]:
        where = f"claim {entry.get('id', '?')}"
        for key in entry:
            if key not in _KEYS:
                raise UnknownNameError(f"key of {where}", key, _KEYS)
        for key in ("id", "says", "verdict", "because"):
            if not isinstance(entry.get(key), str) or not entry[key]:
                raise SpecError(f"{where}.{key}", entry.get(key), "a text")
        if entry["verdict"] not in VERDICTS:
            raise SpecError(f"{where}.verdict", entry["verdict"], f"one of {', '.join(VERDICTS)}")
        claims.append(Claim(**{**entry, "document": document, "sources": tuple(entry.get("sources", ()))}))
    return claims


def judge(claim: Claim) -> Finding:
    """Compute a claim in every case: one for each choice from the lists in its inputs.

    Raises
    ------
    SpecError, UnknownNameError
        For steps that cannot be computed.
    """
    where = f"claim {claim.id}"
    choices = {name: value if isinstance(value, list) else [value] for name, value in claim.inputs.items()}
    holds, weaker = [], []
    values: dict[str, list[Any]] = {name: [] for name in (*claim.inputs, *claim.steps)}
    for chosen in itertools.product(*choices.values()):
        names = dict(zip(choices, chosen, strict=True))
        for step, text in claim.steps.items():
            names[step] = evaluate(text, names, f"{where}, step {step}")
        for name, value in names.items():
            values[name].append(value)
        if claim.statement:
            holds.append(bool(evaluate(claim.statement, names, f"{where}, statement")))
        if claim.weaker:
            weaker.append(bool(evaluate(claim.weaker, names, f"{where}, weaker")))
    kept = {name: tuple(held) for name, held in values.items()}
    return Finding(claim, _verdict(holds, weaker), tuple(holds), kept)


def _verdict(holds: list[bool], weaker: list[bool]) -> str:
    """What follows; `VERDICTS` says it in words."""
    if not holds:
        return "underspecified"
    if all(holds):
        return "right"
    if any(holds):
        return "underspecified"
    return "overstated" if weaker and all(weaker) else "wrong"


def audit(ids: Iterable[str] | None = None, document: str | None = None) -> list[Finding]:
    """Compute every claim.

    Parameters
    ----------
    ids : list of str, optional
        These alone.
    document : str, optional
        Those of one document.

    Returns
    -------
    list of Finding
        In the order of the documents.
    """
    return [judge(claim) for claim in load_claims(ids, document)]


def unused(claim: Claim) -> set[str]:
    """Inputs and steps that nothing reads: neither a later step, the statement nor the explanation."""
    texts = [*claim.steps.values(), claim.statement or "0", claim.weaker or "0"]
    read = {name for text in texts for name in names_in(text, f"claim {claim.id}")}
    read |= {cell[0] for cell in _CELL.findall(claim.because)}
    return {*claim.inputs, *claim.steps} - read
