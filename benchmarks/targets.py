"""What was wanted, what was found, and whether that is enough."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

MET, MISSED, UNKNOWN = "met", "**missed**", "not measured"
MOSAIC, DAGSTER = "#where-the-mosaics-time-goes", "operations.md#backfill"
STEEPEST = 1.1
"""Exponent of growth where growth can be linear."""

Figures = dict[str, Any]


def judged(found: Figures) -> list[dict[str, str]]:
    """Hold figures against what was wanted.

    Args:
        found: Figures of parts, by name.

    Returns:
        Rows with work, target, result and state.
    """
    return [*mosaics(found), *orchestration(found), *clustering(found), *tiles(found),
            *growth(found)]  # fmt: skip


def row(work: str, target: str, result: str, *, met: bool, why: str = "") -> dict[str, str]:
    """Judge one target; ``why`` is where the document explains what it takes."""
    missed = f"{MISSED}: [why]({why})" if why else MISSED
    return {"work": work, "target": target, "result": result, "state": MET if met else missed}


def unknown(work: str, target: str, why: str = "") -> dict[str, str]:
    return {"work": work, "target": target, "result": why or "–", "state": UNKNOWN}


def by_name(figures: Any) -> dict[str, dict[str, Any]]:
    rows = figures["rows"] if figures else []
    return {one["contestant"]: one for one in rows}


def mosaics(found: Figures) -> Iterator[dict[str, str]]:
    local = by_name(found.get("mosaic"))
    ours = local.get("eo_assets", {})
    work = "mosaic + COG, local, against the limit"
    for key, most, what in (("wall_x", 1.15, "wall"), ("peak_mb_x", 1.5, "memory")):
        target = f"≤ {most} × {what}"
        if key in ours:
            more = f" ({ours['cpu_x']} × CPU)" if key == "wall_x" else ""
            yield row(work, target, f"{ours[key]} ×{more}", met=ours[key] <= most, why=MOSAIC)
        else:
            yield unknown(work, target)
    for peer, least in (("odc-stac", 1.8), ("stackstac", 4), ("seed", 8)):
        work, target = f"the same against {peer}", f"≥ {least} × faster"
        other = local.get(peer, {})
        if "wall_s" in other and "wall_s" in ours:
            times, cpu = (other[key] / ours[key] for key in ("wall_s", "cpu_s"))
            yield row(
                work, target, f"{times:.1f} × ({cpu:.1f} × CPU)", met=times >= least, why=MOSAIC
            )
        else:
            yield unknown(work, target, other.get("remark", ""))
    yield from over_http(by_name(found.get("http-30")))


def over_http(remote: dict[str, dict[str, Any]]) -> Iterator[dict[str, str]]:
    ours = remote.get("eo_assets", {})
    work, target = "the same, 30 ms latency, against the limit with 16 threads", "≤ 1.0 × wall"
    if "wall_x" in ours:
        yield row(work, target, f"{ours['wall_x']} ×", met=ours["wall_x"] <= 1, why=MOSAIC)
    else:
        yield unknown(work, target)
    work, target = "the same: requests", "fewer than every peer"
    others = {
        name: int(one["requests"])
        for name, one in remote.items()
        if name not in ("limit", "eo_assets") and "requests" in one
    }
    if others and "requests" in ours:
        mine, listed = int(ours["requests"]), ", ".join(f"{n} {r}" for n, r in others.items())
        yield row(work, target, f"{mine}; {listed}", met=mine < min(others.values()))
    else:
        yield unknown(work, target)


def orchestration(found: Figures) -> Iterator[dict[str, str]]:
    for name, work in (
        ("partition", "six assets in Dagster, one partition of Bucegi, against a plain script"),
        ("backfill", "30-day backfill against the plain loop"),
    ):
        target = "≤ 1.25 ×"
        if name not in found:
            yield unknown(work, target)
            continue
        ours = found[name]["ways"]["runs"]
        result = f"{ours['wall_ratio']:.2f} × ({ours['cpu_ratio']:.2f} × CPU)"
        yield row(work, target, result, met=ours["wall_ratio"] <= 1.25, why=DAGSTER)


def clustering(found: Figures) -> Iterator[dict[str, str]]:
    work, target = "clustering against MiniBatchKMeans on all pixels", "≤ 20 % of CPU, ARI ≥ 0.95"
    if "clustering" not in found:
        yield unknown(work, target)
        return
    full = found["clustering"]["ways"]["same_settings"]
    share, ari = full["sampled_time_pct"], full["ari_sampled"]
    yield row(work, target, f"{share:.1f} %, ARI {ari:.3f}", met=share <= 20 and ari >= 0.95)


def tiles(found: Figures) -> Iterator[dict[str, str]]:
    if "tiles" not in found:
        yield unknown("tiles against titiler", "as stated for the tile service")
        return
    for one in found["tiles"]:
        ratio, target = one["ratio"], one["target"]
        faster = one["what"] == "tiles_per_s"
        work = f"tiles, {one['case']}, {one['visit']}" + (", pace of 16 clients" if faster else "")
        wanted = f"≥ {target} × titiler's" if faster else f"≤ {target} × titiler's CPU"
        met = ratio >= target if faster else ratio <= target
        yield row(work, wanted, f"{ratio:.2f} ×", met=met)


def growth(found: Figures) -> Iterator[dict[str, str]]:
    target = f"exponent ≤ {STEEPEST}"
    if "growth" not in found:
        yield unknown("growth", target)
        return
    for one in found["growth"]["rows"]:
        fitted, step = one["exponent"], one["step"]
        # noise can bend a fitted curve, hardly both
        met = min(fitted, step) <= STEEPEST
        result = f"{fitted:.2f} (step {step:.2f})"
        yield row(f"growth with {one['with']}: {one['cost_of']}", target, result, met=met)
