"""Making a product again from its STAC item alone, and comparing it with what the item says.

Everything is computed from the source scenes on, in a store of its own, by the very steps of the
pipeline: nothing that is stored is used but the item and, for classes that another date founded,
the model beside it; for a report, the item of its classes too.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass

from pydantic import TypeAdapter

from eo_assets.clustering.code_book import CodeBook
from eo_assets.clustering.model import ClusterModel
from eo_assets.errors import (
    ConfigurationError,
    FailureBudgetError,
    MissingArtifactError,
    SourceReadError,
    UntrustedArtifactError,
)
from eo_assets.pipeline import band_stack, clusters, geotiff, index_maps, mosaic, reports, segments
from eo_assets.pipeline.mosaic_blocks import bands_of, open_mosaic
from eo_assets.pipeline.tasks import TaskRunner
from eo_assets.places import Place
from eo_assets.storage.code_books import update_code_book
from eo_assets.storage.product_item import multihash
from eo_assets.storage.provenance import Told, checksums_of, read_origin, software
from eo_assets.storage.region_grid import GRID
from eo_assets.storage.store import Record, Store

ITEMS = "stac_items"


@dataclass(frozen=True, kw_only=True)
class FileComparison:
    """A file of a product and what came of making it again.

    Attributes:
        name: Key of its STAC asset.
        recorded: Multihash the item states.
        made: Multihash of the file made again; empty when there is none.
    """

    name: str
    recorded: str
    made: str

    @property
    def equal(self) -> bool:
        """Whether the two files are the same, byte for byte."""
        return self.recorded == self.made


@dataclass(frozen=True, kw_only=True)
class Replay:
    """A product made again.

    Attributes:
        told: What its item says.
        folder: Where the product made again lies.
        files: Its files compared.
        other_software: Versions that differ, by name: the item's, and the one here.
    """

    told: Told
    folder: Place
    files: tuple[FileComparison, ...]
    other_software: dict[str, tuple[str, str]]

    @property
    def equal(self) -> bool:
        """Whether every file is the same, byte for byte."""
        return all(file.equal for file in self.files)


def replay_item(item: Place, *, store: Store, runner: TaskRunner, block_px: int) -> Replay:
    """Make the product of an item again and compare checksums.

    Args:
        item: The STAC item of a product.
        store: An empty store to make it in.
        runner: Where the work is done.
        block_px: Edge of a block, pixels; no result depends on it.

    Returns:
        What came of it.

    Raises:
        MissingArtifactError: There is no item, or not the model beside it.
        StaleArtifactError: The item does not say how its product is made.
        ConfigurationError: Products of this step cannot be made again from their item.
        UntrustedArtifactError: The model beside the item is not the one it names.
        SourceReadError: A source file is gone or cannot be read.
        SourceUnavailableError: A server does not answer.
        StorageError: The product cannot be stored.
    """
    told = read_item(item)
    step = told.recipe.step
    if step not in _STEPS:
        raise ConfigurationError(
            f"{item} is of {step}, which needs more than its item says.",
            f"Items of {', '.join(_STEPS)} can be replayed.",
        )
    _restore_inputs(told, store)
    _make_mosaic(told, store, runner, block_px)
    record = _STEPS[step](item, told, store, runner)
    folder = store.folder(told.partition, step)
    again = checksums_of(
        json.loads((folder / record.files["stac_item"]).read_text(encoding="utf-8"))
    )
    return Replay(
        told=told,
        folder=folder,
        files=tuple(
            FileComparison(name=name, recorded=recorded, made=again.get(name, ""))
            for name, recorded in told.checksums.items()
        ),
        other_software=_differing(told),
    )


def read_item(item: Place) -> Told:
    """Read a product's item; see ``read_origin``.

    Raises:
        MissingArtifactError: There is none.
        StaleArtifactError: It does not say how its product is made.
    """
    try:
        content = json.loads(item.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise MissingArtifactError(
            f"{item} cannot be read as a STAC item: {error}.",
            "Give the JSON file of a product's item.",
        ) from error
    return read_origin(content, name=str(item))


def _differing(told: Told) -> dict[str, tuple[str, str]]:
    here = software()
    return {
        name: (version, here.get(name, "none"))
        for name, version in told.software.items()
        if here.get(name) != version
    }


def _restore_inputs(told: Told, store: Store) -> None:
    """Publish the snapshot of scenes and the virtual cube as the item tells them."""
    partition = told.partition
    about = {
        "region": partition.region.id,
        "collection": partition.region.collection,
        "date": str(partition.date),
    }
    features = [
        {"id": source, "links": [{"rel": "self", "href": source}]} for source in told.sources
    ]
    with store.publish(partition, ITEMS) as folder:
        content = json.dumps({"type": "FeatureCollection", "features": features})
        (folder / "items.json").write_text(content, encoding="utf-8")
        store.write_record(folder, Record(step=ITEMS, files={"items": "items.json"}, **about))
    with store.publish(partition, band_stack.STEP) as folder:
        band_stack.write_stack(folder, told.cube, told.grid)
        record = Record(
            step=band_stack.STEP,
            files={"cube": band_stack.CUBE, "grid": GRID},
            digest=band_stack.stack_digest(told.cube, told.grid),
            **about,
        )
        store.write_record(folder, record)


def _make_mosaic(told: Told, store: Store, runner: TaskRunner, block_px: int) -> None:
    try:
        mosaic.materialise(
            told.partition, store=store, runner=runner, failure_budget=0.0, block_px=block_px
        )
    except (FailureBudgetError, SourceReadError) as error:
        raise SourceReadError(
            f"{told.id} cannot be made again: its sources cannot be read. {error.problem}",
            "Put the files back where the graph in its item names them, or give access to them.",
        ) from error


def _mosaic(item: Place, told: Told, store: Store, runner: TaskRunner) -> Record:  # noqa: ARG001
    return store.read_record(told.partition, mosaic.STEP)


def _geotiff(item: Place, told: Told, store: Store, runner: TaskRunner) -> Record:  # noqa: ARG001
    return geotiff.materialise(told.partition, store=store, runner=runner)


def _clusters(item: Place, told: Told, store: Store, runner: TaskRunner) -> Record:
    options = TypeAdapter(clusters.ClusterOptions).validate_python(told.recipe.options)
    reference = str(told.properties["eo_assets:reference_date"])
    # the founding date learns its classes again; other dates are labelled with its model
    if reference != str(told.partition.date):
        _restore_code_book(item, told, options, store)
    return clusters.materialise(told.partition, store=store, runner=runner, options=options)


def _restore_code_book(
    item: Place, told: Told, options: clusters.ClusterOptions, store: Store
) -> None:
    file = item.parent / told.files["model"]
    if not file.exists():
        raise MissingArtifactError(
            f"The model of {told.id} is not at {file}.", "Keep the files of a product together."
        )
    if multihash(file) != told.checksums["model"]:
        raise UntrustedArtifactError(
            f"{file} is not the model {told.id} was made with: its checksum differs.",
            "Restore the product from a copy, or materialise clusters again.",
        )
    partition = told.partition
    record = store.read_record(partition, mosaic.STEP)
    with open_mosaic(str(store.folder(partition, mosaic.STEP) / record.files["mosaic"])) as dataset:
        key = options.key(options.recipe(bands_of(dataset)))
    book = CodeBook.again(
        ClusterModel.from_json(file.read_text(encoding="utf-8")),
        date=str(partition.date),
        mosaic=record.digest,
        reference=str(told.properties["eo_assets:reference_date"]),
        valid_pct=float(told.properties["eo_assets:reference_valid_pct"]),
    )
    update_code_book(store, partition.region, key, lambda _: book)


def _reports(item: Place, told: Told, store: Store, runner: TaskRunner) -> Record:
    classified = [name for name in told.products if name.startswith(f"../{clusters.STEP}/")]
    if classified:
        classes = item.parent / classified[0]
        _clusters(classes, read_item(classes), store, runner)
    else:
        options = clusters.ClusterOptions()
        clusters.materialise(told.partition, store=store, runner=runner, options=options)
    return reports.materialise(told.partition, store=store, runner=runner)


def _index_maps(item: Place, told: Told, store: Store, runner: TaskRunner) -> Record:  # noqa: ARG001
    options = TypeAdapter(index_maps.MapOptions).validate_python(told.recipe.options)
    return index_maps.materialise(told.partition, store=store, runner=runner, options=options)


def _segments(item: Place, told: Told, store: Store, runner: TaskRunner) -> Record:  # noqa: ARG001
    options = TypeAdapter(segments.SegmentOptions).validate_python(told.recipe.options)
    return segments.materialise(told.partition, store=store, runner=runner, options=options)


_STEPS: dict[str, Callable[[Place, Told, Store, TaskRunner], Record]] = {
    "mosaic": _mosaic,
    "geotiff": _geotiff,
    "clusters": _clusters,
    "reports": _reports,
    "index_maps": _index_maps,
    "segments": _segments,
}
