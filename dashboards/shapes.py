"""The polygons of units that a county supplies as GeoJSON, brought to the plane of a picture.

Belongs here: reading and checking the file, projecting it. Does not belong here: colours and links (`pages/county_map.py`).
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from pathlib import Path
from typing import Any

from pipelines.errors import WarehouseError, Words

LARGEST_FILE = 64 * 2**20  # bytes
MOST_POINTS = 400_000
SIDE = 1000.0  # the longer one of the picture, in its own units

Point = tuple[float, float]


class ShapesInvalid(WarehouseError):
    """There is a file of polygons, and it cannot be used."""


@dataclass(frozen=True)
class Shape:
    """The outline of a unit in the picture, as an SVG path, and where its mark stands."""

    unit_code: str
    path: str
    middle: Point
    width: float


@dataclass(frozen=True)
class Shapes:
    """All outlines by unit code, in a picture whose longer side is SIDE."""

    by_code: dict[str, Shape]
    width: float
    height: float


def read_shapes(path: Path) -> Shapes | None:
    """What the file holds; None where a county has none. ShapesInvalid names the feature and what is wrong with it.

    The file is GeoJSON (RFC 7946, longitude and latitude in degrees): features with the property unit_code and a Polygon or
    MultiPolygon each.
    """
    known = shapes_stamp(path)
    return _read(path, *known) if known else None


def shapes_stamp(path: Path) -> tuple[int, int] | tuple[()]:
    """When the file was changed (nanoseconds) and its size; empty where a county has none."""
    try:
        known = path.stat()
    except OSError:
        return ()
    return known.st_mtime_ns, known.st_size


@lru_cache(maxsize=4)
def _read(path: Path, _changed: int, size: int) -> Shapes:
    if size > LARGEST_FILE:
        raise _invalid(path, "", Words("最大 64 MB", "64 MB at most"), Words(f"{size / 2**20:.0f} MB", f"{size / 2**20:.0f} MB"))
    try:
        found = json.loads(path.read_text("utf-8-sig"))
    except (OSError, ValueError) as error:
        raise _invalid(
            path, "", Words("UTF-8 编码的 GeoJSON", "GeoJSON in UTF-8"), Words("无法解析的文件", "a file that cannot be parsed")
        ) from error
    features = found.get("features") if isinstance(found, dict) and found.get("type") == "FeatureCollection" else None
    if not isinstance(features, list) or not features:
        raise _invalid(
            path, "", Words("含要素的 FeatureCollection", "a FeatureCollection with features"), Words("其他内容", "something else")
        )
    outlines: dict[str, list[list[Point]]] = {}
    points = 0
    for place, feature in enumerate(features, 1):
        code, rings = _outline(path, place, feature)
        if code in outlines:
            raise _invalid(
                path, f"feature {place}", Words("每个 unit_code 一个要素", "one feature per unit_code"), Words(f"{code} 重复", f"{code} twice")
            )
        points += sum(map(len, rings))
        if points > MOST_POINTS:
            raise _invalid(
                path, f"feature {place}", Words(f"最多 {MOST_POINTS} 个点，请先简化边界", f"{MOST_POINTS} points at most: simplify the borders"),
                Words("更多", "more"),
            )  # fmt: skip
        outlines[code] = rings
    return _drawn(outlines)


def _outline(path: Path, place: int, feature: Any) -> tuple[str, list[list[Point]]]:
    """The unit's code and its rings, in degrees."""
    where = f"feature {place}"
    feature = feature if isinstance(feature, dict) else {}
    code = (feature.get("properties") or {}).get("unit_code") if isinstance(feature.get("properties"), dict) else None
    if not isinstance(code, str) or not code.isdigit():
        raise _invalid(
            path, where, Words("properties.unit_code 为文字的单位代码", "properties.unit_code, a unit's code as text"),
            Words("没有，或不是文字数字", "none, or no digits in text"),
        )  # fmt: skip
    geometry = feature.get("geometry") if isinstance(feature.get("geometry"), dict) else {}
    kind, coordinates = geometry.get("type"), geometry.get("coordinates")
    if kind not in ("Polygon", "MultiPolygon") or not isinstance(coordinates, list):
        raise _invalid(
            path, where, Words("Polygon 或 MultiPolygon", "a Polygon or MultiPolygon"), Words("其他几何类型", "another geometry")
        )
    polygons = [coordinates] if kind == "Polygon" else coordinates
    rings = [list(_points(path, where, ring)) for polygon in polygons for ring in _listed(path, where, polygon)]
    if not rings:
        raise _invalid(path, where, Words("至少一个环", "one ring at least"), Words("没有", "none"))
    return code, rings


def _listed(path: Path, where: str, value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise _invalid(path, where, Words("坐标数组", "arrays of coordinates"), Words("其他内容", "something else"))
    return value


def _points(path: Path, where: str, ring: Any) -> Iterator[Point]:
    listed = _listed(path, where, ring)
    if len(listed) < 4 or listed[0] != listed[-1]:
        raise _invalid(
            path, where, Words("首尾相同、至少 4 个点的环", "closed rings of 4 points at least"), Words("未闭合或太短", "an open or short one")
        )
    for point in listed:
        match point:
            case [int() | float() as east, int() | float() as north, *_] if abs(east) <= 180 and abs(north) <= 90:
                yield float(east), float(north)
            case _:
                raise _invalid(
                    path, where, Words("经度、纬度（度）", "longitude and latitude in degrees"),
                    Words("超出范围或不是数字的点", "a point beyond them, or no number"),
                )  # fmt: skip


def _drawn(outlines: dict[str, list[list[Point]]]) -> Shapes:
    """Degrees to the picture: at the scale of a county a plane that is right at its middle latitude is exact enough."""
    every = [point for rings in outlines.values() for ring in rings for point in ring]
    west, east = min(point[0] for point in every), max(point[0] for point in every)
    south, north = min(point[1] for point in every), max(point[1] for point in every)
    narrowed = math.cos(math.radians((south + north) / 2))
    scale = SIDE / (max((east - west) * narrowed, (north - south), 1e-9))

    def place(point: Point) -> Point:
        return (point[0] - west) * narrowed * scale, (north - point[1]) * scale

    shapes = {}
    for code, rings in outlines.items():
        placed = [[place(point) for point in ring] for ring in rings]
        largest = max(placed, key=lambda ring: abs(_area(ring)))
        shapes[code] = Shape(code, "".join(map(_path, placed)), _middle(largest), _width(largest))
    return Shapes(shapes, (east - west) * narrowed * scale, (north - south) * scale)


def _path(ring: Sequence[Point]) -> str:
    """A ring at a tenth of a picture's unit, without points that fall together."""
    kept = list(dict.fromkeys(f"{x:.1f} {y:.1f}" for x, y in ring))
    return f"M{'L'.join(kept)}Z"


def _area(ring: Sequence[Point]) -> float:
    return sum(a[0] * b[1] - b[0] * a[1] for a, b in pairwise(ring)) / 2


def _middle(ring: Sequence[Point]) -> Point:
    """The centre of its area; of its corners where it has none."""
    area = _area(ring)
    if abs(area) < 1e-9:
        return sum(x for x, _ in ring) / len(ring), sum(y for _, y in ring) / len(ring)
    x = y = 0.0
    for a, b in pairwise(ring):
        cross = a[0] * b[1] - b[0] * a[1]
        x, y = x + (a[0] + b[0]) * cross, y + (a[1] + b[1]) * cross
    return x / (6 * area), y / (6 * area)


def _width(ring: Sequence[Point]) -> float:
    return max(x for x, _ in ring) - min(x for x, _ in ring)


def _invalid(path: Path, where: str, expected: Words, found: Words) -> ShapesInvalid:
    return ShapesInvalid(
        Words("单位边界文件不能使用", "The file of the units' borders cannot be used"),
        where=f"{path.parent.name}/{path.name} {where}".strip(),
        expected=expected,
        found=found,
        advice=Words("更正或移走该文件；其间显示示意图", "correct or remove the file; until then a schematic map is shown"),
    )
