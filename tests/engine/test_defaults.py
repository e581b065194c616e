"""defaults.py: the fields that every response has, and when they change."""

from licorne.engine.defaults import DefaultHeaders
from licorne.engine.sink import HAS_DATE, HAS_NO_CONTENT, HAS_SERVER

DATE = (b"date", b"Thu, 01 Jan 1970 00:00:00 GMT")
SERVER = (b"server", b"licorne")
OTHER = (b"x-a", b"1")


def new_defaults() -> DefaultHeaders:
    """Make all kinds of them."""
    made = DefaultHeaders([OTHER, SERVER])
    made.refresh(0.0)
    return made


def test_what_the_application_sets_is_left_out() -> None:
    defaults = new_defaults()
    assert defaults.pairs(0) == [DATE, SERVER, OTHER]
    assert defaults.pairs(HAS_DATE) == [SERVER, OTHER]
    assert defaults.pairs(HAS_SERVER | HAS_NO_CONTENT) == [DATE, OTHER]
    assert defaults.pairs(HAS_DATE | HAS_SERVER) == [OTHER]


def test_the_same_list_is_given_until_the_next_refresh() -> None:
    defaults = new_defaults()
    first, version = defaults.pairs(0), defaults.version
    assert defaults.pairs(HAS_NO_CONTENT) is first
    defaults.refresh(1.0)
    assert defaults.version != version
    assert defaults.pairs(0)[0] == (b"date", b"Thu, 01 Jan 1970 00:00:01 GMT")
    assert first[0] == DATE


def test_without_a_date_nothing_ever_changes() -> None:
    defaults = DefaultHeaders([], has_date=False)
    version = defaults.version
    defaults.refresh(1.0)
    assert (defaults.pairs(0), defaults.version) == ([], version)
    assert version != 0
