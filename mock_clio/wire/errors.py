"""Errors as Clio words and shapes them.

Two shapes: `{"error": {"type", "message"}}` everywhere, and the bearer challenge, whose `error` is a string.
"""


class ApiError(Exception):
    """A request that is answered with an error object."""

    def __init__(self, status: int, kind: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.kind = kind
        self.message = message


def not_found() -> ApiError:
    """No such record, or no such path."""
    return ApiError(404, "NotFoundError", "Not Found")


def unauthorized() -> ApiError:
    """The Authorization header is missing or malformed."""
    return ApiError(401, "UnauthorizedError", "User is not authorized")


def forbidden(permission: str) -> ApiError:
    """The application lacks a permission."""
    return ApiError(403, "ForbiddenError", f"The application has no permission for {permission}")


def invalid_fields(message: str) -> ApiError:
    """`fields` cannot be served."""
    return ApiError(400, "InvalidFields", message)


def bad_argument(message: str) -> ApiError:
    """A parameter that cannot be read."""
    return ApiError(400, "ArgumentError", f"An invalid argument was supplied: {message}")


def unprocessable(message: str) -> ApiError:
    """A body that fails validation."""
    return ApiError(422, "ArgumentError", f"An invalid argument was supplied: {message}")
