"""LambdaContext: what a function is told of its invocation besides the event, by the names that AWS's runtimes use."""

import json
import os
import time
from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any

__all__ = ["LambdaContext"]


class LambdaContext:
    """Hold the facts of one invocation."""

    def __init__(self, headers: Mapping[str, str]) -> None:
        """Take the header fields with which the runtime API hands an event out."""
        told = os.environ.get
        self.aws_request_id = headers.get("Lambda-Runtime-Aws-Request-Id", "")
        self.invoked_function_arn = headers.get("Lambda-Runtime-Invoked-Function-Arn")
        self.function_name = told("AWS_LAMBDA_FUNCTION_NAME")
        self.function_version = told("AWS_LAMBDA_FUNCTION_VERSION")
        self.memory_limit_in_mb = told("AWS_LAMBDA_FUNCTION_MEMORY_SIZE")
        self.log_group_name = told("AWS_LAMBDA_LOG_GROUP_NAME")
        self.log_stream_name = told("AWS_LAMBDA_LOG_STREAM_NAME")
        self.tenant_id = headers.get("Lambda-Runtime-Aws-Tenant-Id")
        self.client_context = _object(headers.get("Lambda-Runtime-Client-Context"))
        identity = _object(headers.get("Lambda-Runtime-Cognito-Identity"))
        self.identity = SimpleNamespace(
            cognito_identity_id=getattr(identity, "cognitoIdentityId", None),
            cognito_identity_pool_id=getattr(identity, "cognitoIdentityPoolId", None),
        )
        self._deadline = _milliseconds(headers.get("Lambda-Runtime-Deadline-Ms"))

    def get_remaining_time_in_millis(self) -> int:
        """Return how long the function may still run."""
        return max(0, self._deadline - int(time.time() * 1000))


def _milliseconds(text: str | None) -> int:
    """Return the deadline; a day ahead where none is told."""
    return int(text) if text and text.isdecimal() else int(time.time() * 1000) + 86_400_000


def _object(text: str | None) -> Any:
    return json.loads(text, object_hook=lambda found: SimpleNamespace(**found)) if text else None
