"""The axes of a sweep as users name them, and as the core numbers points.

A *dimension* is an axis, or several that are zipped. The core has one axis for models, one for chips and so on; fields
(``hardware.memory_bandwidth``) are further entries of theirs, and zipped axes of the core follow the first of them. So
dimensions that share an axis of the core become one *bundle*: all their combinations, row-major, numbered along the
bundle's first axis of the core, which leads its others.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from .._native import AXES, F64
from ..catalogue import hardware, hardware_ids, model, model_ids
from ..errors import SpecError, UnknownNameError
from ..specs import Hardware, Model, Precision, precision
from .counts import COUNTS, parse_count_axis
from .fields import Change, field_axes, is_field, parse_field_axis, variant
from .objects import parse_objects
from .zips import ZIP, take_zips

__all__ = ["DEFAULTS", "Axes", "Dimension"]

#: What an axis is when a sweep does not name it.
DEFAULTS: dict[str, Any] = {
    "precision": "bf16",
    "tp": 1,
    "pp": 1,
    "ep": 1,
    "dp": 1,
    "cp": 1,
    "isl": 1024,
    "osl": 256,
    "batch": 1,
}
_FIND: dict[str, tuple[Any, type, Any]] = {
    "model": (model, Model, model_ids),
    "hardware": (hardware, Hardware, hardware_ids),
    "precision": (precision, Precision, None),
}
_MOST_ENTRIES = 1 << 20  # objects along one axis of the core: each is one of Python's
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Dimension:
    """One axis, or several that are zipped: where its index is found in a point's number."""

    names: tuple[str, ...]
    length: int
    lead: str = ""  #: the axis of the core along which its bundle is numbered
    stride: int = 1  #: of its index in the bundle's entry

    @property
    def name(self) -> str:
        """``"isl"``, or ``"isl,osl"`` where they are zipped."""
        return ZIP.join(self.names)


class Axes:
    """The named axes of a sweep: objects, values and labels, in the user's order and in the core's.

    ``named`` and ``dims`` are the user's; ``models``, ``hardware``, ``precisions``, ``counts`` and ``zip`` are the
    core's, with an entry for each value that is evaluated; ``shape`` are the lengths by which the core numbers points,
    in the order of `AXES` (1 for an axis that another leads). ``ready`` readies the chips before their fields change.
    """

    def __init__(
        self,
        named: Mapping[str, Any],
        ready: Callable[[tuple[Hardware, ...]], tuple[Hardware, ...]] | None = None,
    ) -> None:
        given, zips = take_zips(named)
        unknown = [name for name in given if name not in AXES and not is_field(name)]
        if unknown:
            raise UnknownNameError("axis", unknown[0], [*AXES, *field_axes()])
        for name in ("model", "hardware"):
            if name not in given:
                raise SpecError(name, None, f"at least one {name}: a catalogue id or an object")
        self._values: dict[str, Sequence[Any] | F64] = {}
        spelled: dict[str, str] = {}
        for name, value in given.items():
            full, values = _parse(name, value)
            if full in self._values:
                raise SpecError(name, value, f"each axis once: {full} is named twice")
            self._values[full], spelled[name] = values, full
        if ready is not None:
            self._values["hardware"] = ready(tuple(self._values["hardware"]))
        self.named: tuple[str, ...] = tuple(self._values)
        for name in AXES:
            if name not in self._values:
                self._values[name] = _parse(name, DEFAULTS[name])[1]
        zips = [tuple(spelled[name] for name in names) for names in zips]
        self._dims = self._bundles(zips)
        self._refuse_twins(zips)
        #: Names of the dimensions, in the order in which the sweep named their first axes.
        self.dims: tuple[str, ...] = tuple(d.name for d in self._dims if d.names[0] in self.named)
        self._by_axis = {name: d for d in self._dims for name in d.names}

    def _bundles(self, zips: Sequence[tuple[str, ...]]) -> list[Dimension]:
        """Dimensions in their places; fills what the core gets."""
        zipped = {name: names for names in zips for name in names}
        groups = list(dict.fromkeys(zipped.get(name, (name,)) for name in self._values))
        for names in groups:
            lengths = {name: len(self._values[name]) for name in names}
            if len(set(lengths.values())) > 1:
                said = ", ".join(f"{name} {n}" for name, n in lengths.items())
                raise SpecError("zip", ZIP.join(names), f"axes of equal length, not {said}")
        bundles = _connected(groups)
        self.counts: dict[str, F64] = {}
        self.zip = [0] * len(AXES)
        objects: dict[str, tuple[Any, ...]] = {}
        dims: list[Dimension] = []
        lengths = dict.fromkeys(AXES, 1)
        for number, bundle in enumerate(bundles, start=1):
            cores = sorted({_core(name) for names in bundle for name in names}, key=AXES.index)
            if "batch" in cores and len(cores) > 1:
                raise SpecError("zip", ZIP.join(cores), "axes without batch; a list of points varies it: Plan.points")
            size = math.prod(len(self._values[names[0]]) for names in bundle)
            if size > _MOST_ENTRIES and cores != ["batch"] and len(bundle) + len(cores) > 2:
                raise SpecError("axes", f"{size:,} entries of {', '.join(cores)}", f"at most {_MOST_ENTRIES:,}")
            lengths[cores[0]], stride = size, size
            for names in bundle:
                length = len(self._values[names[0]])
                stride //= length
                dims.append(Dimension(names, length, cores[0], stride))
            placed = dims[len(dims) - len(bundle) :]
            for core in cores:
                self.zip[AXES.index(core)] = number if len(cores) > 1 else 0
                if core in COUNTS:
                    dim = next(d for d in placed if core in d.names)
                    values = np.asarray(self._values[core])
                    self.counts[core] = (
                        values if dim.length == size else np.ascontiguousarray(values[_index(dim, size)])
                    )
                else:
                    objects[core] = self._variants(core, placed, size)
        self.models: tuple[Model, ...] = objects["model"]
        self.hardware: tuple[Hardware, ...] = objects["hardware"]
        self.precisions: tuple[Precision, ...] = objects["precision"]
        #: Lengths by which points are numbered, in the order of `AXES`.
        self.shape: tuple[int, ...] = tuple(lengths[name] for name in AXES)
        order = {name: i for i, name in enumerate(self._values)}
        return sorted(dims, key=lambda d: order[d.names[0]])

    def _variants(self, core: str, dims: Sequence[Dimension], size: int) -> tuple[Any, ...]:
        """The objects of each entry: what the user named, with the fields that axes change."""
        own = next(d for d in dims if core in d.names)
        bases = [self._values[core][i] for i in _index(own, size).tolist()]
        axes = [(self._values[n], _index(d, size)) for d in dims for n in d.names if n != core and _core(n) == core]
        if not axes:
            return tuple(bases)
        changed: list[list[Change]] = [[] for _ in range(size)]
        for values, index in axes:
            for entry, at in zip(changed, index.tolist(), strict=True):
                entry.append(values[at])
        made: dict[tuple[int, tuple[Change, ...]], Any] = {}
        for base, entry in zip(bases, changed, strict=True):
            key = id(base), tuple(entry)
            if key not in made:
                made[key] = variant(base, key[1])
        return tuple(made[id(base), tuple(entry)] for base, entry in zip(bases, changed, strict=True))

    def _refuse_twins(self, zips: Sequence[tuple[str, ...]]) -> None:
        together = {name for names in zips for name in names}
        for name in _FIND:
            labels = self.labels(name)
            twice = next((label for label in labels if labels.count(label) > 1), None)
            if twice is not None and name not in together:
                raise SpecError(name, twice, "each name once: give one of the two objects another id")

    def labels(self, name: str) -> list[Any]:
        """The values of an axis as people read them."""
        if name in COUNTS:
            return [int(v) for v in self._values[name]]
        if name == "precision":
            return [p.name for p in self._values[name]]
        if name in _FIND:
            return [o.id for o in self._values[name]]
        return [change.label for change in self._values[name]]

    def value(self, name: str, at: Ints) -> Ints:
        """Whole numbers of an axis at indices."""
        return np.asarray(self._values[name])[at].astype(np.int64)

    def coords(self, dim: str) -> list[Any]:
        """The labels along a dimension; tuples where axes are zipped."""
        names = self.dimension(dim).names
        columns = [self.labels(name) for name in names]
        return columns[0] if len(names) == 1 else list(zip(*columns, strict=True))

    def dimension(self, name: str) -> Dimension:
        """The dimension of an axis, or by its own name."""
        return self._by_axis[name.split(ZIP)[0]]

    @property
    def lengths(self) -> tuple[int, ...]:
        """Lengths of `dims`."""
        return tuple(self.dimension(dim).length for dim in self.dims)

    @property
    def changes(self) -> dict[str, list[Any]]:
        """Fields that the caller set, with their values."""
        return {name: self.labels(name) for name in self.named if is_field(name)}

    @property
    def placed(self) -> list[Dimension]:
        """All dimensions, named or not, by how fast they change from point to point, slowest first."""
        return sorted(self._dims, key=lambda d: (AXES.index(d.lead), -d.stride))

    def objects(self, name: str) -> tuple[Any, ...]:
        """Models, chips or precisions as the user named them, without changes of their fields."""
        return tuple(self._values[name])

    def grid(self, flat: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """What the core stored of all points, in the shape of `dims`, without a copy."""
        named = [d for d in self.placed if d.name in self.dims]
        names = [d.name for d in named]
        return flat.reshape([d.length for d in named]).transpose([names.index(d) for d in self.dims])

    def index(self, points: npt.NDArray[Any]) -> dict[str, Ints]:
        """For points by number: the index along every axis, named or not."""
        core = dict(zip(AXES, np.unravel_index(points.astype(np.int64), self.shape), strict=True))
        return {name: core[d.lead] // d.stride % d.length for d in self._dims for name in d.names}

    def combination(self, values: dict[str, object]) -> int:
        """Number of the combination with these values; the first of what is not named. Takes them out of ``values``."""
        core = dict.fromkeys(AXES, 0)
        for dim in self._dims:
            if dim.lead in AXES[8:]:
                continue
            asked = {name: values.pop(name) for name in dim.names if name in values}
            core[dim.lead] += self._find(dim, asked) * dim.stride
        number = 0
        for name, length in zip(AXES[:8], self.shape[:8], strict=True):
            number = number * length + core[name]
        return number

    def _find(self, dim: Dimension, asked: Mapping[str, object]) -> int:
        fit = range(dim.length)
        for name, value in asked.items():
            labels = self.labels(name)
            label = getattr(value, "id", getattr(value, "name", value))
            fit = [i for i in fit if labels[i] == label]  # type: ignore[assignment]
            if not fit:
                raise UnknownNameError(f"{name} of the sweep", label, [str(label) for label in labels])
        return fit[0]

    def groups(self, by: Iterable[str]) -> tuple[tuple[str, ...], dict[str, Ints], int]:
        """Groups by the values of axes, whole ones of the core or parts: names, tables, number of groups.

        A point's group is the sum of ``tables[axis][index]`` over the core's axes. Groups are numbered row-major over
        ``names``, the axes asked for in the core's order; those of a zip are one.
        """
        asked = {self.dimension(name).name for name in by}
        dims = [d for d in self.placed if d.name in asked]
        tables: dict[str, Ints] = {}
        groups = 1
        for dim in reversed(dims):
            size = self.shape[AXES.index(dim.lead)]
            table = tables.setdefault(dim.lead, np.zeros(size, dtype=np.int64))
            table += _index(dim, size) * groups
            groups *= dim.length
        return tuple(name for d in dims for name in d.names), tables, groups


def _parse(name: str, value: Any) -> tuple[str, Sequence[Any] | F64]:
    if is_field(name):
        return parse_field_axis(name, value)
    if name in COUNTS:
        return name, parse_count_axis(name, value)
    return name, tuple(parse_objects(name, value, *_FIND[name]))


def _core(name: str) -> str:
    return name.partition(".")[0]


def _index(dim: Dimension, size: int) -> Ints:
    """A dimension's index at each entry of its bundle."""
    return np.arange(size) // dim.stride % dim.length


def _connected(groups: Sequence[tuple[str, ...]]) -> list[list[tuple[str, ...]]]:
    """Dimensions that share an axis of the core, together; objects before the fields that change them."""
    bundles: list[tuple[set[str], list[tuple[str, ...]]]] = []
    for names in groups:
        cores = {_core(name) for name in names}
        touching = [b for b in bundles if b[0] & cores]
        merged = (cores.union(*(b[0] for b in touching)), [n for b in touching for n in b[1]] + [names])
        bundles = [b for b in bundles if b not in touching] + [merged]
    return [sorted(b[1], key=lambda names: min((AXES.index(_core(n)), is_field(n)) for n in names)) for b in bundles]
