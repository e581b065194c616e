"""Kinds of values that HTTP/2 bounds: its windows and frames have a least and a largest size (RFC 9113 §6.5.2)."""

from typing import Any

from licorne.config.values import SizeKind

__all__ = ["BoundedSize"]


class BoundedSize(SizeKind):
    """Take a size within bounds, as bytes; there is no "no limit"."""

    __slots__ = ("maximum", "minimum")

    def __init__(self, minimum: int, maximum: int) -> None:
        super().__init__()
        self.minimum = minimum
        self.maximum = maximum

    def finish(self, number: Any) -> int:
        size = super().finish(number)
        if not self.minimum <= size <= self.maximum:
            raise ValueError(f"must be {self.describe()}")
        return size

    def describe(self) -> str:
        return f"a size from {self.write(self.minimum)} to {self.write(self.maximum)}"
