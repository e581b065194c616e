"""The fuzzing client runs on CPython 2.7 only: where there is none, `make test` says that this part is missing.

It takes a minute, so that once is enough: in the compiled build.
"""

from tests.conftest import running_build
from tools.environments import find_interpreter

collect_ignore = ["test_autobahn.py"] if running_build() == "pure" or not find_interpreter("2.7") else []
