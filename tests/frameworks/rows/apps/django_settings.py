"""Django: what its applications here have in common."""

import django
from django.conf import settings

__all__ = ["set_up"]


def set_up(urls: str, *apps: str, **more: object) -> None:
    """Be a project's settings, and load its applications."""
    settings.configure(
        ALLOWED_HOSTS=["127.0.0.1", "localhost"],
        ROOT_URLCONF=urls,
        SECRET_KEY="of these tests",
        INSTALLED_APPS=apps,
        MIDDLEWARE=["django.middleware.common.CommonMiddleware", "django.middleware.security.SecurityMiddleware"],
        # By default the exception of a failed request is logged when `DEBUG` is on only.
        LOGGING={
            "version": 1,
            "disable_existing_loggers": False,
            "handlers": {"console": {"class": "logging.StreamHandler"}},
            "loggers": {"django.request": {"handlers": ["console"], "level": "ERROR", "propagate": False}},
        },
        **more,
    )
    django.setup()
