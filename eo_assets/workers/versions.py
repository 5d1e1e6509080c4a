"""Whether scheduler and workers run the software we run: compared when a run connects to them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from typing import Any

from eo_assets.errors import ConfigurationError

_MUST_AGREE = ("python", "dask", "distributed", "cloudpickle", "eo-assets")
"""Where these differ, tasks cannot be understood, or other code of ours computes."""

_SHOULD_AGREE = ("numpy", "xarray", "zarr", "rasterio", "pyproj", "odc-geo", "scikit-learn")
"""Where these differ, pixels may differ: of rasterio its wheel brings GDAL, of pyproj PROJ."""

_OF_SCHEDULERS = ("python", "dask", "distributed", "cloudpickle")
"""All a scheduler needs: it never opens a task."""

Versions = Mapping[str, Any]
"""Version by package; None or absent where it is not installed."""


def compare_versions(client: Any) -> list[str]:
    """Compare the software of scheduler and workers with our own.

    Args:
        client: A connected ``distributed.Client``. Workers that come later are not looked at.

    Returns:
        A sentence for each package that differs and may change results, naming who has what.

    Raises:
        ConfigurationError: One that must agree differs; all of them are named.
    """
    found = client.get_versions(check=False, packages=[*_MUST_AGREE[-1:], *_SHOULD_AGREE])
    ours = _packages(found["client"])
    workers = {address: _packages(one) for address, one in found["workers"].items()}
    scheduler = {"the scheduler": _packages(found["scheduler"])}
    wrong = differences(ours, scheduler, _OF_SCHEDULERS) + differences(ours, workers, _MUST_AGREE)
    if wrong:
        raise ConfigurationError(
            f"Dask at {client.scheduler.address} runs other software: {'; '.join(wrong)}.",
            "Run scheduler and workers from the image or the lock file this process runs from.",
        )
    return differences(ours, workers, _SHOULD_AGREE)


def differences(
    ours: Versions, others: Mapping[str, Versions], packages: tuple[str, ...]
) -> list[str]:
    """Name what differs.

    Args:
        ours: Our own versions.
        others: Those of others, by who they are.
        packages: The ones to compare; of Python, major and minor version count.

    Returns:
        A sentence a package: ``"numpy is 2.3.1 here, 2.2.0 on tcp://10.0.0.7:4000"``.
    """
    said = []
    for package in packages:
        own = ours.get(package)
        who: defaultdict[str, list[str]] = defaultdict(list)
        for name, versions in others.items():
            if versions.get(package) != own:
                who[versions.get(package) or "missing"].append(name)
        if who:
            theirs = ", ".join(f"{version} on {_named(names)}" for version, names in who.items())
            said.append(f"{package} is {own or 'missing'} here, {theirs}")
    return said


def _named(names: list[str]) -> str:
    more = f" and {len(names) - 2} more" if len(names) > 2 else ""
    return ", ".join(names[:2]) + more


def _packages(found: Mapping[str, Any]) -> Versions:
    packages = dict(found["packages"])
    packages["python"] = ".".join(str(packages["python"]).split(".")[:2])
    return packages
