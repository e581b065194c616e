"""Loading an application: every way to name one, every way to be wrong, and what the user is told."""

import asyncio
import logging
import sys
import textwrap
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from licorne.errors import AppLoadError
from licorne.server.application.importer import LoadedApp, load_app

APP = "async def {name}(scope, receive, send): ...\n"

Write = Callable[..., str]


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Write]:
    """Return a function that writes a module into the current directory and returns its name."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [entry for entry in sys.path if entry.startswith((sys.prefix, sys.base_prefix))])
    known = set(sys.modules)

    def write_module(source: str, name: str = "main") -> str:
        path = tmp_path / f"{name.replace('.', '/')}.py"
        path.parent.mkdir(exist_ok=True)
        path.write_text(textwrap.dedent(source), encoding="utf-8")
        return name

    yield write_module
    for name in set(sys.modules) - known:
        del sys.modules[name]


def failure_of(target: Any, **options: Any) -> AppLoadError:
    """Return the error of a load that must fail, which is one line."""
    with pytest.raises(AppLoadError) as caught:
        load_app(target, **options)
    assert "\n" not in str(caught.value)
    return caught.value


def call(loaded: LoadedApp) -> None:
    """Call an application as ASGI 3."""
    asyncio.run(loaded.app({"type": "http"}, None, None))


# --- naming -------------------------------------------------------------------------------------------------


def test_module_and_attribute_are_loaded(write: Write) -> None:
    write(APP.format(name="app"))
    loaded = load_app("main:app")
    assert loaded.app is sys.modules["main"].app
    assert str(loaded) == "main:app (asgi3)"
    assert loaded.asgi_version == "3.0"


def test_attributes_may_be_nested(write: Write) -> None:
    write("class api:\n    @staticmethod\n    async def v1(scope, receive, send): ...\n")
    assert load_app("main:api.v1").app is sys.modules["main"].api.v1


def test_an_object_is_taken_as_it_is() -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None: ...

    loaded = load_app(app)
    assert loaded.app is app
    assert loaded.name.endswith("<locals>.app")


def test_no_application_says_how_to_name_one() -> None:
    assert "main:app" in str(failure_of(None))


def test_the_application_is_looked_for_in_app_dir_first(write: Write, tmp_path: Path) -> None:
    write("")
    write(APP.format(name="app"), "elsewhere.main")
    load_app("main:app", app_dir=str(tmp_path / "elsewhere"))
    assert sys.modules["main"].__file__ == str(tmp_path / "elsewhere" / "main.py")


def test_the_running_script_comes_before_the_current_directory(write: Write, tmp_path: Path) -> None:
    write("")
    write(APP.format(name="app"), "script.main")
    sys.path.insert(0, str(tmp_path / "script"))
    load_app("main:app")


# --- finding what was not named -----------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["app", "application"])
def test_a_module_alone_means_its_app_or_application(write: Write, name: str, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "licorne.error")
    write(APP.format(name="other") + APP.format(name=name))
    assert load_app("main").name == f"main:{name}"
    assert f"Using main:{name} as the application." in caplog.messages


def test_app_comes_before_application(write: Write) -> None:
    write(APP.format(name="application") + APP.format(name="app"))
    assert load_app("main").name == "main:app"


def test_a_sole_asgi_callable_is_found_under_any_name(write: Write) -> None:
    write(
        """
        import json, logging

        class Framework:
            async def __call__(self, scope, receive, send): ...

        async def endpoint(request): ...
        def settings(): ...
        service = Framework()
        """
    )
    assert load_app("main").name == "main:service"


def test_imported_functions_are_not_the_module_s_application(write: Write) -> None:
    write(APP.format(name="middleware"), "library")
    write("from library import middleware\n" + APP.format(name="service"))
    assert load_app("main").name == "main:service"


def test_several_asgi_callables_are_listed(write: Write) -> None:
    write(APP.format(name="one") + APP.format(name="two"))
    assert "there are one, two; say which, as main:one" in str(failure_of("main"))


def test_a_module_without_application_says_so(write: Write) -> None:
    write("answer = 42\n")
    assert "it has no app, no application and no other ASGI callable" in str(failure_of("main"))


def test_an_app_that_is_a_module_is_passed_over(write: Write) -> None:
    write("", "app")
    write("import app\n" + APP.format(name="application"))
    assert load_app("main").name == "main:application"


# --- what is not there --------------------------------------------------------------------------------------


def test_a_missing_module_is_one_line_with_the_nearest_name(write: Write, tmp_path: Path) -> None:
    write("")
    failure = failure_of("mian:app")
    assert f'cannot load mian:app: there is no module "mian" in {tmp_path}' in str(failure)
    assert str(failure).endswith('; did you mean "main"?')
    assert failure.__cause__ is None


def test_a_missing_submodule_names_the_nearest_one(write: Write) -> None:
    write("", "project.__init__")
    write(APP.format(name="app"), "project.asgi")
    failure = failure_of("project.agsi:app")
    assert str(failure).endswith('; did you mean "project.asgi"?')
    assert failure.__cause__ is None


def test_an_attribute_named_with_a_dot_for_the_colon(write: Write) -> None:
    write(APP.format(name="app"))
    assert "an attribute is named as main:app" in str(failure_of("main.app"))


def test_a_missing_attribute_names_the_file_and_the_nearest_one(write: Write, tmp_path: Path) -> None:
    write(APP.format(name="app"))
    expected = f'there is no "ap" in module main ({tmp_path / "main.py"}); did you mean "app"?'
    assert expected in str(failure_of("main:ap"))


# --- failures of the user's code ----------------------------------------------------------------------------


def frames(error: BaseException | None) -> list[str]:
    """Return the files in the traceback of an error."""
    assert error is not None
    return [Path(frame.filename).name for frame in traceback.extract_tb(error.__traceback__)]


def test_an_exception_in_the_module_keeps_the_user_s_traceback_alone(write: Write) -> None:
    write("def fail():\n    raise ValueError('boom')\n", "settings")
    write("import settings\nsettings.fail()\n")
    failure = failure_of("main:app")
    assert str(failure) == "cannot load main:app: ValueError: boom"
    assert isinstance(failure.__cause__, ValueError)
    assert frames(failure.__cause__) == ["main.py", "settings.py"]


def test_another_missing_module_is_the_user_s_failure(write: Write) -> None:
    write("import no_such_library\n")
    failure = failure_of("main:app")
    assert "No module named 'no_such_library'" in str(failure)
    assert frames(failure.__cause__) == ["main.py"]


def test_a_package_that_imports_its_own_missing_submodule_is_the_user_s_failure(write: Write) -> None:
    write("import project.asgi\n", "project.__init__")
    assert frames(failure_of("project.asgi:app").__cause__) == ["__init__.py"]


def test_a_syntax_error_is_shown_without_our_frames(write: Write) -> None:
    write("def app(:\n")
    failure = failure_of("main:app")
    assert isinstance(failure.__cause__, SyntaxError)
    assert frames(failure.__cause__) == []


def test_an_attribute_that_raises_is_the_user_s_failure(write: Write) -> None:
    write("class Site:\n    @property\n    def app(self):\n        return self.missing\nsite = Site()\n")
    failure = failure_of("main:site.app")
    assert isinstance(failure.__cause__, AttributeError)
    assert frames(failure.__cause__) == ["main.py"]


def test_sys_exit_in_the_module_is_obeyed(write: Write) -> None:
    write("raise SystemExit(7)\n")
    with pytest.raises(SystemExit):
        load_app("main:app")


# --- factories ----------------------------------------------------------------------------------------------

FACTORY = """
    async def made(scope, receive, send): ...
    def create_app():
        return made
"""


def test_an_explicit_factory_is_called(write: Write, caplog: pytest.LogCaptureFixture) -> None:
    write(FACTORY)
    loaded = load_app("main:create_app", factory=True)
    assert loaded.app is sys.modules["main"].made
    assert str(loaded) == "main:create_app (asgi3 made by a factory)"
    assert not caplog.messages


def test_an_explicit_factory_may_be_left_unnamed(write: Write) -> None:
    write(FACTORY)
    assert load_app("main", factory=True).name == "main:create_app"


def test_a_plain_factory_is_called_with_a_warning(write: Write, caplog: pytest.LogCaptureFixture) -> None:
    write(FACTORY)
    assert load_app("main:create_app").is_from_factory
    assert ["--factory" in message for message in caplog.messages] == [True]


def test_a_type_error_inside_a_factory_is_shown(write: Write) -> None:
    write("def create_app():\n    return len(5)\n")
    failure = failure_of("main:create_app")
    assert isinstance(failure.__cause__, TypeError)
    assert frames(failure.__cause__) == ["main.py"]


def test_an_explicit_factory_that_asks_for_arguments_is_not_called(write: Write) -> None:
    write("def create_app(settings): raise AssertionError\n")
    assert "this one asks for settings" in str(failure_of("main:create_app", factory=True))


def test_a_coroutine_function_is_no_factory(write: Write) -> None:
    write("async def create_app(): ...\n")
    assert "a factory is an ordinary function" in str(failure_of("main:create_app", factory=True))


def test_a_factory_that_is_not_callable_is_named() -> None:
    assert "an object of type int cannot be called" in str(failure_of(5, factory=True))


def test_a_factory_must_return_an_application(write: Write) -> None:
    write("def create_app(): return None\n")
    assert "an object of type NoneType cannot be called" in str(failure_of("main:create_app", factory=True))


# --- interfaces ---------------------------------------------------------------------------------------------

ASGI2 = """
    seen = []
    class app:
        def __init__(self, scope):
            self.scope = scope
        async def __call__(self, receive, send):
            seen.append((self.scope, receive, send))
"""


def test_an_asgi2_application_is_adapted(write: Write) -> None:
    write(ASGI2)
    loaded = load_app("main:app")
    call(loaded)
    assert sys.modules["main"].seen == [({"type": "http"}, None, None)]
    assert loaded.asgi_version == "2.0"
    assert loaded.interface == "asgi2"


def test_a_named_interface_is_not_questioned(write: Write) -> None:
    write("def app(*arguments):\n    return app\n")
    assert load_app("main:app").interface == "asgi3"
    assert load_app("main:app", interface="asgi2").interface == "asgi2"


def test_what_cannot_be_called_as_asgi_says_what_it_takes(write: Write) -> None:
    write("def app(environ, respond): ...\nasync def other(message, replies): ...\n")
    asked = "it takes (environ, respond), and ASGI calls it with (scope, receive, send)"
    assert f"{asked}; a WSGI application needs --interface wsgi" in str(failure_of("main:app"))
    assert str(failure_of("main:other")).endswith(
        "one of the interface (message, channels) needs --interface messaging"
    )


@pytest.mark.parametrize(
    ("source", "interface"),
    [
        ("def app(environ, start_response): ...\n", "wsgi"),
        ("async def app(message, channels): ...\n", "messaging"),
    ],
)
def test_another_interface_is_adapted_to_asgi3(write: Write, source: str, interface: str) -> None:
    write(source)
    loaded = load_app("main:app")
    assert (loaded.interface, loaded.asgi_version) == (interface, "3.0")
    assert loaded.app is not sys.modules["main"].app
    assert load_app("main:app", interface=interface).interface == interface


def test_a_sole_wsgi_callable_is_found_under_any_name(write: Write) -> None:
    write("class Framework:\n    def __call__(self, environ, start_response): ...\nservice = Framework()\n")
    assert load_app("main").name == "main:service"


def test_a_coroutine_function_is_no_wsgi_application(write: Write) -> None:
    write(APP.format(name="app"))
    assert "it is a coroutine function" in str(failure_of("main:app", interface="wsgi"))


def test_what_cannot_be_called_at_all_says_its_type(write: Write) -> None:
    write("app = 'main:app'\n")
    assert "main:app is not an ASGI application: an object of type str cannot be called" in str(failure_of("main:app"))
