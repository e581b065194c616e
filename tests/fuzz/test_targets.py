"""The fuzz targets on their seeds and on a few mutations: quick, repeatable, and without a fuzzer."""

import random

import pytest

from tests.fuzz.targets import TARGETS, seeds

MUTATIONS = 1500
SPICE = (
    b"\r\n",
    b"\n",
    b"\r",
    b"\x00",
    b" ",
    b"\t",
    b":",
    b";",
    b"0",
    b"f",
    b"%",
    b"\x80",
    b"HTTP/1.0",
    b"chunked",
    b"",
)


@pytest.mark.parametrize("target", TARGETS)
def test_target_holds_on_its_seeds(target: str) -> None:
    for seed in seeds(target):
        if len(seed) < 1000:
            TARGETS[target](seed)


@pytest.mark.parametrize("target", TARGETS)
def test_target_holds_on_mutations(target: str) -> None:
    chance = random.Random(target)
    inputs = [seed for seed in seeds(target) if len(seed) < 1000]
    for _ in range(MUTATIONS):
        data = chance.choice(inputs)
        for _ in range(chance.randint(1, 4)):
            at, size = chance.randint(0, len(data)), chance.choice((0, 0, 1, 2, 10))
            data = data[:at] + chance.choice(SPICE) + data[at + size :]
        TARGETS[target](data)
