"""What kind of callable an application is: read from its signature, without calling it."""

import functools
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from licorne.server.application.interface import Interface, classify, is_plainly_asgi, missing_arguments, parameters_of


async def coroutine_function(scope: Any, receive: Any, send: Any) -> None: ...


def function_of_a_scope(scope: Any) -> Any: ...


def zero_argument_function() -> Any: ...


def function_with_optional_arguments(settings: Any = None, *, debug: bool = False) -> Any: ...


def wsgi(environ: Any, start_response: Any) -> Any: ...


async def messaging(message: Any, channels: Any) -> None: ...


class WsgiObject:
    def __call__(self, environ: Any, start_response: Any) -> Any: ...


class WsgiClass:
    def __init__(self, environ: Any, start_response: Any) -> None: ...

    def __iter__(self) -> Any: ...


class MessagingObject:
    async def __call__(self, message: Any, channels: Any) -> None: ...


def unclear_pair(one: Any, two: Any) -> Any: ...


async def endpoint(request: Any) -> None: ...


async def async_factory() -> Any: ...


def needs_keyword(scope: Any, receive: Any, send: Any, *, database: Any) -> Any: ...


class CallableClass:
    async def __call__(self, scope: Any, receive: Any, send: Any) -> None: ...


class DoubleCallableClass:
    def __init__(self, scope: Any) -> None: ...

    async def __call__(self, receive: Any, send: Any) -> None: ...


class AwaitableClass:
    def __init__(self, scope: Any, receive: Any, send: Any) -> None: ...

    def __await__(self) -> Any: ...


class UnusableClass:
    def __init__(self, one: Any, two: Any, three: Any, four: Any) -> None: ...


def passed_through(inner: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(inner)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        return inner(*args, **kwargs)

    return wrapper


def given_a_database(inner: Callable[..., Awaitable[None]]) -> Callable[..., Any]:
    @functools.wraps(inner)
    async def wrapper(scope: Any, receive: Any, send: Any) -> None:
        await inner(scope, receive, send, "database")

    return wrapper


async def four_arguments(scope: Any, receive: Any, send: Any, database: Any) -> None: ...


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        (coroutine_function, Interface.ASGI3),
        (CallableClass(), Interface.ASGI3),
        (CallableClass().__call__, Interface.ASGI3),
        (AwaitableClass, Interface.ASGI3),
        (functools.partial(four_arguments, database=1), Interface.ASGI3),
        (lambda scope, receive, send: None, Interface.ASGI3),
        (passed_through(coroutine_function), Interface.ASGI3),
        (given_a_database(four_arguments), Interface.ASGI3),
        (print, Interface.ASGI3),
        (function_of_a_scope, Interface.ASGI2),
        (DoubleCallableClass, Interface.ASGI2),
        (functools.partial(lambda database, scope: None, 1), Interface.ASGI2),
        (passed_through(function_of_a_scope), Interface.ASGI2),
        (zero_argument_function, Interface.FACTORY),
        (function_with_optional_arguments, Interface.FACTORY),
        (functools.cache(zero_argument_function), Interface.FACTORY),
        (passed_through(zero_argument_function), Interface.FACTORY),
        (CallableClass, Interface.FACTORY),
        (wsgi, Interface.WSGI),
        (WsgiObject(), Interface.WSGI),
        (WsgiObject().__call__, Interface.WSGI),
        (WsgiClass, Interface.WSGI),
        (WsgiObject, Interface.FACTORY),
        (passed_through(wsgi), Interface.WSGI),
        (unclear_pair, Interface.NONE),
        (messaging, Interface.MESSAGING),
        (MessagingObject(), Interface.MESSAGING),
        (MessagingObject, Interface.FACTORY),
        (passed_through(messaging), Interface.MESSAGING),
        (endpoint, Interface.NONE),
        (async_factory, Interface.NONE),
        (needs_keyword, Interface.NONE),
        (UnusableClass, Interface.NONE),
        ("main:app", Interface.NONE),
    ],
)
def test_the_signature_decides(target: object, expected: Interface) -> None:
    assert classify(target) is expected


def test_a_wrapper_that_changes_the_arguments_is_not_refused() -> None:
    assert classify(passed_through(endpoint)) is Interface.ASGI3


@pytest.mark.parametrize("target", [coroutine_function, CallableClass(), AwaitableClass])
def test_an_application_that_shows_it_is_plainly_one(target: object) -> None:
    assert is_plainly_asgi(target)


@pytest.mark.parametrize("target", [CallableClass, endpoint, function_of_a_scope, wsgi, print, "app", None])
def test_what_only_may_be_an_application_is_not_plainly_one(target: object) -> None:
    assert not is_plainly_asgi(target)


def test_missing_arguments_are_those_without_default() -> None:
    assert missing_arguments(wsgi) == "environ, start_response"
    assert missing_arguments(function_with_optional_arguments) == ""
    assert missing_arguments(passed_through(wsgi)) == ""


def test_parameters_are_shown_without_annotations() -> None:
    assert parameters_of(needs_keyword) == "(scope, receive, send, database)"
    assert parameters_of(functools.cache(wsgi)) == "(…)"
