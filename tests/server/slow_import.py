"""An application whose import takes long."""

import time

from hanging import app

__all__ = ["app"]

time.sleep(3.0)
