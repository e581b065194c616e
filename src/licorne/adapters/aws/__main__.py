"""`python -m licorne.adapters.aws module.handler`: the bootstrap of a custom runtime."""

import argparse
import os
import sys
from importlib import import_module
from typing import Any

from licorne.adapters.aws.api import RuntimeApi
from licorne.adapters.aws.runtime import Runtime
from licorne.errors import EXIT_CONFIG, EXIT_STARTUP, ConfigError, LicorneError


def main() -> int:
    """Run; return the exit status."""
    options = _parse_arguments()
    try:
        runtime = Runtime(_find(options.handler), streaming=options.streaming)
        runtime.run()
    except ConfigError as error:
        print(f"Error: {error}", file=sys.stderr)
        return EXIT_CONFIG
    except LicorneError as error:
        print(f"Error: {error}", file=sys.stderr)
        return EXIT_STARTUP
    return 0


def _parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m licorne.adapters.aws", description="Run a handler on AWS Lambda.")
    parser.add_argument("handler", nargs="?", default=os.environ.get("_HANDLER"), help="module.attribute (_HANDLER)")
    parser.add_argument("--streaming", action="store_true", help="stream responses (invoke mode RESPONSE_STREAM)")
    return parser.parse_args()


def _find(name: str | None) -> Any:
    """Import a handler. What the import raises is told to Lambda too."""
    module, dot, attribute = (name or "").replace(":", ".").rpartition(".")
    if not dot:
        raise ConfigError('name a handler as "module.attribute"', option="handler", value=name, source="_HANDLER")
    sys.path.insert(0, os.environ.get("LAMBDA_TASK_ROOT", os.getcwd()))
    try:
        return getattr(import_module(module.replace("/", ".")), attribute)
    except Exception as error:
        address = os.environ.get("AWS_LAMBDA_RUNTIME_API")
        if address:
            RuntimeApi(address).fail_start(error)
        raise


if __name__ == "__main__":
    sys.exit(main())
