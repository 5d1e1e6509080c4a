"""Looking at the header of every file a cube needs, before any pixel is computed.

Of a scene whose item contradicts itself some pixels are looked at too.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import rasterio

from eo_assets.cube.access import file_size, gdal_environment, with_file
from eo_assets.cube.diagnosis import naming
from eo_assets.cube.grid import Grid
from eo_assets.cube.scene import Scene, SourceBand, SourceFile
from eo_assets.cube.selfcheck import SelfCheck, check_shift
from eo_assets.errors import SourceContractError, SourceReadError


@dataclass(frozen=True, kw_only=True)
class Probe:
    """What a file's header says.

    Attributes:
        scene: Id of the scene.
        band: Name of the band.
        href: Unsigned address.
        grid: Its grid; None when the file cannot be used.
        dtype: Data type of its pixels.
        block: Rows and columns of a block.
        overviews: Number of overviews.
        fault: Why the file cannot be used; empty when it can.
        warning: What makes reading it slow: striped, or without overviews; or that its pixels
            do not tell whether a doubtful item is right.
        radiometry: What its pixels say of a doubtful item.
        quarantined: They say that the item is wrong; a person has to decide.
    """

    scene: str
    band: str
    href: str
    grid: Grid | None = None
    dtype: str = ""
    block: tuple[int, int] = (0, 0)
    overviews: int = 0
    fault: str = ""
    warning: str = ""
    radiometry: str = ""
    quarantined: bool = False


def probe_scene(scene: Scene) -> tuple[Probe, ...]:
    """Read the header of every file of a scene.

    Args:
        scene: The scene.

    Returns:
        One probe a band, the quality band last. A file that cannot be used has a ``fault``.

    Raises:
        SourceUnavailableError: A server does not answer.
    """
    files: dict[str, SourceFile] = dict(scene.bands)
    if scene.quality:
        files["quality"] = scene.quality
    with gdal_environment():
        probes = tuple(_probe(scene.id, band, file) for band, file in files.items())
        if scene.doubtful and not any(probe.fault for probe in probes):
            return _with_radiometry(scene, probes)
    return probes


def _with_radiometry(scene: Scene, probes: tuple[Probe, ...]) -> tuple[Probe, ...]:
    try:
        with naming(scene.id, "radiometry"):
            check = check_shift(scene)
    except SourceReadError as error:
        return (replace(probes[0], fault=error.problem), *probes[1:])
    band = check.band or probes[0].band
    return tuple(_noted(probe, check) if probe.band == band else probe for probe in probes)


def _noted(probe: Probe, check: SelfCheck) -> Probe:
    undecided = check.verdict == "undecided"
    warning = "; ".join(filter(None, [probe.warning, check.reason if undecided else ""]))
    return replace(
        probe,
        warning=warning,
        radiometry=f"{check.verdict}: {check.reason}",
        quarantined=check.verdict == "contradicts",
    )


def _probe(scene: str, band: str, file: SourceFile) -> Probe:
    href = file.href.partition("?")[0]
    try:
        with naming(scene, band):
            return with_file(lambda dataset: _header(scene, band, file, dataset), file.href)[0]
    except (SourceReadError, SourceContractError) as error:
        return Probe(scene=scene, band=band, href=href, fault=error.problem)


def _header(scene: str, band: str, file: SourceFile, dataset: rasterio.DatasetReader) -> Probe:
    href = file.href.partition("?")[0]
    dtype = dataset.dtypes[0]
    expected = {file.dtype} if isinstance(file, SourceBand) else {"uint8", "uint16"}
    fault = ""
    if dataset.crs is None:
        fault = f"{href} has no CRS."
    elif dtype not in expected:
        fault = f"{href} has {dtype} pixels; {' or '.join(sorted(expected))} was expected."
    elif dataset.transform.b or dataset.transform.d:
        fault = f"{href} is rotated; a north-up grid was expected."
    elif missing := _missing_bytes(dataset, file.href):
        fault = f"{href} is cut short: {missing} bytes are missing."
    if fault:
        return Probe(scene=scene, band=band, href=href, dtype=dtype, fault=fault)
    block = dataset.block_shapes[0]
    overviews = len(dataset.overviews(1))
    tiled = block[1] < dataset.width or block[0] >= dataset.height
    warnings = [] if tiled else ["striped, not tiled"]
    if not overviews and max(dataset.shape) > 1024:
        warnings.append("no overviews")
    return Probe(
        scene=scene,
        band=band,
        href=href,
        grid=Grid.of_file(dataset),
        dtype=dtype,
        block=tuple(block),
        overviews=overviews,
        warning="; ".join(warnings),
    )


def _missing_bytes(dataset: rasterio.DatasetReader, href: str) -> int:
    """Tell how far the last block of a file lies beyond its end."""
    height, width = dataset.block_shapes[0]
    last = f"{(dataset.width - 1) // width}_{(dataset.height - 1) // height}"
    start, length = (
        dataset.get_tag_item(f"BLOCK_{what}_{last}", "TIFF", bidx=1) for what in ("OFFSET", "SIZE")
    )
    size = file_size(href) if start and length else None
    return 0 if size is None else max(int(start) + int(length) - size, 0)


def with_grids(scene: Scene, probes: tuple[Probe, ...]) -> Scene:
    """Give a scene that knows the grids of its files, so that readers need no header first.

    Args:
        scene: The scene.
        probes: Its probes, without fault.

    Returns:
        The scene with grids.
    """
    grids = {probe.band: probe.grid for probe in probes}
    bands = {
        name: band.model_copy(update={"grid": grids[name]}) for name, band in scene.bands.items()
    }
    quality = scene.quality and scene.quality.model_copy(update={"grid": grids["quality"]})
    return scene.model_copy(update={"bands": bands, "quality": quality})
