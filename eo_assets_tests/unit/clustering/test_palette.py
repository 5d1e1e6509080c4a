from itertools import combinations

import numpy as np
import pytest

from eo_assets.clustering.palette import MAX_DISTINCT, class_colours

# Machado, Oliveira and Fernandes 2009, severity 1, linear RGB
SIGHT = {
    "normal": np.eye(3),
    "protanopia": [
        [0.152286, 1.052583, -0.204868],
        [0.114503, 0.786281, 0.099216],
        [-0.003882, -0.048116, 1.051998],
    ],
    "deuteranopia": [
        [0.367322, 0.860646, -0.227968],
        [0.280085, 0.672501, 0.047413],
        [-0.011820, 0.042940, 0.968881],
    ],
    "tritanopia": [
        [1.255528, -0.076749, -0.178779],
        [-0.078411, 0.930809, 0.147602],
        [0.004733, 0.691367, 0.303900],
    ],
}
TO_XYZ = [
    [0.4124564, 0.3575761, 0.1804375],
    [0.2126729, 0.7151522, 0.0721750],
    [0.0193339, 0.1191920, 0.9503041],
]


def cielab(colours, sight):
    rgb = np.array([[int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)] for colour in colours])
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    seen = np.clip(linear @ np.array(SIGHT[sight]).T, 0, 1)
    xyz = seen @ np.array(TO_XYZ).T / [0.95047, 1, 1.08883]
    f = np.where(xyz > 0.008856, np.cbrt(xyz), 7.787 * xyz + 16 / 116)
    return np.stack([116 * f[:, 1] - 16, 500 * (f[:, 0] - f[:, 1]), 200 * (f[:, 1] - f[:, 2])], 1)


@pytest.mark.parametrize("sight", SIGHT)
@pytest.mark.parametrize("n_clusters", range(2, MAX_DISTINCT + 1))
def test_colours_stay_apart_for_every_kind_of_sight(sight, n_clusters):
    lab = cielab(class_colours(n_clusters), sight)
    # 20 is about nine times the smallest difference people notice
    assert min(np.linalg.norm(a - b) for a, b in combinations(lab, 2)) > 20


@pytest.mark.parametrize("n_clusters", [1, 2, 11, 64])
def test_there_is_a_different_colour_for_every_class(n_clusters):
    colours = class_colours(n_clusters)
    assert len(set(colours)) == n_clusters
    assert all(len(colour) == 7 and int(colour[1:], 16) >= 0 for colour in colours)
