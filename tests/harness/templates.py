"""Repository creation templates. Tests use prefixes of their own: all of a registry's templates are one table."""

import itertools

from harness.server import ACCOUNT

PUSH = ["CREATE_ON_PUSH"]
REFUSALS = ("InvalidParameterException", "ValidationException")

_numbers = itertools.count(1)


def new_prefix() -> str:
    return f"template/t{next(_numbers)}"


def not_there(prefix: str) -> tuple[str, str]:
    return ("TemplateNotFoundException",
            f"The repository creation template with prefix '{prefix}' does not exist in the registry with id '{ACCOUNT}'")
